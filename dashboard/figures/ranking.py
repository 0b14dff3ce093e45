"""The leaderboard of one protocol as a figure: a row a study, baseline or publication."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme
from dashboard.results import board, names

DRAWN = 40
"""Rows that the figure shows; the table has all."""


def draw(rows: pd.DataFrame, metric: str, target: str, group_kind: str) -> go.Figure:
    """Draw a board: a dot a row, a thick bar for ± sd over seeds, a thin one for the 95 % interval over groups.

    Each row's name stands above its own line, so that the figure keeps its width on a telephone.
    """
    top = rows.head(DRAWN)
    look = top["kind"].where(top["kind"] != board.MEASURED, "") + top["method"]
    top = top.assign(y=range(len(top) - 1, -1, -1), look=look)
    every: list[Any] = list(top.itertuples(index=False))
    traces: list[dict[str, Any]] = []
    for _, mine in top.groupby("look", sort=False):
        kind, tint = mine["kind"].iloc[0], theme.NEUTRAL
        if kind == board.MEASURED:
            tint = theme.colour(str(mine["method"].iloc[0]))
            for low, high, width, opacity in (
                (mine["low"], mine["high"], 2, 0.6),
                (mine["value"] - mine["sd"], mine["value"] + mine["sd"], 7, 0.45),
            ):
                traces.append(_spans(low, high, mine["y"], tint, width, opacity))
        ours = kind == board.MEASURED
        marker = {
            "color": tint,
            "size": 12 if ours else 10,
            "symbol": "circle" if ours else "diamond-open" if kind == board.PUBLISHED else "line-ns-open",
            "line": {"width": 0 if ours else 2, "color": tint},
        }
        traces.append(
            {
                "type": "scatter",
                "x": mine["value"].to_numpy(),
                "y": mine["y"].to_numpy(),
                "mode": "markers",
                "marker": marker,
                "text": [_hover(row, metric, group_kind) for row in mine.itertuples(index=False)],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    notes = [
        {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": row.y,
            "yshift": 16,
            "showarrow": False,
            "text": _name(row),
            "font": {"size": 13} | ({} if row.kind == board.MEASURED else {"color": theme.NEUTRAL}),
        }
        for row in every
    ]
    fig = go.Figure({"data": traces, "layout": {"annotations": notes}})
    axis = f"test {names.metric(metric)}, {names.target(target)} ({names.better(metric) or 'no order known'})"
    theme.finish(fig, height=46 * len(every) + 70, x=axis, legend=False)
    fig.update_xaxes(showgrid=True, gridcolor="rgba(135,147,163,0.18)")
    fig.update_yaxes(visible=False, range=[-0.5, len(every) - 0.25])
    return fig


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
    }


def _name(row: Any) -> str:
    extra = " (published)" if row.kind == board.PUBLISHED else ""
    rank = f"{row.rank.replace(' ', '')}  " if row.kind == board.MEASURED and row.rank else ""
    tail = f"  ·  {theme.plain(row.settings)}" if row.settings else ""
    called = f"<b>{theme.plain(row.row)}</b>" if row.kind == board.MEASURED else theme.plain(row.row)
    return f"{rank}{called}{extra}{tail}"


def _hover(row: Any, metric: str, group_kind: str) -> str:
    lines = [f"{theme.plain(row.row)} {theme.plain(row.settings)}", f"test {names.metric(metric)} {row.value:.4g}"]
    if not math.isnan(row.sd):
        lines.append(f"± {row.sd:.2g} sd over {row.seeds} seeds")
    if not math.isnan(row.low):
        over = "" if math.isnan(row.groups) else f" over {int(row.groups)} {group_kind}s"
        lines.append(f"95 % interval {row.low:.4g} … {row.high:.4g}{over}")
    if row.note:
        lines.append(theme.plain(row.note))
    return "<br>".join(lines)
