"""The data of a protocol drawn: classes and targets by part, the valence–arousal plane, traces of annotators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affect.record import PARTS
from dashboard.figures import theme
from dashboard.results import names

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MOST_DOTS = 2000
"""Dots of a part that are drawn; of more samples every k-th is."""
DASHES = {"train": "solid", "validation": "dash", "test": "dot"}
SYMBOLS = {"train": "circle", "validation": "diamond", "test": "x"}
LABEL = "label"
"""The name of the trace that methods learn from."""


def draw_classes(counts: pd.DataFrame) -> go.Figure:
    """Draw how many samples of each class each part has."""
    looks = theme.looks(PARTS)
    traces: list[dict[str, Any]] = []
    for part in [part for part in PARTS if (counts["part"] == part).any()]:
        of = counts[counts["part"] == part]
        traces.append(
            {
                "type": "bar",
                "x": [theme.plain(label) for label in of["label"]],
                "y": of["samples"],
                "name": part,
                "marker": {"color": looks[part].colour},
                "customdata": of["groups"],
                "hovertemplate": "%{x}: %{y} samples of %{customdata} groups<extra>%{fullData.name}</extra>",
            }
        )
    return theme.figure(traces, 340, "class", "samples")


def draw_distribution(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw the share of each part's samples in each bin of a target, a line a part."""
    looks = theme.looks(PARTS)
    traces: list[dict[str, Any]] = []
    for part in dict.fromkeys(table["part"]):
        of = table[table["part"] == part]
        traces.append(
            {
                "type": "scatter",
                "x": (of["from"] + of["to"]) / 2,
                "y": of["share"],
                "mode": "lines",
                "name": part,
                "line": {"color": looks[part].colour, "dash": DASHES[part], "width": 2.5, "shape": "hvh"},
                "customdata": of[["from", "to", "samples"]],
                "hovertemplate": "%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{customdata[2]} samples, %{y:.1%}"
                "<extra>%{fullData.name}</extra>",
            }
        )
    fig = theme.figure(traces, 320, theme.plain(names.target(target)), "share of the part")
    return fig.update_yaxes(tickformat=".0%")


def draw_plane(values: pd.DataFrame, across: str, up: str) -> go.Figure:
    """Draw each sample's two targets, a colour and symbol a part."""
    looks = theme.looks(PARTS)
    traces: list[dict[str, Any]] = []
    for part in [part for part in PARTS if (values["part"] == part).any()]:
        of = values[values["part"] == part]
        of = of.iloc[:: -(-len(of) // MOST_DOTS)]
        traces.append(
            {
                "type": "scatter",
                "x": of[across],
                "y": of[up],
                "mode": "markers",
                "name": part,
                "text": [theme.plain(sample) for sample in of["sample"]],
                "marker": {"color": looks[part].colour, "symbol": SYMBOLS[part], "size": 7, "opacity": 0.6},
                "hovertemplate": f"%{{text}}<br>{across} %{{x:.3g}}, {up} %{{y:.3g}}<extra>%{{fullData.name}}</extra>",
            }
        )
    return theme.figure(traces, 440, theme.plain(names.target(across)), theme.plain(names.target(up)))


def draw_trace(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw a target over time: the label thick, each annotator thin."""
    people = [name for name in dict.fromkeys(table["annotator"]) if name]
    looks = theme.looks(["", *people])
    traces: list[dict[str, Any]] = []
    for name in [*people, ""]:
        of = table[table["annotator"] == name]
        width, dash = (1.5, looks[name].dash) if name else (3.5, "solid")
        traces.append(
            {
                "type": "scatter",
                "x": of["time"],
                "y": of["value"],
                "mode": "lines+markers" if len(of) < 30 else "lines",
                "name": theme.plain(name) if name else LABEL,
                "line": {"color": looks[name].colour, "width": width, "dash": dash},
                "hovertemplate": "%{x:.2f} s: %{y:.3g}<extra>%{fullData.name}</extra>",
            }
        )
    return theme.figure(traces, 360, "time (s)", theme.plain(names.target(target)))
