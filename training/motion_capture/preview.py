"""A recording in motion with the pleasure, arousal and dominance that a model reads from it: a video, or a web page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect.body import BONES, JOINTS
from training import cache
from training.contract import UserError
from training.motion_capture import bvh, figures, skeletons

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATE = 25
"""Frames a second of what is written."""
SIZE, TRACE = (1280, 720), 520
"""Width and height of the video in pixels, and the width of the trace in it."""
PAPER, INK, FAINT, BODY = (24, 24, 27), (235, 235, 235), (90, 90, 95), (120, 220, 255)
COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))


def write(file: Path, time: Floats, predictions: Floats, targets: Sequence[str], caption: str, out: Path) -> int:
    """Write the moving figure of a recording beside its predictions; return how many frames there are.

    Parameters
    ----------
    file : the recording (.bvh).
    time : (w,) seconds of the middle of each window.  predictions : (w, t).  targets : their names.
    caption : what stands above, such as which data the model learnt from.
    out : a name that ends in .mp4 or .html.
    """
    if out.suffix not in (".mp4", ".html"):
        raise UserError(f"--out {out}: expected a name that ends in .mp4 or .html")
    cache.check_new(out, "--out")
    recording = bvh.read(file)
    places = skeletons.of(recording, None, file).places(recording, file)
    moments = np.arange(0.0, recording.seconds, 1 / RATE)
    # each moment is a window of no length: its first frame is the pose then
    poses = figures.of_recording(recording, places, moments, 0.0)[:, 0]
    if out.suffix == ".html":
        _page(poses, moments, time, predictions, targets, caption, out)
    else:
        _video(poses, moments, time, predictions, targets, caption, out)
    return len(moments)


def _video(
    poses: NDArray[np.float32],
    moments: Floats,
    time: Floats,
    predictions: Floats,
    targets: Sequence[str],
    caption: str,
    out: Path,
) -> None:
    import cv2

    from training.video.drawing import write as write_text
    from training.video.writing import VideoFile

    joints = {name: place for place, name in enumerate(JOINTS)}
    width, height = SIZE
    with VideoFile(out, RATE) as video:
        for moment, pose in zip(moments, poses, strict=True):
            frame = np.full((height, width, 3), PAPER, np.uint8)
            # seen from ahead and a little from the right
            x = 0.45 * pose[:, 0] + 0.9 * pose[:, 2]
            dots = np.column_stack([(width - TRACE) / 2 + 0.8 * height * x, 0.92 * height - 0.8 * height * pose[:, 1]])
            dots = dots.round().astype(int)
            for a, b in BONES:
                cv2.line(frame, dots[joints[a]].tolist(), dots[joints[b]].tolist(), BODY, 5, cv2.LINE_AA)
            neck = dots[joints["neck"]]
            cv2.circle(frame, (int(neck[0]), int(neck[1] - 0.05 * height)), int(0.035 * height), BODY, 3, cv2.LINE_AA)
            _trace(frame, moment, float(moments[-1]), time, predictions, targets)
            write_text(frame, caption, (24, 36), INK, 0.6)
            video.show(frame)


def _trace(
    frame: NDArray[np.uint8], now: float, end: float, time: Floats, predictions: Floats, targets: Sequence[str]
) -> None:
    """Draw the predictions over time on the right of a frame, up to now in colour."""
    import cv2

    from training.video.drawing import write as write_text

    height, width = frame.shape[:2]
    left, top, each = width - TRACE, 70, (height - 100) // max(len(targets), 1)
    for k, target in enumerate(targets):
        colour = COLOURS[k % len(COLOURS)]
        middle, half = top + k * each + each // 2, 0.4 * each
        cv2.line(frame, (left, middle), (width - 30, middle), FAINT, 1)
        value = float(np.interp(now, time, predictions[:, k]))
        write_text(frame, f"{target} {value:+.2f}", (left, middle - int(half)), colour, 0.6)
        x = left + (width - 30 - left) * np.concatenate([[0.0], time, [end]]) / max(end, 1e-9)
        y = middle - half * np.clip(np.interp(np.concatenate([[0.0], time, [end]]), time, predictions[:, k]), -1, 1)
        points = np.column_stack([x, y]).round().astype(np.int32)
        cv2.polylines(frame, [points], False, FAINT, 2, cv2.LINE_AA)
        at = left + (width - 30 - left) * now / max(end, 1e-9)
        cv2.circle(frame, (int(at), int(middle - half * np.clip(value, -1, 1))), 7, colour, -1, cv2.LINE_AA)


def _page(
    poses: NDArray[np.float32],
    moments: Floats,
    time: Floats,
    predictions: Floats,
    targets: Sequence[str],
    caption: str,
    out: Path,
) -> None:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    fig = make_subplots(rows=1, cols=2, specs=[[{"type": "scene"}, {"type": "xy"}]], column_widths=[0.5, 0.5])
    joints = {name: place for place, name in enumerate(JOINTS)}

    def moving(k: int) -> list[dict[str, Any]]:
        """Return the traces of a frame: the body, and a dot on each line at that time."""
        gap = np.full(3, np.nan)
        bones = np.array([p for a, b in BONES for p in (poses[k, joints[a]], poses[k, joints[b]], gap)])
        axes = {name: [None if v != v else float(v) for v in bones[:, j]] for name, j in (("x", 2), ("y", 0), ("z", 1))}
        now = [float(np.interp(moments[k], time, predictions[:, j])) for j in range(len(targets))]
        dots = {"x": [float(moments[k])] * len(targets), "y": now, "mode": "markers", "marker": {"size": 11}}
        return [
            {"type": "scatter3d", "mode": "lines", "line": {"width": 7}, "hoverinfo": "skip", **axes},
            {"type": "scatter", "hovertemplate": "%{y:.2f}", "name": "now", **dots},
        ]

    body, dots = moving(0)
    fig.add_trace(body | {"showlegend": False}, row=1, col=1)
    fig.add_trace(dots | {"showlegend": False}, row=1, col=2)
    for k, target in enumerate(targets):
        fig.add_trace({"type": "scatter", "x": time, "y": predictions[:, k], "name": target}, row=1, col=2)
    fig.frames = [go.Frame(data=moving(k), traces=[0, 1], name=str(k)) for k in range(len(moments))]
    low, high = poses.min(axis=(0, 1)), poses.max(axis=(0, 1))
    middle, half = (low + high) / 2, float((high - low).max()) / 2 * 1.05
    ranges = {
        axis: {"range": [float(middle[j] - half), float(middle[j] + half)], "showticklabels": False, "title": ""}
        for axis, j in (("xaxis", 2), ("yaxis", 0), ("zaxis", 1))
    }
    played = {"frame": {"duration": 1000 / RATE, "redraw": True}, "transition": {"duration": 0}, "fromcurrent": True}
    stop = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    buttons = [
        {"label": "▶ play", "method": "animate", "args": [None, played]},
        {"label": "■ stop", "method": "animate", "args": [[None], stop]},
    ]
    fig.update_layout(
        title={"text": caption.replace("<", "&lt;")},
        template="plotly_white",
        scene={**ranges, "aspectmode": "cube", "camera": {"eye": {"x": 0.7, "y": 1.3, "z": 0.2}}},
        xaxis={"title": "seconds"},
        yaxis={"range": [-1.05, 1.05]},
        updatemenus=[{"type": "buttons", "direction": "left", "x": 0, "y": 0, "buttons": buttons}],
    )
    with cache.whole(out) as part:
        fig.write_html(part, include_plotlyjs=True, auto_play=False)
