"""A run's model at work on a video or a camera: the face's mesh, its class and probabilities, on every frame.

The frames go into a video file, or to a browser on this machine: OpenCV's headless build has no windows of its own.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect.facemesh import TRIANGLES
from training import cache
from training.facemesh.images import Film
from training.facemesh.tracker import Tracker
from training.video.drawing import write
from training.views import single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rich.console import Console

    from training.contract import Model
    from training.facemesh.stream import Stream
    from training.video.writing import VideoFile

    Pixels = NDArray[np.uint8]

PANEL = 260
"""Pixels to the right of the image, for the probabilities."""

_LEAST_HEIGHT = 480
_VEIL = 0.6
"""How much of the mesh covers the face."""
_PAPER, _INK, _FAINT, _MESH, _BAR = (24, 24, 27), (240, 240, 240), (130, 130, 130), (120, 220, 255), (240, 160, 70)


def preview(
    model: Model,
    classes: Sequence[str],
    caption: str,
    source: Path | int,
    out: Path | None,
    port: int,
    console: Console,
) -> int:
    """Show what `model` says of each frame of `source` (a video, or a camera's number); return how many there were.

    `caption` stands on each frame, such as what data the model learnt from.
    With `out` a video of that name is written, else the frames are served at 127.0.0.1:`port`, and Ctrl-C ends it.
    """
    from rich.progress import track

    if out is not None:
        cache.check_new(out, "--out")
    film = Film(source)
    count = 0
    # Ctrl-C is how a camera ends: what was written until then is kept
    with (
        Tracker(console, video=True) as tracker,
        _screen(out, film.rate, port, console) as screen,
        suppress(KeyboardInterrupt),
    ):
        for pixels in track(film, "frames", film.length or None, console=console, transient=True):
            landmarks = tracker.landmarks(pixels)
            predicted = (
                None if landmarks is None else np.asarray(model.predict(single(landmarks[None], "landmarks"))[0], float)
            )
            screen.show(draw(pixels, landmarks, predicted, classes, caption))
            count += 1
    return count


def draw(
    pixels: Pixels,
    landmarks: NDArray[np.float32] | None,
    probabilities: NDArray[np.float64] | None,
    classes: Sequence[str],
    caption: str = "",
) -> Pixels:
    """Return the frame (h, w, 3) with the mesh on the face and a bar for each class beside it, a new image.

    Landmarks and probabilities are None where there is no face; the frame then says so. A small frame is drawn larger.
    """
    import cv2

    scale = max(1.0, _LEAST_HEIGHT / len(pixels))
    large = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    height, width, _ = large.shape
    frame = np.full((height, width + PANEL, 3), _PAPER, np.uint8)
    frame[:, :width] = large
    write(frame, caption, (width + 16, height - 14), _FAINT, 0.4)
    if landmarks is None or probabilities is None:
        write(frame, "no face", (width + 16, 40), _FAINT, 0.8)
        return frame
    # the last bits of a coordinate are fractions of a pixel, so that lines do not tremble
    points = np.round(landmarks[:, :2] * scale * 16).astype(np.int32)
    cv2.polylines(large, [*points[TRIANGLES]], True, _MESH, 1, cv2.LINE_AA, 4)
    frame[:, :width] = cv2.addWeighted(large, _VEIL, frame[:, :width], 1 - _VEIL, 0)
    best = int(np.argmax(probabilities))
    write(frame, classes[best], (width + 16, 40), _INK, 0.9)
    room = (height - 100) / len(classes)
    for i, (name, share) in enumerate(zip(classes, probabilities.tolist(), strict=True)):
        top = int(60 + i * room)
        color = _INK if i == best else _FAINT
        write(frame, f"{name} {share:.2f}", (width + 16, top + 14), color, 0.45)
        right = width + 16 + round((PANEL - 32) * min(1.0, max(0.0, share)))
        bottom = top + 20 + max(2, int(room / 4))
        cv2.rectangle(frame, (width + 16, top + 20), (right, bottom), _BAR if i == best else _FAINT, -1)
    return frame


def _screen(out: Path | None, rate: float, port: int, console: Console) -> VideoFile | Stream:
    if out is not None:
        from training.video.writing import VideoFile

        return VideoFile(out, rate)
    from training.facemesh.stream import Stream

    stream = Stream(port, rate)
    console.print(f"look at {stream.address}  (Ctrl-C ends it)", markup=False)
    return stream
