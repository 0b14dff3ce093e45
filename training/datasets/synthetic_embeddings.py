"""Synthetic embeddings of video frames, and noisier, lagging audio windows, of the synthetic world's people.

Valence and arousal move embeddings at once and sound a little later, together with a style of the person and of the
recording. Sound is measured ten times a second and averaged over windows of 1, 2, 3 and 4 seconds, as in captured data.
How it was all made stands in ``truth``.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training.contract import UserError
from training.data import Block, Dataset, Reader, Stream
from training.datasets import _synthetic, embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings

READER = Reader(
    title="Synthetic embeddings of video frames and lagging audio windows",
    data="fusion",
    blocks=embeddings.READER.blocks,
    sequences=True,
)
read_inputs = embeddings.read_inputs
"""New recordings come as the files of `embeddings` do."""

AXES = ("valence", "arousal")
WINDOWS = (1, 2, 3, 4)
FRAMES_PER_SECOND = 5
LAG_S = 0.6
"""How much later than a face a voice shows what is felt."""

RECORDINGS: dict[str, int] = {"happy": 10, "sad": 9, "afraid": 8, "angry": 8, "disgusted": 6, "neutral": 7}
"""Emotion → recordings: two of each person."""

_SOUND_HZ = 10
_SECONDS = (24, 41)
_SWING = 2.0
"""How much farther affect swings within a recording than in the world's short clips."""


class _Video:
    """Columns, what one unit of valence and arousal moves them by, and how far all else does (standard deviations)."""

    columns = tuple(f"emb_{i}" for i in range(16))
    gain = (1.0, 0.8)
    person, recording, noise = 0.65, 0.6, 2.0


class _Audio:
    """The same of sound, in a tenth of a second: less of valence, more of noise."""

    columns = tuple(f"sound_{i}" for i in range(12))
    gain = (0.5, 1.0)
    person, recording, noise = 0.5, 0.3, 1.5


def read(root: Path | None, settings: Settings) -> Dataset:
    """Return the world of seed 0 as embeddings: see `generate`. UserError where a file is given: there is none."""
    if root is not None:
        raise UserError(
            f"the data set synthetic_embeddings reads no file: leave --root out, or read {root} as embeddings"
        )
    return generate()


def generate(seed: int = 0, recordings: Mapping[str, int] | None = None) -> Dataset:
    """Return frames of the world of `seed`: blocks ``video`` (n, 16), ``va`` (n, 2) and ``audio_1s`` … (m, 12).

    A sample is a frame, a group a person, a sequence a recording of 24 to 40 s. `recordings` is emotion → number,
    `RECORDINGS` by default: 48 recordings of 24 people, about 7,700 frames. ``truth`` holds the lag, and of each
    modality the weights (c, 2) of valence and arousal and the noise of one measurement.
    """
    world = _synthetic.make(seed, RECORDINGS if recordings is None else recordings)
    rng = world.stream("fusion")
    r = len(world.recording)
    world = replace(world, seconds=rng.integers(*_SECONDS, r), amplitude=_SWING * world.amplitude)
    frame, time = _grid(world.seconds, FRAMES_PER_SECOND)
    va = np.round(world.pad(frame, time)[:, :2], 6)
    video, video_weights = _measured(rng, world, _Video, va, frame)
    tick, heard = _grid(world.seconds, _SOUND_HZ)
    # a face shows what is felt now, a voice what was felt a moment ago
    sound, audio_weights = _measured(rng, world, _Audio, world.pad(tick, heard - LAG_S)[:, :2], tick)
    blocks = {
        "video": Block(video, _Video.columns),
        "va": Block(va, AXES, low=-1.0, high=1.0),
        **{f"audio_{seconds}s": _windows(world, sound, tick, seconds) for seconds in WINDOWS},
    }
    sequence = world.recording[frame]
    person = world.person[world.performer[frame]]
    content = hashlib.sha256()
    for block in blocks.values():
        content.update(block.values.tobytes())
    return Dataset(
        name="synthetic_embeddings",
        version=content.hexdigest()[:16],
        synthetic=True,
        blocks=blocks,
        sample=np.array([f"{name}:{t:g}" for name, t in zip(sequence.tolist(), time.tolist(), strict=True)], np.str_),
        group=person,
        group_kind="person",
        persons_known=True,
        sequence=sequence,
        time=time,
        summary={
            "seed": seed,
            "rows": len(va),
            "skipped": 0,
            "groups": len(np.unique(person)),
            "recordings": r,
            "features": {"video": len(_Video.columns), "audio": len(_Audio.columns)},
            "notes": [
                f"synthetic: people, affect, faces and voices are made up from seed {seed}",
                f"{FRAMES_PER_SECOND} frames a second; audio windows do not overlap",
            ],
        },
        truth={
            "lag_s": LAG_S,
            "noise": {"video": _Video.noise, "audio": _Audio.noise},
            "weights": {"video": video_weights, "audio": audio_weights},
        },
    )


def _grid(seconds: NDArray[np.int64], hertz: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the recording (n,) and the time (n,) of measurements so many times a second."""
    recording = np.repeat(np.arange(len(seconds)), seconds * hertz)
    return recording, np.concatenate([np.arange(count * hertz) / hertz for count in seconds.tolist()])


def _measured(
    rng: np.random.Generator,
    world: _synthetic.World,
    modality: type[_Video | _Audio],
    va: NDArray[np.float64],
    recording: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return measurements (n, c) that `va` (n, 2) moves, and the weights (c, 2) by which it does."""
    c = len(modality.columns)
    weights = np.round(rng.normal(0, 1, (c, 2)) * modality.gain, 6)
    style = world.identity @ rng.normal(0, modality.person / np.sqrt(_synthetic.IDENTITY), (_synthetic.IDENTITY, c))
    take = rng.normal(0, modality.recording, (len(world.recording), c))
    noise = rng.normal(0, modality.noise, (len(va), c))
    values = va @ weights.T + style[world.performer[recording]] + take[recording] + noise
    # six digits: the last bits of a sum differ between machines, and the version should not
    return values.round(6).astype(np.float32), weights


def _windows(world: _synthetic.World, sound: NDArray[np.float32], tick: NDArray[np.int64], seconds: int) -> Block:
    """Return the means of `sound` over windows that do not overlap; an incomplete last one is left out."""
    values: list[Any] = []
    counts = world.seconds // seconds
    for k, count in enumerate(counts.tolist()):
        mine = sound[tick == k][: count * seconds * _SOUND_HZ]
        values.append(mine.reshape(count, seconds * _SOUND_HZ, -1).mean(axis=1))
    start = np.concatenate([np.arange(count) * float(seconds) for count in counts.tolist()])
    sequence = world.recording[np.repeat(np.arange(len(counts)), counts)]
    stacked = np.concatenate(values).round(5).astype(np.float32)
    return Block(stacked, _Audio.columns, stream=Stream(sequence, start, start + seconds))
