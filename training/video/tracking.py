"""Faces of a video followed from frame to frame, and kept apart where there are several.

A face is looked for near where it was in the frame before, and the whole frame is searched now and then, and whenever
no face is followed or one was just lost. A frame has a face only where a detector found it there: nothing is filled in.

What is followed, with no more than a frame missing, is a `Track`. If no two of the long tracks are in one frame, they
are all of one person. Else each person is a `Face`: a track goes to the face that was last seen nearest to it, of those
that are not in the frames of the track. Short tracks are kept where a face was just before or after; the others are
taken for mistakes of the detector and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from training.video.detecting import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.video.detecting import Box, Detector

EVERY = 5
"""The whole frame is searched in every so-manyth frame also while a face is followed: another may have come."""
SAME = 0.2
"""Overlap with a followed face's box from which a finding is that face."""
PATIENCE = 2
"""Frames for which a lost face is still looked for near its place."""
RETURN = 60
"""Frames before or after a short track within which a face must have been at its place."""
SMOOTHED = 5
"""A box is the median of so many neighbours of its track: cascades tremble."""


@dataclass
class Track:
    """A face followed from frame to frame: the frames (rising row numbers) and its box in each."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def smoothed(self) -> NDArray[np.float64]:
        """Return the boxes (n, 4), each the median over its `SMOOTHED` nearest neighbours in the track."""
        boxes = np.array(self.boxes, np.float64)
        half = SMOOTHED // 2
        padded = np.pad(boxes, ((half, half), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED, axis=0)
        medians: NDArray[np.float64] = np.median(windows, axis=-1)
        return medians


@dataclass
class Face:
    """One person of a video: rows of frames, rising, and the boxes (n, 4) in pixels; `name` is "" for the only one."""

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    name: str = ""


class Follower:
    """Follows the faces of the frames that `see` is given, one after the other."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._live: list[Track] = []
        self.tracks: list[Track] = []
        self._count = 0

    def see(self, grey: NDArray[np.uint8]) -> None:
        """Look for faces in the next frame, a grey image (h, w)."""
        at, lost = self._count, False
        self._count += 1
        for track in self._live:
            found = self._detector.near(grey, track.boxes[-1])
            taken = [other.boxes[-1] for other in self._live if other.frames[-1] == at]
            # of two tracks that have come upon one face the first keeps it
            if found and all(overlap(found, box) <= SAME for box in taken):
                track.frames.append(at)
                track.boxes.append(found)
            else:
                lost = True
        if lost or not self._live or at % EVERY == 0:
            self._search(grey, at)
        self._live = [track for track in self._live if at - track.frames[-1] < PATIENCE]

    def _search(self, grey: NDArray[np.uint8], at: int) -> None:
        for found in self._detector.everywhere(grey):
            overlaps = [(overlap(found, track.boxes[-1]), track) for track in self._live]
            share, track = max(overlaps, key=lambda pair: pair[0], default=(0.0, None))
            if track is not None and share > SAME:
                if track.frames[-1] != at:
                    track.frames.append(at)
                    track.boxes.append(found)
            else:
                track = Track([at], [found])
                self._live.append(track)
                self.tracks.append(track)


def faces(tracks: Iterable[Track], shortest: int) -> tuple[list[Face], list[Track]]:
    """Return the faces of a video, from left to right, and the tracks that were left out.

    These have fewer than `shortest` frames, and no face was at their place within `RETURN` frames. Two faces are named
    left and right, by their mean places; of more, those between are face3, face4 ….
    """
    tracks = sorted(tracks, key=lambda track: track.frames[0])
    persons: list[list[Track]] = []
    for track in tracks:
        if len(track.frames) >= shortest:
            free = [person for person in persons if person[-1].frames[-1] < track.frames[0]]
            if free:
                min(free, key=lambda person: _distance(person[-1].boxes[-1], track.boxes[0])).append(track)
            else:
                persons.append([track])
    left_out = []
    for track in tracks:
        if len(track.frames) < shortest:
            person = next((person for person in persons if _returns(track, person)), None)
            if person is None:
                left_out.append(track)
            else:
                person.append(track)
    found = [_face(person) for person in persons]
    found.sort(key=lambda face: float(face.boxes[:, [0, 2]].mean()))
    if len(found) > 1:
        between = [f"face{number}" for number in range(3, len(found) + 1)]
        for face, name in zip(found, ["left", *between, "right"], strict=True):
            face.name = name
    return found, left_out


def _returns(track: Track, person: Sequence[Track]) -> bool:
    """Return whether a short track is of this person, who was at its place just before or after."""
    first, last = track.frames[0], track.frames[-1]
    if any(other.frames[0] <= last and first <= other.frames[-1] for other in person):
        return False
    near = False
    for other in person:
        gap, own, theirs = (
            (first - other.frames[-1], track.boxes[0], other.boxes[-1])
            if other.frames[-1] < first
            else (other.frames[0] - last, track.boxes[-1], other.boxes[0])
        )
        near = near or (gap <= RETURN and overlap(own, theirs) > SAME)
    return near


def _face(tracks: Sequence[Track]) -> Face:
    tracks = sorted(tracks, key=lambda track: track.frames[0])
    frames = np.concatenate([np.array(track.frames, np.int64) for track in tracks])
    return Face(frames, np.concatenate([track.smoothed() for track in tracks]))


def _distance(one: Box, other: Box) -> float:
    """Return how far two boxes' centres are apart, in sides of the first."""
    x, y = ((one[i] + one[i + 2] - other[i] - other[i + 2]) / 2 for i in (0, 1))
    return float(np.hypot(x, y)) / max(1e-9, one[2] - one[0])
