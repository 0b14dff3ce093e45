"""What a study found in its space: slices, contour of two parameters, parallel coordinates.

`table` below is what `dashboard.results.trials.table` returns, `space` what `dashboard.figures.space.read_space` does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures import theme
from dashboard.figures.space import Axis, axis, complete
from dashboard.results.trials import PARAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution


def _bare(column: str) -> str:
    # a parameter called like one of a table's own columns keeps its prefix
    bare = column.removeprefix(PARAM)
    return column if bare in ("trial", "value", "rank") else bare


def _said(trial: int, name: str, value: object) -> str:
    return f"trial {trial}<br>{theme.plain(name)} = {theme.plain(value)}"


def _hover(table: pd.DataFrame, name: str) -> list[str]:
    return [_said(t, name, v) for t, v in zip(table["trial"], table[PARAM + name], strict=True)]


# ---------------------------------------------------------------------------------------------------------- slices


def slices(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return one row per complete trial and parameter: trial, value, parameter, setting (what was tried, as text)."""
    kept = complete(table)
    long = kept.melt(["trial", "value"], [PARAM + n for n in names], "parameter", "setting").dropna(subset=["setting"])
    return long.assign(parameter=long["parameter"].str.removeprefix(PARAM)).reset_index(drop=True)


def draw_slices(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], names: Sequence[str], label: str
) -> go.Figure:
    """Draw the objective against each parameter alone, two panels a row; early trials are grey, later ones blue."""
    kept = complete(table)
    rows = math.ceil(len(names) / 2)
    figure = make_subplots(rows=rows, cols=2, shared_yaxes=True, horizontal_spacing=0.13, vertical_spacing=0.3 / rows)
    theme.finish(figure, 110 + 240 * rows, legend=False)
    for i, name in enumerate(names):
        line = axis(kept, name, space)
        row, column = i // 2 + 1, i % 2 + 1
        figure.add_scatter(
            x=line.positions,
            y=kept["value"],
            mode="markers",
            marker={
                "color": kept["trial"],
                "coloraxis": "coloraxis",
                "size": 8,
                "line": {"width": 0.5, "color": theme.NEUTRAL},
            },
            customdata=_hover(kept, name),
            hovertemplate="%{customdata}<br>" + label + " = %{y:.4g}<extra></extra>",
            row=row,
            col=column,
        )
        figure.update_xaxes(line.layout(), row=row, col=column)
    return figure.update_layout(
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


def surface(first: Axis, second: Axis, values: pd.Series, size: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread the trials' values over a grid by inverse squared distance (Shepard 1968), on axes scaled to 0 … 1.

    Returns x (size,), y (size,) and z (size, size), z[i, j] at y[i], x[j]. It interpolates: beyond the trials it says
    nothing, and it never exceeds the best or the worst trial.
    """
    x = np.linspace(first.low, first.high, size)
    y = np.linspace(second.low, second.high, size)
    px, py = first.positions.to_numpy() / first.span, second.positions.to_numpy() / second.span
    squared = (x[None, :, None] / first.span - px) ** 2 + (y[:, None, None] / second.span - py) ** 2
    weight = 1 / (squared + 1e-6)
    return x, y, (weight * values.to_numpy()).sum(-1) / weight.sum(-1)


def draw_contour(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], x: str, y: str, direction: str, label: str
) -> go.Figure:
    """Draw the objective over two parameters, interpolated between the trials, which are the points."""
    kept = complete(table).dropna(subset=[PARAM + x, PARAM + y])
    first, second = axis(kept, x, space), axis(kept, y, space)
    figure = go.Figure()
    if len(kept):
        xs, ys, z = surface(first, second, kept["value"])
        figure.add_contour(
            x=xs,
            y=ys,
            z=z,
            colorscale=theme.SEQUENTIAL,
            reversescale=direction != "maximize",  # the brightest is the best
            contours_coloring="heatmap",
            line={"width": 0.5},
            colorbar=theme.colour_bar(label),
            hoverinfo="skip",
        )
    hover = [
        f"{_said(t, x, a)}<br>{theme.plain(y)} = {theme.plain(b)}"
        for t, a, b in zip(kept["trial"], kept[PARAM + x], kept[PARAM + y], strict=True)
    ]
    figure.add_scatter(
        x=first.positions,
        y=second.positions,
        mode="markers",
        marker={"color": "white", "size": 7, "line": {"color": "black", "width": 1.2}},
        customdata=np.array([hover, [f"{v:.4g}" for v in kept["value"]]]).T,
        hovertemplate="%{customdata[0]}<br>" + label + " = %{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    theme.finish(figure, 480, legend=False).update_layout(margin_b=theme.BAR_AND_TITLE)
    return figure.update_xaxes(first.layout()).update_yaxes(second.layout())


# --------------------------------------------------------------------------------------------- parallel coordinates

THIRDS = {"best fifth": theme.ACCENT, "between": theme.NEUTRAL, "worst fifth": theme.OTHER}


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
    low, high = (value.min(), value.max()) if len(value) else (0.0, 1.0)
    lines.append(Axis(label, value, low, high, ()))
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
            line={"color": THIRDS[rank], "width": 2.4 if rank == "best fifth" and len(trials) <= 12 else 1.2},
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
