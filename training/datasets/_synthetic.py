"""The synthetic world: people, and recordings in which an emotion moves them, all drawn from one seed.

Each family's data set ``synthetic_<family>.py`` adds what these same trajectories cause (LMA features, faces, meshes,
frames, sound), so a bench without any download has data whose causes are known. A reader serves one family and is one
file, so this module is not a data set ``synthetic`` but what its readers share; the underscore keeps it off the list.
Beside `read` such a reader has ``generate(<setting>, seed=0, …)``, which `read` calls with seed 0.

It is always called synthetic: no score measured on it says anything about people.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

AXES = ("pleasure", "arousal", "dominance")

ANCHORS: dict[str, tuple[float, float, float]] = {
    "afraid": (-0.60, 0.65, -0.55),
    "angry": (-0.50, 0.60, 0.45),
    "bored": (-0.55, -0.60, -0.30),
    "disgusted": (-0.55, 0.30, 0.15),
    "happy": (0.75, 0.45, 0.35),
    "neutral": (0.0, 0.0, 0.0),
    "sad": (-0.60, -0.35, -0.40),
    "surprised": (0.35, 0.70, -0.15),
}
"""Emotion → pleasure, arousal, dominance at full intensity; rounded, near the ratings of Russell and Mehrabian (1977,
Evidence for a three-factor theory of emotions)."""

RECORDINGS: dict[str, int] = {
    "happy": 44,
    "sad": 42,
    "afraid": 42,
    "angry": 40,
    "disgusted": 38,
    "neutral": 26,
    "surprised": 6,
    "bored": 2,
}
"""Emotion → recordings. As in collected data, some are rare, and one has fewer recordings than a split has parts."""

PEOPLE = 24
IDENTITY = 16
_WAVES = 3


@dataclass(frozen=True)
class World:
    """What a seed makes. p people, r recordings; times are seconds from a recording's beginning.

    Parameters
    ----------
    seed : the world's seed.
    person : (p,) names.  identity : (p, 16) independent standard normal; a family decides what it shows of it.
    recording : (r,) names.  emotion : (r,) its emotion.  performer : (r,) row of `person`.  seconds : (r,) its length.
    intensity : (r,) how much of the emotion's anchor is reached.  offset : (r, 3) how this take of it differs, in PAD.
    amplitude, frequency, phase : (r, 3, k) waves about that, in PAD, Hz and radians.
    """

    seed: int
    person: NDArray[np.str_]
    identity: NDArray[np.float64]
    recording: NDArray[np.str_]
    emotion: NDArray[np.str_]
    performer: NDArray[np.int64]
    seconds: NDArray[np.int64]
    intensity: NDArray[np.float64]
    offset: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    frequency: NDArray[np.float64]
    phase: NDArray[np.float64]

    def level(self, recording: NDArray[np.int64], time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much of its emotion (n,) shows in the rows `recording` (n,) at `time` (n,): about 1 when full."""
        onset = np.clip(3 * time / self.seconds[recording], 0, 1)
        shown: NDArray[np.float64] = self.intensity[recording] * (0.5 + 0.5 * onset * onset * (3 - 2 * onset))
        return shown

    def pad(self, recording: NDArray[np.int64], time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the PAD (n, 3), in [-1, 1], of the rows `recording` (n,) at the times `time` (n,) in seconds.

        An emotion begins at half its intensity and is full after a third of the recording. The trajectory is a formula
        of time, so a family may ask for windows, frames, or moments past (sound that lags).
        """
        anchors = np.array([ANCHORS[name] for name in self.emotion.tolist()])
        level = self.level(recording, time)
        angle = 2 * np.pi * self.frequency[recording] * time[:, None, None] + self.phase[recording]
        waves = (self.amplitude[recording] * np.sin(angle)).sum(axis=2)
        disposition = 0.05 * self.identity[self.performer[recording], :3]
        pad: NDArray[np.float64] = level[:, None] * anchors[recording] + self.offset[recording] + disposition + waves
        return np.clip(pad, -1, 1)

    def stream(self, family: str) -> np.random.Generator:
        """Return the random numbers of `family`: the same for the same seed, whatever other families draw."""
        return np.random.default_rng([self.seed, zlib.crc32(family.encode())])


def make(seed: int = 0, recordings: Mapping[str, int] | None = None, people: int = PEOPLE) -> World:
    """Make the world of `seed` with so many `recordings` of each emotion (`RECORDINGS`) by `people` people.

    Recordings are 6 to 10 whole seconds long.
    """
    counts = RECORDINGS if recordings is None else recordings
    rng = np.random.default_rng(seed)
    emotion = np.array([name for name, count in counts.items() for _ in range(count)], np.str_)
    r = len(emotion)
    return World(
        seed=seed,
        person=np.array([f"person {i + 1:02d}" for i in range(people)], np.str_),
        identity=rng.standard_normal((people, IDENTITY)),
        recording=np.array([f"{name} {i + 1:02d}" for name, count in counts.items() for i in range(count)], np.str_),
        emotion=emotion,
        performer=rng.permutation(np.arange(r) % people),
        seconds=rng.integers(6, 11, r),
        intensity=rng.uniform(0.6, 1.15, r),
        offset=rng.normal(0, 0.10, (r, 3)),
        amplitude=rng.uniform(0.02, 0.12, (r, 3, _WAVES)),
        frequency=rng.uniform(0.05, 0.40, (r, 3, _WAVES)),
        phase=rng.uniform(0, 2 * np.pi, (r, 3, _WAVES)),
    )
