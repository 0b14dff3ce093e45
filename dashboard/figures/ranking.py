"""The leaderboard of one protocol as a figure: a row a study, baseline or publication."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from affect import metrics
from dashboard.figures import theme
from dashboard.results import board, comparing, names
from dashboard.results.tables import NOTHING, number

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWN = 40
"""Rows that the figure shows; the table has all."""


def draw(rows: pd.DataFrame, metric: str, target: str, group_kind: str, known: Sequence[str] = ()) -> go.Figure:
    """Draw a board: a mark a row, a thick bar for ± sd over seeds, a thin one for the 95 % interval over groups.

    Each row's name stands above its own line, so that the figure keeps its width on a telephone. A method has its
    colour by its place in `known`, the store's methods. The axis shows the studies: a baseline or publication far
    from them is an arrow at the edge, with its score.
    """
    top = rows.head(DRAWN)
    looks = theme.looks([*known, *top["method"]])
    low, high = _ends(top, "low" if metrics.DIRECTION.get(metric) == "maximize" else "high")
    look = top["kind"].where(top["kind"] != board.MEASURED, "") + top["method"]
    top = top.assign(y=range(len(top) - 1, -1, -1), look=look)
    every: list[Any] = list(top.itertuples(index=False))
    traces: list[dict[str, Any]] = []
    for _, mine in top.groupby("look", sort=False):
        kind, tint = mine["kind"].iloc[0], theme.NEUTRAL
        if kind == board.MEASURED:
            tint = looks[str(mine["method"].iloc[0])].colour
            for left, right, width, opacity in (
                (mine["low"], mine["high"], 2, 0.6),
                (mine["value"] - mine["sd"], mine["value"] + mine["sd"], 7, 0.45),
            ):
                traces.append(_spans(left, right, mine["y"], tint, width, opacity))
        ours = kind == board.MEASURED
        marker = {
            "color": tint,
            "size": 12 if ours else 10,
            "symbol": [_symbol(row, looks, low, high) for row in mine.itertuples(index=False)],
            "line": {"width": 0 if ours else 2, "color": tint},
        }
        traces.append(
            {
                "type": "scatter",
                "x": mine["value"].clip(low, high).to_numpy(),
                "y": mine["y"].to_numpy(),
                "mode": "markers",
                "marker": marker,
                "text": [_hover(row, metric, group_kind) for row in mine.itertuples(index=False)],
                "hovertemplate": "%{text}<extra></extra>",
                "showlegend": False,
            }
        )
    axis = f"test {names.metric(metric)}, {names.target(target)} ({names.better(metric) or 'no order known'})"
    margin = 0.04 * ((high - low) or abs(high) or 1.0)
    across = {"range": [low - margin, high + margin], "showgrid": True, "gridcolor": "rgba(135,147,163,0.18)"}
    # names stand inside the figure, above their rows: a tick's label costs a tenth of an annotation
    up = {
        "range": [-0.5, len(every) - 0.25],
        "tickvals": [row.y for row in every],
        "ticktext": [_name(row) for row in every],
        "ticklabelposition": "inside top",
        "tickfont": {"size": 13},
        "showgrid": False,
        "automargin": False,
    }
    traces += _key(top, group_kind)
    return theme.figure(traces, 46 * len(every) + 70, axis, xaxis=across, yaxis=up)


def draw_pairs(pairs: pd.DataFrame, metric: str) -> go.Figure:
    """Draw a table of `comparing.Family`: a row a pair, its difference and interval, filled where it is significant."""
    top = pairs.head(DRAWN).iloc[::-1].reset_index(drop=True)
    apart = top["p (Holm)"] < comparing.ALPHA
    bars = _spans(top["95 % low"], top["95 % high"], top.index.to_series(), theme.NEUTRAL, 2, 0.8)
    text = [
        f"{theme.plain(row.first)}<br>against {theme.plain(row.second)}<br>difference {row.difference:+.4g}"
        f"<br>p = {comparing.p_text(p)} (Holm)"
        for row, p in zip(top.itertuples(index=False), top["p (Holm)"], strict=True)
    ]
    marks = [
        {
            "type": "scatter",
            "x": top.loc[which, "difference"],
            "y": top.index[which],
            "mode": "markers",
            "marker": {
                "size": 11,
                "color": theme.ACCENT,
                "symbol": symbol,
                "line": {"width": 2, "color": theme.ACCENT},
            },
            "name": name,
            "text": [line for line, shown in zip(text, which, strict=True) if shown],
            "hovertemplate": "%{text}<extra></extra>",
        }
        for which, symbol, name in (
            (apart, "circle", "significant"),
            (~apart, "circle-open", "cannot be told apart"),
        )
        if which.any()
    ]
    line = {"dash": "dot", "width": 1, "color": theme.NEUTRAL}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": -0.5, "y1": len(top) - 0.25, "line": line}
    up = {
        "range": [-0.5, len(top) - 0.25],
        "tickvals": list(top.index),
        "ticktext": [f"{theme.plain(a)} − {theme.plain(b)}" for a, b in zip(top["first"], top["second"], strict=True)],
        "ticklabelposition": "inside top",
        "tickfont": {"size": 13},
        "showgrid": False,
        "automargin": False,
    }
    axis = f"difference in test {names.metric(metric)} ({names.better(metric) or 'no order known'})"
    figure = theme.figure([bars, *marks], 46 * len(top) + 100, axis, yaxis=up)
    figure.add_shape(zero)
    return figure


def cut(rows: pd.DataFrame) -> str:
    """Return in words how many rows are drawn where not all are; else nothing."""
    return f"The figure shows the first {DRAWN} of {len(rows)} rows; the table has all." if len(rows) > DRAWN else ""


def _ends(rows: pd.DataFrame, worse: str) -> tuple[float, float]:
    """Return the ends of the axis: those of the studies and their intervals, and of what is within that width again."""
    ours = rows[rows["kind"] == board.MEASURED] if (rows["kind"] == board.MEASURED).any() else rows
    ends = theme.bulk(ours["value"], worse) or (0.0, 1.0)
    shown = ours[ours["value"].between(*ends)]
    spread = [shown["low"], shown["high"], shown["value"] - shown["sd"], shown["value"] + shown["sd"]]
    span = pd.concat([pd.Series(ends), *(part.astype(float) for part in spread)]).dropna()
    low, high = float(span.min()), float(span.max())
    width = (high - low) or abs(high) or 1.0
    others = rows.loc[rows["kind"] != board.MEASURED, "value"]
    near = others[others.between(low - width, high + width)]
    return min([low, *near]), max([high, *near])


def _symbol(row: Any, looks: dict[str, theme.Look], low: float, high: float) -> str:
    if row.value < low or row.value > high:
        return "triangle-left" if row.value < low else "triangle-right"
    if row.kind == board.MEASURED:
        return looks[str(row.method)].symbol
    return "diamond-open" if row.kind == board.PUBLISHED else "line-ns-open"


def _key(rows: pd.DataFrame, group_kind: str) -> list[dict[str, Any]]:
    """Return what the legend says of the bars and marks that occur."""
    grey = {"color": theme.NEUTRAL}
    words = [
        (rows["sd"].notna().any(), "thick bar: ± sd over seeds", {"mode": "lines", "line": grey | {"width": 7}}),
        (
            rows["low"].notna().any(),
            f"thin bar: 95 % interval over {names.plural(group_kind)}",
            {"mode": "lines", "line": grey | {"width": 2}},
        ),
        (
            rows["kind"].eq(board.PUBLISHED).any(),
            "published, not ranked",
            {"mode": "markers", "marker": grey | {"symbol": "diamond-open", "size": 10}},
        ),
        (
            rows["kind"].eq(board.BASELINE).any(),
            "baseline",
            {"mode": "markers", "marker": grey | {"symbol": "line-ns-open", "size": 10, "line": {"width": 2}}},
        ),
    ]
    entry = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip", "showlegend": True}
    return [entry | {"name": name} | look for shown, name, look in words if shown]


def _spans(low: pd.Series, high: pd.Series, y: pd.Series, tint: str, width: int, opacity: float) -> dict[str, Any]:
    """Return one trace with a bar for each row that has one."""
    x: list[float | None] = []
    places: list[float | None] = []
    for left, right, place in zip(low, high, y, strict=True):
        if not (math.isnan(left) or math.isnan(right)):
            x += [left, right, None]
            places += [place, place, None]
    line = {"color": tint, "width": width}
    return {
        "type": "scatter",
        "x": x,
        "y": places,
        "mode": "lines",
        "line": line,
        "opacity": opacity,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _name(row: Any) -> str:
    extra = f" (published: {number(row.value)})" if row.kind == board.PUBLISHED else ""
    rank = f"{row.rank.replace(' ', '')}  " if row.kind == board.MEASURED and row.rank else ""
    tail = f"  ·  {theme.plain(row.settings)}" if row.settings else ""
    called = f"<b>{theme.plain(row.row)}</b>" if row.kind == board.MEASURED else theme.plain(row.row)
    return f"{rank}{called}{extra}{tail}"


def _hover(row: Any, metric: str, group_kind: str) -> str:
    lines = [f"{theme.plain(row.row)} {theme.plain(row.settings)}", f"test {names.metric(metric)} {row.value:.4g}"]
    if not math.isnan(row.sd):
        same = row.sd < NOTHING
        lines.append(f"the same for {row.seeds} seeds" if same else f"± {row.sd:.2g} sd over {row.seeds} seeds")
    if not math.isnan(row.low):
        over = "" if math.isnan(row.groups) else f" over {names.count(int(row.groups), group_kind)}"
        lines.append(f"95 % interval {row.low:.4g} … {row.high:.4g}{over}")
    if row.kind == board.MEASURED and not math.isnan(row.p):
        lines.append(f"p = {comparing.p_text(row.p)} against the best (Holm)")
    if row.why:
        lines.append(theme.plain(f"{'not ranked' if row.kind == board.MEASURED else 'not comparable'}: {row.why}"))
    lines += [theme.plain(text) for text in (row.note, row.source) if text]
    return "<br>".join(lines)
