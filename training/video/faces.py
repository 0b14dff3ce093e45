"""A video brought to one rate, with the faces in its frames: found, kept apart, and cut.

    seen = look(path, rate=30)
    for number, face, image in seen.cut(64):     # frame 1, 2, 3 …; place in seen.faces; RGB (64, 64, 3) uint8
        ...

Frame ``k`` of the new rate is the video's frame nearest to ``(k − 1) / rate`` seconds, by time stamps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from training.contract import UserError
from training.video import reading, tracking
from training.video.detecting import Detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.video.reading import Pixels, Video
    from training.video.tracking import Face, Track

SHORTEST_S = 0.5
"""Seconds for which a face must be followed, or it is taken for a mistake of the detector."""


@dataclass(frozen=True)
class Seen:
    """What is in a video.

    Parameters
    ----------
    video : read once.
    time : (n,) seconds of the frames that were decoded.
    rate : frames a second of the new frames.
    row : (m,) for each new frame the decoded one that it shows.
    faces : from left to right.
    short : tracks that were left out, for they are too short.
    """

    video: Video
    time: NDArray[np.float64]
    rate: float
    row: NDArray[np.int64]
    faces: list[Face]
    short: list[Track]
    notes: list[str] = field(default_factory=list)

    @property
    def own_rate(self) -> float:
        """Return the frames a second that the time stamps give, on average; nan for a single frame."""
        return float((len(self.time) - 1) / (self.time[-1] - self.time[0])) if len(self.time) > 1 else float("nan")

    @property
    def seconds(self) -> float:
        """Return how long the video is."""
        return len(self.row) / self.rate

    def frames_of(self, face: Face) -> NDArray[np.int64]:
        """Return the numbers, from 1, of the new frames that have this face."""
        return np.flatnonzero(np.isin(self.row, face.frames)) + 1

    def boxes(self, face: Face) -> dict[int, tuple[float, float, float, float]]:
        """Return number of a new frame → the face's box in it: left, top, right, bottom in pixels."""
        place = {row: i for i, row in enumerate(face.frames.tolist())}
        boxes = face.boxes.tolist()
        return {k + 1: tuple(boxes[place[row]]) for k, row in enumerate(self.row.tolist()) if row in place}

    def frames(self) -> Iterator[tuple[int, Pixels]]:
        """Yield each new frame, number and RGB pixels (h, w, 3): the video is decoded again."""
        wanted = iter(enumerate(self.row.tolist(), 1))
        number, row = next(wanted)
        for at, (_, pixels) in enumerate(self.video.frames()):
            while row == at:
                yield number, pixels
                number, row = next(wanted, (0, -1))
            if not number:
                return

    def cut(self, side: int) -> Iterator[tuple[int, int, Pixels]]:
        """Yield number of the frame, place of the face in `faces`, and the face, RGB (side, side, 3) uint8."""
        boxes = [self.boxes(face) for face in self.faces]
        if not boxes:
            return
        for number, pixels in self.frames():
            for place, of in enumerate(boxes):
                if number in of:
                    yield number, place, cut(pixels, of[number], side)


def look(path: Path, rate: float, shortest_s: float = SHORTEST_S, watch: Callable[[int], None] | None = None) -> Seen:
    """Read a video once: its times, and the faces of every frame.

    Parameters
    ----------
    rate : frames a second to bring it to, above 0.
    shortest_s : see `SHORTEST_S`.
    watch : is told the number of frames read so far, now and then.

    Raises UserError for what is no video, or cannot be decoded at all.
    """
    import cv2

    if not (np.isfinite(rate) and rate > 0):
        raise UserError(f"expected frames a second above 0, found {rate:g}")
    video, follower, times = reading.open_video(path), tracking.Follower(Detector()), []
    for at, pixels in video.frames():
        follower.see(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))
        times.append(at)
        if watch is not None and len(times) % 30 == 0:
            watch(len(times))
    time = np.array(times)
    row = resampled(time, rate)
    own = (len(time) - 1) / float(time[-1] - time[0]) if len(time) > 1 else rate
    faces, short = tracking.faces(follower.tracks, max(1, round(shortest_s * own)))
    return Seen(video, time, rate, row, faces, short, [*video.notes])


def resampled(time: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Return for each frame of a new rate the nearest frame of those at `time` (n,), rising seconds: (m,) row numbers.

    The last frame lasts as long as the median of the others.

    >>> resampled(np.array([0.0, 0.04, 0.08, 0.12]), 50).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3]
    """
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1 / rate
    count = max(1, round((float(time[-1]) + step) * rate))
    due = np.arange(count) / rate
    after = np.searchsorted(time, due).clip(1, max(1, len(time) - 1))
    if len(time) == 1:
        return np.zeros(count, np.int64)
    # of two that are equally far the earlier: the later one is not there yet
    nearer = due - time[after - 1] <= time[after] - due + 1e-9
    rows: NDArray[np.int64] = np.where(nearer, after - 1, after).astype(np.int64)
    return rows


def cut(pixels: Pixels, box: tuple[float, float, float, float], side: int) -> Pixels:
    """Return the square about a face, as `training.datasets._images` cuts images: RGB (side, side, 3) uint8."""
    from PIL import Image

    from training.datasets._images import square

    height, width = pixels.shape[:2]
    left, top, size = square(box, width, height)
    within = (left, top, min(left + size, width), min(top + size, height))
    face = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, within, reducing_gap=3)
    return np.asarray(face)
