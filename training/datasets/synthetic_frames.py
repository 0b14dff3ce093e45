"""Synthetic frames: drawn faces of the synthetic world's people in short videos, 5 frames a second.

A person goes through two of the world's emotions, one after the other, while the head moves slowly. Faces are those of
``synthetic_faces``, but each frame is noisy: the face's actions tremble about valence and arousal, and the cut about
the face. So a frame tells something of its valence and arousal, and the frames before it tell more. Some frames have no
face and are not in the data, some have a face and no label, and every eighth video shows two people: two recordings of
one group. How each frame was made stands in ``truth``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from training.contract import IMAGES, UserError
from training.data import Block, Dataset, Reader
from training.datasets import _drawing, _frames, _images, _mapped, _synthetic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import NewRows

    Numbers = NDArray[np.float64]

READER = Reader(
    title="Synthetic frames of videos, moved by known valence and arousal",
    data="frames",
    blocks=(IMAGES, "va"),
    classes=True,
    sequences=True,
)

RATE = 5
"""Frames a second."""

FRAMES = 4000
"""Frames of `read`."""

_FEWEST_VIDEOS, _FRAMES_OF_VIDEO = 40, 25
"""There are at least so many videos, and as many more as give each about so many frames."""

_TWO_FACES = 8
"""Every eighth video shows two people."""

_EMOTIONS_OF_PERSON = 2
_CROSSFADE_S = 2.0
_NOISE = 0.3
"""Standard deviation of what moves an action in one frame besides its axis, as a share of a unit's effect."""

_WAVES = {"turn": 2.5, "nod": 1.2, "right": 1.5, "down": 1.5, "zoom": 0.04}
_TREMBLE = {"turn": 0.2, "nod": 0.1, "right": 0.3, "down": 0.3, "zoom": 0.01}
"""How far a head moves slowly, and from frame to frame, in pixels (zoom: as a share)."""

_VERSION = 3
"""Raised when the same seed and number of frames give other data."""

_AT_ONCE = 2048


def read(root: Path | None, settings: Settings) -> Dataset:
    """Return the world of seed 0 as frames: see `generate`. UserError where a file is given: there is none to read."""
    if root is not None:
        raise UserError(f"the data set synthetic_frames reads no file: leave --root out, or read {root} as afew_va")
    return generate()


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read recordings to predict for, as folders of images: see `_frames.read_frames`."""
    return _frames.read_frames(file, blocks, settings, RATE, whole=True)


def generate(seed: int = 0, frames: int = FRAMES) -> Dataset:
    """Return frames of the world of `seed`: blocks ``images`` (n, 3, 64, 64) uint8 and ``va`` (n, 2).

    A sample is a frame with a face, n is `frames`; the images lie in a memory-mapped file of the cache. A group is a
    video, and no person is in two. ``va`` is NaN, and the label "", where a frame has no label. ``truth`` holds actions
    (name → (n,) pixels), causes (action → axis) and va, that of unlabelled frames too.
    """
    film = _Film(seed, frames)
    va = np.where(film.labelled[:, None], film.va, np.nan)
    label = np.where(film.labelled, film.emotion, "")
    number = [f"{index:05d}" for index in film.index.tolist()]
    sequence = film.name[film.person]
    moved = [*film.parts(actions_only=True)]
    actions = {name: np.concatenate([part[name] for part in moved]) for name in _drawing.ACTIONS}
    images = _mapped.array(
        f"frames/synthetic_frames-{film.version}", (frames, 3, _images.SIZE, _images.SIZE), np.uint8, film.images
    )
    unlabelled = int((~film.labelled).sum())
    return Dataset(
        name="synthetic_frames",
        version=film.version,
        synthetic=True,
        blocks={IMAGES: Block(images), "va": Block(va, _images.VA, low=-1.0, high=1.0)},
        sample=np.array([f"{of}/{at}" for of, at in zip(sequence.tolist(), number, strict=True)], np.str_),
        group=film.video[film.person],
        group_kind="video",
        persons_known=True,
        label=label,
        sequence=sequence,
        time=np.round(film.index / RATE, 6),
        summary={
            "seed": seed,
            "rows": frames,
            "skipped": film.faceless,
            "unlabelled": unlabelled,
            "groups": len(np.unique(film.video)),
            "recordings": len(film.name),
            "frames_per_second": RATE,
            "rows_by_label": dict(sorted(Counter(label[film.labelled].tolist()).items())),
            "notes": [
                f"synthetic: people, emotions and their faces are made up from seed {seed}",
                f"{film.faceless} frames show no face and are not in the data; {unlabelled} have a face and no label",
            ],
        },
        truth={
            "actions": actions,
            "causes": {name: axis for name, (axis, _, _) in _drawing.ACTIONS.items()},
            "va": film.va,
        },
    )


class _Film:
    """All that is known of n frames before they are drawn: one row for each frame, one for each of p people.

    person : (n,) row of the person.  index : (n,) number of the frame in its video.  va : (n, 2).  emotion : (n,).
    labelled : (n,).  name, video : (p,) recording and group of each person.  faceless : frames without a face.
    """

    def __init__(self, seed: int, frames: int) -> None:
        videos = max(_FEWEST_VIDEOS, frames // _FRAMES_OF_VIDEO)
        if frames < 2 * videos:
            raise ValueError(f"frames is {frames}, expected at least {2 * videos}")
        self.name, self.video = _names(videos)
        p = len(self.name)
        counts = dict.fromkeys(_synthetic.ANCHORS, 0)
        for i in range(_EMOTIONS_OF_PERSON * p):
            counts[list(counts)[i % len(counts)]] += 1
        self.world = _synthetic.make(seed, counts, people=p)
        self.seed, self.rng = seed, self.world.stream("frames")
        self.person = np.repeat(np.arange(p), _shares(frames, p, self.rng))
        self.index, self.labelled, self.faceless = self._lost(frames, p)
        self.va, self.emotion = self._trajectory()
        self.noise = {name: self.rng.standard_normal(frames) for name in _drawing.ACTIONS}
        self.tremble = {name: self.rng.standard_normal(frames) for name in _TREMBLE}
        self.frequency = self.rng.uniform(0.05, 0.3, (p, len(_WAVES)))
        self.phase = self.rng.uniform(0, 2 * np.pi, (p, len(_WAVES)))
        self.surroundings = self.rng.uniform(0, 1, (p, 4))
        digest = hashlib.sha256(f"{_VERSION} {_drawing.DRAWING}".encode())
        for part in self.parts():
            digest.update(np.column_stack([*part.values()]).round(4).tobytes())
        digest.update(np.column_stack([self.person, self.index, self.labelled]).tobytes())
        digest.update(self.va.round(6).tobytes())
        self.version = digest.hexdigest()[:16]

    def _lost(self, frames: int, p: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
        """Return each frame's number in its video, which of them are labelled, and how many frames have no face.

        About every third recording has a gap of 3 to 10 frames without a face, and about every third one a stretch of
        up to 15 frames without a label.
        """
        index, labelled, faceless = np.empty(frames, np.int64), np.ones(frames, np.bool_), 0
        start = 0
        for count in np.bincount(self.person, minlength=p).tolist():
            number, latest = np.arange(count), max(4, count)
            gap, missing, unlabelled, length = self.rng.integers(3, [latest, 11, latest, 16]).tolist()
            has_gap, has_unlabelled = self.rng.uniform(0, 1, 2) < 0.35
            if has_gap and gap < count:
                number[gap:] += missing
                faceless += missing
            if has_unlabelled:
                labelled[start + unlabelled : start + min(count, unlabelled + length)] = False
            index[start : start + count] = number
            start += count
        return index, labelled, faceless

    def _trajectory(self) -> tuple[Numbers, NDArray[np.str_]]:
        """Return valence and arousal (n, 2) and the emotion (n,): one recording of the world fades into the next."""
        of_person = np.argsort(self.world.performer, kind="stable").reshape(-1, _EMOTIONS_OF_PERSON)[self.person]
        time, start = self.index / RATE, np.zeros(len(self.index))
        va, emotion = np.zeros((len(time), 2)), np.empty(len(time), self.world.emotion.dtype)
        # recordings are shortened where videos are, so that every person still goes through all emotions
        shortened = min(1.0, np.median(np.bincount(self.person)) / (16 * RATE))
        for k in range(_EMOTIONS_OF_PERSON):
            share = np.clip((time - start) / _CROSSFADE_S, 0, 1) if k else np.ones(len(time))
            share = share * share * (3 - 2 * share)
            recording = of_person[:, k]
            va += share[:, None] * (self.world.pad(recording, np.maximum(time - start, 0))[:, :2] - va)
            emotion = np.where(share > 0.5, self.world.emotion[recording], emotion)
            start = start + self.world.seconds[recording] * shortened
        return np.clip(np.round(va, 6), -1, 1), emotion

    def parts(self, *, actions_only: bool = False) -> Iterator[dict[str, Numbers]]:
        """Yield what is drawn of successive frames, name → (m,), or their facial actions alone."""
        for at in range(0, len(self.person), _AT_ONCE):
            rows = slice(at, at + _AT_ONCE)
            person = self.person[rows]
            who = self.world.identity[person]
            moved = _drawing.moved(self.va[rows], {k: _NOISE * v[rows] for k, v in self.noise.items()}, who)
            yield moved if actions_only else {**moved, **self._head(rows, person), **_drawing.appearance(who)}

    def _head(self, rows: slice, person: NDArray[np.int64]) -> dict[str, Numbers]:
        made = _drawing.surroundings(self.surroundings[person])
        time = self.index[rows] / RATE
        for k, (name, amplitude) in enumerate(_WAVES.items()):
            slow = np.sin(2 * np.pi * self.frequency[person, k] * time + self.phase[person, k])
            rest = 1.0 if name == "zoom" else 0.0
            made[name] = rest + amplitude * slow + _TREMBLE[name] * self.tremble[name][rows]
        return made

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of successive frames, (m, 3, 64, 64)."""
        for k, part in enumerate(self.parts()):
            yield _drawing.draw(part, [self.seed, k])


def _names(videos: int) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the recording's name and the video of each person: one person a video, two in every eighth."""
    name, video = [], []
    for number in range(1, videos + 1):
        of = f"video {number:02d}"
        faces = [f"{of} left", f"{of} right"] if number % _TWO_FACES == 0 else [of]
        name += faces
        video += [of] * len(faces)
    return np.array(name, np.str_), np.array(video, np.str_)


def _shares(frames: int, p: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the number of frames of each of p recordings, `frames` together: no two need be of one length."""
    share = rng.uniform(0.8, 1.2, p)
    count: NDArray[np.int64] = np.floor(frames * share / share.sum()).astype(np.int64)
    count[: frames - count.sum()] += 1
    return count
