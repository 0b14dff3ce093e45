"""The best trials fitted again: what each came to in the search, and with new seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dashboard.figures import theme

if TYPE_CHECKING:
    import pandas as pd


def draw(rows: pd.DataFrame, label: str) -> go.Figure:
    """Draw a dot a trial, the search's value against the mean of the new fits with its standard deviation.

    `rows` are those of `dashboard.results.confirmed.table`. On the diagonal a trial kept what the search promised.
    """
    known = rows.dropna(subset=["search", "again"])
    ends = [float(known[["search", "again"]].min().min()), float(known[["search", "again"]].max().max())]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": ends,
            "y": ends,
            "mode": "lines",
            "name": "as in the search",
            "line": {"color": theme.NEUTRAL, "dash": "dot", "width": 1},
            "hoverinfo": "skip",
        }
    ]
    for chosen, name, symbol in ((False, "fitted again", "circle"), (True, "chosen", "star")):
        of = known[known["chosen"] == chosen]
        traces.append(
            {
                "type": "scatter",
                "x": of["search"],
                "y": of["again"],
                "error_y": {"type": "data", "array": of["sd"], "thickness": 1},
                "mode": "markers+text",
                "text": of["trial"].astype(str),
                "textposition": "middle right",
                "name": name,
                "marker": {"symbol": symbol, "size": 11, "color": theme.PALETTE[0]},
                "customdata": of[["trial", "fits"]],
                "hovertemplate": "trial %{customdata[0]}<br>in the search %{x:.4g}<br>again %{y:.4g}, mean of "
                "%{customdata[1]}<extra></extra>",
            }
        )
    return theme.figure(traces, 380, f"{label}, in the search", f"{label}, with new seeds")
