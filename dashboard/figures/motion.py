"""A moving stick figure: a window of motion capture, turned by the mouse and played by a button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from affect.body import BONES
from dashboard.figures import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

HEAD = 0.07
"""Height of the head above the neck, in body heights."""
FRAME_MS = 90

DISTANCES: dict[str, tuple[tuple[str, str], ...]] = {
    "max_hand_distance": (("left_wrist", "right_wrist"),),
    "avg_l_hand_hip_distance": (("left_wrist", "root"),),
    "avg_r_hand_hip_distance": (("right_wrist", "root"),),
    "max_stride_length": (("left_ankle", "right_ankle"),),
    "avg_l_hand_chest_distance": (("left_wrist", "chest"),),
    "avg_r_hand_chest_distance": (("right_wrist", "chest"),),
    "avg_l_elbow_hip_distance": (("left_elbow", "chest"),),
    "avg_r_elbow_hip_distance": (("right_elbow", "chest"),),
    "avg_chest_pelvis_distance": (("chest", "root"),),
    "avg_neck_chest_distance": (("neck", "chest"),),
    "avg_triangle_area_hands_neck": (("left_wrist", "right_wrist"), ("right_wrist", "neck"), ("neck", "left_wrist")),
    "avg_triangle_area_feet_hips": (("left_ankle", "right_ankle"), ("right_ankle", "root"), ("root", "left_ankle")),
}
"""Feature → the lines on the body that it is the length or the area of. Published elbows are measured to the chest."""


def of_sample(table: pd.DataFrame, sample: str) -> tuple[list[str], NDArray[np.float64]]:
    """Return the joints' names and places (f, j, 3) of one window; ValueError where its rows are not whole."""
    rows = table[table["sample"] == sample].sort_values(["frame"], kind="stable")
    joints = list(dict.fromkeys(rows["joint"].astype(str)))
    frames = rows["frame"].nunique()
    if not joints or len(rows) != frames * len(joints):
        raise ValueError(f"figures.parquet has not every joint of {sample} in every frame")
    wide = rows.pivot(index="frame", columns="joint", values=["x", "y", "z"]).sort_index()
    places = np.stack([wide[axis][joints].to_numpy(float) for axis in "xyz"], axis=-1)
    return joints, places


def draw(
    joints: Sequence[str], places: NDArray[np.float64], lines: Sequence[tuple[str, str]] = (), height: int = 380
) -> go.Figure:
    """Draw a window (f, j, 3): its middle at first; a button plays it. `lines` between joints stand out."""
    shown = [_traces(joints, frame, lines) for frame in places]
    low, high = places.min(axis=(0, 1)), places.max(axis=(0, 1)) + np.array([0.0, HEAD, 0.0])
    middle, half = (low + high) / 2, float(np.max(high - low)) / 2 * 1.05 + 1e-6
    # Plotly's z is up; x goes to the right as the body walks
    axis = {
        "showticklabels": False,
        "title": "",
        "showbackground": False,
        "showspikes": False,
        "gridcolor": "rgba(135,147,163,0.18)",
    }
    scene = {
        "xaxis": axis | {"range": [middle[0] - half, middle[0] + half]},
        "yaxis": axis | {"range": [-middle[2] - half, -middle[2] + half]},
        "zaxis": axis | {"range": [middle[1] - half, middle[1] + half]},
        "aspectmode": "cube",
        "camera": {"eye": {"x": 0.7, "y": -1.15, "z": 0.2}},
    }
    fig = go.Figure(
        data=shown[len(shown) // 2],
        frames=[go.Frame(data=traces, name=str(k)) for k, traces in enumerate(shown)],
    )
    theme.finish(fig, height, legend=False)
    played = {"frame": {"duration": FRAME_MS, "redraw": True}, "fromcurrent": False, "transition": {"duration": 0}}
    stop = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    buttons = [
        {"label": "▶ play", "method": "animate", "args": [None, played]},
        {"label": "■ stop", "method": "animate", "args": [[None], stop]},
    ]
    menu = {"type": "buttons", "direction": "left", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    fig.update_layout(scene=scene, updatemenus=[menu | {"buttons": buttons, "showactive": False}], margin_t=8)
    return fig


def _traces(
    joints: Sequence[str], frame: NDArray[np.float64], lines: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    place = dict(zip(joints, frame, strict=True))
    bones = [(a, b) for a, b in BONES if a in place and b in place]
    head = [place["neck"], place["neck"] + [0, HEAD, 0]] if "neck" in place else []
    traces = [
        _segments([(place[a], place[b]) for a, b in bones], theme.ACCENT, 6),
        {
            "type": "scatter3d",
            **_axes(np.array([*frame, *head[1:]])),
            "mode": "markers",
            "marker": {"size": [3.5] * len(frame) + [11] * len(head[1:]), "color": theme.ACCENT},
            "text": [*(name.replace("_", " ") for name in joints), *["head"][: len(head[1:])]],
            "hovertemplate": "%{text}<extra></extra>",
        },
    ]
    if lines:
        traces.append(_segments([(place[a], place[b]) for a, b in lines], theme.WARN, 9))
    return traces


def _axes(points: NDArray[np.float64]) -> dict[str, list[float]]:
    return {"x": points[:, 0].tolist(), "y": (-points[:, 2]).tolist(), "z": points[:, 1].tolist()}


def _segments(pairs: Sequence[tuple[Any, Any]], colour: str, width: int) -> dict[str, Any]:
    gap = np.full(3, np.nan)
    points = np.array([point for a, b in pairs for point in (a, b, gap)]).reshape(-1, 3)
    axes = {name: [None if value != value else value for value in of] for name, of in _axes(points).items()}
    line = {"color": colour, "width": width}
    return {"type": "scatter3d", **axes, "mode": "lines", "line": line, "hoverinfo": "skip"}
