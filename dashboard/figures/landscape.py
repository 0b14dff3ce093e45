"""What a study found in its space: Optuna's slices and contour, and parallel coordinates.

`table` below is what `dashboard.results.trials.table` returns, `space` what `dashboard.figures.space.read_space` does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme
from dashboard.figures.space import ENOUGH, SAME, Axis, axis, rebuild
from dashboard.results.trials import PARAM, complete

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution


def _bare(column: str) -> str:
    # a parameter called like one of a table's own columns keeps its prefix
    bare = column.removeprefix(PARAM)
    return column if bare in ("trial", "value", "rank") else bare


def _said(trial: int, name: str, value: object) -> str:
    return f"trial {trial}<br>{theme.plain(name)} = {theme.plain(value)}"


# ---------------------------------------------------------------------------------------------------------- slices


def slices(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return one row per complete trial and parameter: trial, value, parameter, setting (what was tried, as text)."""
    kept = complete(table)
    long = kept.melt(["trial", "value"], [PARAM + n for n in names], "parameter", "setting").dropna(subset=["setting"])
    return long.assign(parameter=long["parameter"].str.removeprefix(PARAM)).reset_index(drop=True)


def draw_slices(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], names: Sequence[str], label: str
) -> go.Figure:
    """Draw Optuna's slice plot, two panels a row: the objective against each parameter; late trials are blue."""
    from optuna.visualization import plot_slice

    plain = {name: theme.plain(name) for name in names}
    study = rebuild(table, space, "minimize", plain)
    numbers = [trial.user_attrs["trial"] for trial in study.trials]
    figure = plot_slice(study, params=list(plain.values()), target_name=label)
    rows = math.ceil(len(figure.data) / 2)
    gap = 0.3 / rows
    height = (1 - gap * (rows - 1)) / rows
    for place, trace in enumerate(figure.data):
        axis_of = "" if place == 0 else str(place + 1)
        row, column = divmod(place, 2)
        top = 1 - row * (height + gap)
        left = 0.0 if len(figure.data) == 1 or column == 0 else 0.565
        right = 1.0 if len(figure.data) == 1 else left + 0.435
        figure.layout[f"xaxis{axis_of}"].domain = (left, right)
        figure.layout[f"yaxis{axis_of}"].domain = (max(top - height, 0.0), top)
        trace.update(
            marker={
                "color": [numbers[i] for i in trace.marker.color],
                "coloraxis": "coloraxis",
                "size": 8,
                "line": {"width": 0.5, "color": theme.NEUTRAL},
            },
            hovertemplate=f"trial %{{marker.color}}<br>%{{x}}<br>{label} = %{{y:.4g}}<extra></extra>",
        )
    titles = {name: figure.layout[name].title.text for name in figure.layout if str(name).startswith("xaxis")}
    theme.finish(figure, 110 + 240 * rows, legend=False)
    for axis_name, title in titles.items():
        figure.layout[axis_name].title = {"text": title}
    figure.layout.yaxis.title = {"text": label}
    if up := theme.within(complete(table)["value"], label, share=0.5):
        figure.update_yaxes(range=up["range"])
        figure.layout.yaxis.title = up["title"]
    return figure.update_layout(
        title=None,
        width=None,
        margin_b=theme.BAR_AND_TITLE,
        coloraxis={
            "colorscale": [[0, theme.NEUTRAL], [1, theme.ACCENT]],
            "colorbar": theme.colour_bar("trial"),
        },
    )


# --------------------------------------------------------------------------------------------------------- contour


def contour(table: pd.DataFrame, x: str, y: str, direction: str) -> pd.DataFrame:
    """Return the complete trials that have both parameters: trial, x, y (as text) and value, the best first."""
    kept = complete(table).dropna(subset=[PARAM + x, PARAM + y])
    kept = kept.sort_values("value", ascending=direction != "maximize", kind="stable")
    found = kept[["trial", "value", PARAM + x, PARAM + y]].rename(columns=_bare)
    return found[["trial", *(_bare(PARAM + n) for n in (x, y)), "value"]].reset_index(drop=True)


def no_contour(table: pd.DataFrame, x: str, y: str) -> str:
    """Return why a map of two parameters would show nothing but noise; empty where it would show something."""
    kept = complete(table).dropna(subset=[PARAM + x, PARAM + y])
    if len(kept) < ENOUGH:
        return f"at least {ENOUGH} completed trials with both parameters are needed; there are {len(kept)}"
    if float(np.ptp(kept["value"])) <= SAME * float(np.abs(kept["value"]).max()):
        return "all completed trials have the same score"
    return ""


def draw_contour(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], x: str, y: str, direction: str, label: str
) -> go.Figure:
    """Draw Optuna's contour plot: the objective over two parameters; points are complete trials."""
    from optuna.visualization import plot_contour

    table, beyond = _clipped(table)
    label = theme.beyond_text(label, beyond)
    study = rebuild(table, space, direction, {name: theme.plain(name) for name in (x, y)})
    figure = plot_contour(study, params=[theme.plain(x), theme.plain(y)], target_name=label)
    if theme.plain(x) > theme.plain(y):  # Optuna sorts the two; here the reader says which one goes across
        _transpose(figure)
    for trace in figure.data:
        if trace.type == "contour":
            trace.update(
                colorscale=theme.SEQUENTIAL,
                reversescale=direction != "maximize",  # the brightest is the best
                contours_coloring="heatmap",
                line={"width": 0.5},
                colorbar=theme.colour_bar(label),
                hoverinfo="skip",
            )
        else:
            trace.update(marker={"color": "white", "size": 7, "line": {"color": "black", "width": 1.2}})
    titles = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    theme.finish(figure, 480, *titles, legend=False)
    return figure.update_layout(title=None, margin_b=theme.BAR_AND_TITLE)


def _clipped(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the complete trials with values far beyond the others set to the end of these, and how many they are."""
    kept = complete(table)
    low, high = theme.bulk(kept["value"]) or (0.0, 1.0)
    clipped = kept["value"].clip(low, high)
    return kept.assign(value=clipped), int((clipped != kept["value"]).sum())


def _transpose(figure: go.Figure) -> None:
    """Swap the axes of Optuna's contour plot."""
    for trace in figure.data:
        trace.x, trace.y = trace.y, trace.x
        if trace.type == "contour":
            trace.z = np.asarray(trace.z, dtype=object).T
    across, up = figure.layout.xaxis.to_plotly_json(), figure.layout.yaxis.to_plotly_json()
    figure.layout.xaxis, figure.layout.yaxis = up, across


# --------------------------------------------------------------------------------------------- parallel coordinates

FIFTHS = {"best fifth": theme.ACCENT, "between": theme.NEUTRAL, "worst fifth": theme.OTHER}


def parallel(table: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Return the complete trials, best first: trial, value, rank (best fifth, between, worst fifth), parameters."""
    kept = complete(table).sort_values("value", ascending=direction != "maximize", kind="stable")
    place = np.arange(len(kept)) / max(len(kept), 1)
    # the single best trial is always in the best fifth, the single worst in the worst one
    rank = np.where(
        place < 0.2, "best fifth", np.where(place + 1 / max(len(kept), 1) > 0.8 + 1e-9, "worst fifth", "between")
    )
    chosen = kept[["trial", "value"]].assign(rank=rank)
    params = kept[[c for c in kept.columns if c.startswith(PARAM)]]
    return pd.concat([chosen, params.rename(columns=_bare)], axis=1).reset_index(drop=True)


def draw_parallel(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], names: Sequence[str], direction: str, label: str
) -> go.Figure:
    """Draw parallel coordinates lying down: one row per parameter, one line per trial, the best fifth on top.

    Lying, a parameter's name has room at 390 pixels too; lines rather than Plotly's parcoords, because those neither
    answer the pointer nor export as vectors.
    """
    ranked = parallel(table.drop_duplicates("trial", keep="last"), direction)
    kept = complete(table).drop_duplicates("trial", keep="last").set_index("trial", drop=False)
    lines = [axis(kept, name, space) for name in names]
    value = kept["value"]
    within = _clipped(kept)
    low, high = (within[0]["value"].min(), within[0]["value"].max()) if len(value) else (0.0, 1.0)
    lines.append(Axis(theme.beyond_text(label, within[1]), within[0]["value"], low, high, ()))
    rows = np.arange(len(lines))[::-1]
    figure = go.Figure()
    for rank in ("between", "worst fifth", "best fifth"):
        xs: list[float | None] = []
        ys: list[float | None] = []
        words: list[str] = []
        trials = ranked.loc[ranked["rank"] == rank, "trial"]
        for trial in trials:
            xs += [(line.positions[trial] - line.low) / line.span for line in lines] + [None]
            ys += [*rows, None]
            words += [_said(trial, n, kept.loc[trial, PARAM + n]) for n in names]
            words += [f"trial {trial}<br>{label} = {value[trial]:.4g}", ""]
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines+markers",
            name=rank,
            line={"color": FIFTHS[rank], "width": 2.4 if rank == "best fifth" and len(trials) <= 12 else 1.2},
            marker={"size": 6},
            opacity=theme.see_through(len(trials), 0.5 if rank == "between" else 0.9),
            customdata=words,
            hovertemplate="%{customdata}<extra></extra>",
        )
    theme.finish(figure, 90 + 62 * len(lines))
    for row, line in zip(rows, lines, strict=True):
        figure.add_shape(
            type="line", x0=0, x1=1, y0=row, y1=row, layer="below", line={"color": theme.NEUTRAL, "width": 1}
        )
        for position, word in line.ends():
            x = (position - line.low) / line.span
            anchor = "left" if x < 0.05 else "right" if x > 0.95 else "center"
            figure.add_annotation(
                x=x,
                y=row,
                text=theme.plain(word),
                showarrow=False,
                xanchor=anchor,
                yshift=-12,
                font={"size": 11},
            )
    figure.update_xaxes(visible=False, range=[-0.03, 1.03]).update_layout(legend={"traceorder": "reversed"})
    return figure.update_yaxes(
        tickvals=list(rows),
        ticktext=[theme.plain(line.name) for line in lines],
        range=[-0.5, len(lines) - 0.7],
        showgrid=False,
    )
