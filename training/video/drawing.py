"""Valence and arousal on the frames of a video: a box about each face, a circumplex with a trail, a trace over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.video.detecting import Box
    from training.video.reading import Pixels

    Colour = tuple[int, int, int]

PAPER, INK, FAINT = (24, 24, 27), (240, 240, 240), (150, 150, 150)
FACES = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66))
"""Colours of faces, in their order (Okabe and Ito 2008)."""

TRAIL_S = 3.0
"""Seconds of the trail in the circumplex."""
ALL_S, WINDOW_S, AHEAD_S = 30.0, 20.0, 2.0
"""A trace of up to ALL_S seconds is drawn whole; of a longer one WINDOW_S, of which AHEAD_S are still to come."""
STRIP, DISC = 0.22, 0.13
"""Height of the strip with the traces, and radius of the circumplex, as shares of the frame."""
_VEIL = 0.35
"""How much of the frame is seen behind the strip and the circumplex."""
_BETWEEN = 1.6
"""Predictions that are more than so many steps apart are not joined by a line: there was no face between."""


@dataclass(frozen=True)
class Course:
    """What was predicted of one face: (n,) rising seconds, and valence and arousal (n, 2)."""

    time: NDArray[np.float64]
    va: NDArray[np.float64]

    def at(self, now: float, step: float) -> NDArray[np.float64] | None:
        """Return the last prediction (2,) that is at most 1.5 steps old; None where there is none."""
        place = int(np.searchsorted(self.time, now + step / 100, side="right")) - 1
        return self.va[place] if place >= 0 and now - self.time[place] <= 1.5 * step else None


def draw(
    pixels: Pixels,
    now: float,
    seconds: float,
    step: float,
    boxes: Mapping[int, Box],
    courses: Sequence[Course],
    caption: str = "",
) -> Pixels:
    """Return the frame (h, w, 3) with what was predicted drawn on it, a new image of the same size.

    Parameters
    ----------
    now : the frame's time, of `seconds` in all.  step : seconds from one prediction to the next.
    boxes : place of a face → its box in this frame. Without one the frame says so.
    courses : what was predicted of each face.
    caption : stands at the bottom, such as what data the model learnt from.
    """
    import cv2

    frame = pixels.copy()
    height, width = frame.shape[:2]
    size = max(0.28, min(height, width) / 900)
    thick = max(1, round(min(height, width) / 360))
    for face, box in boxes.items():
        colour = FACES[face % len(FACES)]
        left, top, right, bottom = (round(edge) for edge in box)
        cv2.rectangle(frame, (left, top), (right, bottom), colour, thick + 1)
        value = courses[face].at(now, step)
        if value is not None:
            place = (max(2, left), max(round(26 * size) + 2, top - round(8 * size) - 2))
            write(frame, f"V {value[0]:+.2f}  A {value[1]:+.2f}", place, colour, size)
    if not boxes:
        write(frame, "no face", (round(16 * size) + 4, round(34 * size) + 4), INK, 1.2 * size)
    _circumplex(frame, now, step, courses, boxes, size, thick)
    _traces(frame, now, seconds, step, courses, size, thick)
    write(frame, caption, (4, height - max(3, round(8 * size))), FAINT, 0.7 * size)
    return frame


def _circumplex(
    frame: Pixels,
    now: float,
    step: float,
    courses: Sequence[Course],
    boxes: Mapping[int, Box],
    size: float,
    thick: int,
) -> None:
    """Draw valence and arousal as a dot in the circle, at the top right, and where it was before."""
    import cv2

    height, width = frame.shape[:2]
    radius = max(12, round(DISC * min(height, width)))
    gap = radius // 5 + 2
    x, y = width - radius - gap, radius + gap
    veil = frame.copy()
    cv2.circle(veil, (x, y), radius + gap // 2, PAPER, -1, cv2.LINE_AA)
    cv2.addWeighted(veil, 1 - _VEIL, frame, _VEIL, 0, frame)
    cv2.circle(frame, (x, y), radius, FAINT, 1, cv2.LINE_AA)
    cv2.line(frame, (x - radius, y), (x + radius, y), FAINT, 1)
    cv2.line(frame, (x, y - radius), (x, y + radius), FAINT, 1)
    write(frame, "V", (x + radius - round(18 * size), y - 3), FAINT, 0.7 * size)
    write(frame, "A", (x + 3, y - radius + round(20 * size)), FAINT, 0.7 * size)
    for face, course in enumerate(courses):
        recent = (course.time > now - TRAIL_S) & (course.time <= now + step / 100)
        values = np.clip(course.va[recent], -1, 1)
        dots = np.column_stack([x + radius * values[:, 0], y - radius * values[:, 1]])
        dots = np.round(dots * 16).astype(np.int32)
        colour = FACES[face % len(FACES)]
        for a, b, gone in zip(dots[:-1], dots[1:], np.diff(course.time[recent]), strict=True):
            if gone <= _BETWEEN * step:
                cv2.line(frame, a.tolist(), b.tolist(), colour, thick, cv2.LINE_AA, 4)
        if face in boxes and len(dots):
            cv2.circle(frame, dots[-1].tolist(), round(16 * 2.5 * thick), colour, -1, cv2.LINE_AA, 4)


def span(now: float, seconds: float) -> tuple[float, float]:
    """Return the first and last second of the traces that are drawn at a time."""
    if seconds <= ALL_S:
        return 0.0, max(seconds, 1e-9)
    first = min(max(0.0, now + AHEAD_S - WINDOW_S), seconds - WINDOW_S)
    return first, first + WINDOW_S


def _traces(
    frame: Pixels, now: float, seconds: float, step: float, courses: Sequence[Course], size: float, thick: int
) -> None:
    """Draw valence and arousal over time in a strip at the bottom: what was in colour, what comes in grey."""
    import cv2

    height, width = frame.shape[:2]
    foot = round(26 * size) + 4
    high = round(STRIP * height)
    top = height - foot - high
    strip = frame[top:]
    strip[:] = cv2.addWeighted(np.full_like(strip, PAPER), 1 - _VEIL, strip, _VEIL, 0)
    first, last = span(now, seconds)
    left, right = round(100 * size) + 4, width - 6

    def across(time: NDArray[np.float64]) -> NDArray[np.float64]:
        places: NDArray[np.float64] = left + (right - left) * (time - first) / (last - first)
        return places

    for axis, name in enumerate(("valence", "arousal")):
        middle, half = top + (2 * axis + 1) * high / 4, 0.42 * high / 2
        cv2.line(frame, (left, round(middle)), (right, round(middle)), FAINT, 1)
        write(frame, name, (4, round(middle + 8 * size)), INK, 0.8 * size)
        for face, course in enumerate(courses):
            seen = (course.time >= first) & (course.time <= last)
            time, values = course.time[seen], np.clip(course.va[seen, axis], -1, 1)
            dots = np.round(np.column_stack([across(time), middle - half * values]) * 16).astype(np.int32)
            for piece in np.split(np.arange(len(time)), np.flatnonzero(np.diff(time) > _BETWEEN * step) + 1):
                past = piece[time[piece] <= now + step / 100]
                cv2.polylines(frame, [dots[piece]], False, FAINT, 1, cv2.LINE_AA, 4)
                cv2.polylines(frame, [dots[past]], False, FACES[face % len(FACES)], thick, cv2.LINE_AA, 4)
    at = round(float(across(np.array(now))))
    cv2.line(frame, (at, top + 2), (at, top + high - 2), INK, 1, cv2.LINE_AA)


def write(frame: Pixels, text: str, place: tuple[int, int], colour: Colour, size: float) -> None:
    """Write text on a frame, its lower left corner at `place` (x, y)."""
    import cv2

    # dark about the letters: they stand on bright frames too
    cv2.putText(frame, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, PAPER, 3, cv2.LINE_AA)
    cv2.putText(frame, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
