"""Truth against prediction, a dot a sample."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme
from dashboard.results import names

MAX_DOTS = 3000
"""Dots that are drawn; of more samples every k-th is, and the caption says how many."""


def points(predictions: pd.DataFrame, target: str, part: str = "test") -> pd.DataFrame:
    """Return sample, group, label (empty where there is none), true, pred and error of one part and target."""
    rows = predictions[predictions["part"] == part]
    found = pd.DataFrame(
        {
            "sample": rows["sample"].astype(str),
            "group": rows["group"].astype(str),
            "label": rows["label"].fillna("").astype(str) if "label" in rows else "",
            "true": rows[f"true_{target}"].astype(float),
            "pred": rows[f"pred_{target}"].astype(float),
        }
    )
    return found.assign(error=found["pred"] - found["true"]).reset_index(drop=True)


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `points` that are drawn: all, or every k-th of many."""
    return table.iloc[:: -(-len(table) // MAX_DOTS)] if len(table) > MAX_DOTS else table


def draw(table: pd.DataFrame, target: str, unit: str = "") -> go.Figure:
    """Draw `points`: those on the dotted line are predicted exactly; colours are classes where the data has them."""
    shown = drawn(table)
    ends = list(theme.bulk(table[["true", "pred"]], share=theme.MOST) or ())
    line = {"color": theme.NEUTRAL, "dash": "dot", "width": 1.5}
    diagonal = {"type": "scatter", "x": ends, "y": ends, "mode": "lines", "line": line}
    traces: list[dict[str, Any]] = [diagonal | {"hoverinfo": "skip", "showlegend": False}]
    labels = sorted(shown["label"].unique())
    for label in labels:
        mine = shown[shown["label"] == label]
        marker = {
            "color": theme.colour(label) if label else theme.ACCENT,
            "symbol": theme.symbol(label) if label else "circle",
            "size": 8,
            "opacity": 0.7,
        }
        dots = {
            "type": "scatter",
            "x": mine["true"],
            "y": mine["pred"],
            "mode": "markers",
            "marker": marker,
            "name": theme.plain(label) if label else "sample",
            "text": [f"{theme.plain(s)}, {theme.plain(g)}" for s, g in zip(mine["sample"], mine["group"], strict=True)],
            "customdata": mine["sample"].astype(str).tolist(),
            "hovertemplate": "%{text}<br>truth %{x:.3g}, prediction %{y:.3g}<extra>%{fullData.name}</extra>",
        }
        traces.append(dots)
    suffix = f" ({unit})" if unit else ""
    called = theme.plain(names.target(target))
    titles = f"truth, {called}{suffix}", f"prediction, {called}{suffix}"
    across, up = (theme.within(table[side], title) for side, title in zip(("true", "pred"), titles, strict=True))
    return theme.figure(traces, 420, *titles, legend=labels != [""], xaxis=across, yaxis=up)


def caption(table: pd.DataFrame, part: str, group_kind: str) -> str:
    """Return what the dots are, in one sentence."""
    several = f"{len(table)} {part} samples of {names.count(table['group'].nunique(), group_kind)}"
    return f"{several}{cut(table)}; points on the dotted line are predicted exactly."


def cut(table: pd.DataFrame) -> str:
    """Return how many dots are drawn where not all are, ``; 3,000 of 7,200 samples drawn``; else nothing."""
    shown = len(drawn(table))
    return f"; {names.drawn(shown, len(table))}" if shown < len(table) else ""
