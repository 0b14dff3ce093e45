"""One sample: its truth and each run's prediction as tables, its mesh as a figure, and what resembles it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dashboard.figures import activations, predictions, theme
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go

SHOWN = ("sample", "group", "sequence", "time", "part", "label")
"""What is known of a sample whoever predicts it."""


def facts(tables: Mapping[str, Sequence[pd.DataFrame]], sample: str) -> dict[str, str]:
    """Return what the predictions say of a sample, such as its group and its part; empty where none has it."""
    for row in _rows(tables, sample).values():
        first = row.iloc[0]
        known = {name: first[name] for name in SHOWN if name in row and pd.notna(first[name]) and first[name] != ""}
        return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in known.items()}
    return {}


def _rows(tables: Mapping[str, Sequence[pd.DataFrame]], sample: str) -> dict[str, pd.DataFrame]:
    """Return run → the rows of a sample, one of each of its final runs; without the runs that lack it."""
    found = {}
    for run, of in tables.items():
        rows = [table[table["sample"] == sample] for table in of]
        if any(len(row) for row in rows):
            found[run] = pd.concat(rows, ignore_index=True)
    return found


def numbers(tables: Mapping[str, Sequence[pd.DataFrame]], sample: str) -> pd.DataFrame:
    """Return a row a target and run: target, run, truth, prediction (the mean over final runs), error, final runs.

    The error is prediction − truth, in the target's own unit.
    """
    found = []
    for run, rows in _rows(tables, sample).items():
        for target in predictions.targets(rows):
            true, pred = float(rows[f"true_{target}"].iloc[0]), float(rows[f"pred_{target}"].mean())
            found.append((names.target(target), run, true, pred, pred - true, len(rows)))
    table = pd.DataFrame(found, columns=["target", "run", "truth", "prediction", "error", "final runs"])
    order = list(dict.fromkeys(table["target"]))
    return table.sort_values("target", key=lambda of: of.map(order.index), kind="stable").reset_index(drop=True)


def classes(tables: Mapping[str, Sequence[pd.DataFrame]], sample: str) -> pd.DataFrame:
    """Return a row a run: truth, the most frequent prediction, the mean probability of both, missed by, final runs."""
    found = []
    for run, rows in _rows(tables, sample).items():
        for target in predictions.classes(rows):
            true, pred = str(rows[f"true_{target}"].iloc[0]), rows[f"pred_{target}"].astype(str)
            most = str(pred.mode().iloc[0])
            given = [rows[f"prob_{name}"].mean() if f"prob_{name}" in rows else np.nan for name in (most, true)]
            found.append((names.target(target), run, true, most, *given, int((pred != true).sum()), len(rows)))
    columns = ["target", "run", "truth", "prediction", "probability of it", "probability of the truth"]
    return pd.DataFrame(found, columns=[*columns, "missed by", "final runs"])


def near(neighbours: pd.DataFrame, sample: str, known: pd.DataFrame) -> pd.DataFrame:
    """Return the nearest samples in the inputs, nearest first: sample, part, distance, and what is `known` of them.

    neighbours : neighbours.parquet.  known : by sample, such as `latent.about` returns.
    """
    rows = neighbours[neighbours["sample"] == sample].sort_values("rank")
    found = rows[["neighbour", "part", "distance"]].rename(columns={"neighbour": "sample"}).reset_index(drop=True)
    more = known.reindex(found["sample"]).drop(columns="part", errors="ignore").reset_index(drop=True)
    return pd.concat([found, more], axis=1)


def draw_mesh(mesh: pd.DataFrame, triangles: pd.DataFrame | None) -> go.Figure:
    """Draw one mesh (vertex, x, y, z) that can be turned; without triangles its vertices are dots."""
    mesh = mesh.sort_values("vertex")
    place: dict[str, Any] = {"x": mesh["x"], "y": mesh["z"], "z": -mesh["y"], "hoverinfo": "skip"}
    if triangles is None or int(triangles[["a", "b", "c"]].to_numpy().max()) >= len(mesh):
        trace = {"type": "scatter3d", "mode": "markers", "marker": {"size": 2, "color": theme.ACCENT}, **place}
    else:
        corners = {"i": triangles["a"], "j": triangles["b"], "k": triangles["c"]}
        light = {"lighting": activations.LIGHT, "lightposition": activations.LIGHT_FROM}
        trace = {"type": "mesh3d", "color": "#C9CED6", "flatshading": True, **corners, **light, **place}
    return theme.figure([trace], 380, legend=False, scene=activations.SCENE)
