"""Small videos for tests, whose faces are bright squares, and a detector that finds these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from training.video.detecting import Box, overlap

BACKGROUND, FACE = 40, 220


def frame(squares: Iterable[tuple[int, int]], side: int = 24, size: tuple[int, int] = (96, 160)) -> NDArray[np.uint8]:
    """Return a frame (h, w, 3) with a bright square at each (left, top)."""
    pixels = np.full((*size, 3), BACKGROUND, np.uint8)
    for left, top in squares:
        pixels[top : top + side, left : left + side] = FACE
    return pixels


def write(
    path: Path, frames: Sequence[NDArray[np.uint8]], times: Sequence[float] | None = None, rate: int = 30
) -> Path:
    """Write frames to a video, at `times` (seconds) in place of a constant rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        stream.codec_context.time_base = Fraction(1, 600)
        for k, pixels in enumerate(frames):
            made = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            made.pts = round(600 * (k / rate if times is None else times[k]))
            made.time_base = Fraction(1, 600)
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    return path


class Squares:
    """A detector of bright squares, in place of one of faces."""

    def __init__(self, count: Callable[[], None] = lambda: None) -> None:
        self._count = count

    def everywhere(self, grey: NDArray[np.uint8]) -> list[Box]:
        import cv2

        self._count()
        number, _, stats, _ = cv2.connectedComponentsWithStats((grey > 130).astype(np.uint8))
        return [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h, area in stats[1:number] if area > 50]

    def near(self, grey: NDArray[np.uint8], box: Box) -> Box | None:
        found = max(self.everywhere(grey), key=lambda other: overlap(other, box), default=None)
        return found if found and overlap(found, box) > 0 else None
