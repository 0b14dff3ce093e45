"""Synthetic faces: drawn 64×64 images of the synthetic world's people, moved by known valence and arousal.

Valence curves the mouth and tilts the brows; arousal opens eyes and mouth and raises the brows. Who it is shows in
skin, hair, shape of the head, eyes and mouth at rest; each recording has its light and background, each image its
place, size and grain. So valence and arousal can be read from an image, and identity is what stands in the way, as in
photographs. How each image was made stands in ``truth``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from training.contract import UserError
from training.data import Block, Dataset, Reader
from training.datasets import _drawing, _images, _synthetic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings

READER = Reader(
    title="Synthetic faces, moved by known valence and arousal",
    data="faces",
    blocks=("images", "va"),
    classes=True,
    sequences=True,
)
read_inputs = _images.read_faces

MOMENTS = (0.2, 0.5, 0.8)
"""When a recording's images are taken, as shares of its length."""

_NOISE = 0.15
"""Standard deviation of what moves an action besides its axis, as a share of a unit's effect."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Return the world of seed 0 as faces: see `generate`. UserError where a file is given: there is none to read."""
    if root is not None:
        raise UserError(f"the data set synthetic_faces reads no file: leave --root out, or read {root} as imfdb, say")
    return generate()


def generate(seed: int = 0, recordings: Mapping[str, int] | None = None) -> Dataset:
    """Return images of the world of `seed`: blocks ``images`` (n, 3, 64, 64) uint8 and ``va`` (n, 2).

    A sample is a moment of a recording, a group is a person. `recordings` is emotion → number,
    `_synthetic.RECORDINGS` by default: 720 images of 24 persons. ``truth`` holds actions (name → (n,) pixels), causes
    (action → axis) and anchors (emotion → valence, arousal).
    """
    world = _synthetic.make(seed, recordings)
    rng = world.stream("faces")
    r = len(world.recording)
    recording = np.repeat(np.arange(r), len(MOMENTS))
    time: NDArray[np.float64] = np.round(np.tile(np.array(MOMENTS), r) * world.seconds[recording], 6)
    va: NDArray[np.float64] = np.round(world.pad(recording, time)[:, :2], 6)
    drawn = _parameters(world, rng, recording, va)
    digest = hashlib.sha256(np.column_stack([va, *drawn.values()]).round(4).tobytes() + bytes([_drawing.DRAWING]))
    label, group = world.emotion[recording], world.person[world.performer[recording]]
    names = world.recording[recording]
    return Dataset(
        name="synthetic_faces",
        version=digest.hexdigest()[:16],
        synthetic=True,
        blocks={
            "images": Block(_drawing.draw(drawn, seed)),
            "va": Block(va, _images.VA, low=-1.0, high=1.0),
        },
        sample=np.array([f"{of}:{at:g}" for of, at in zip(names, time, strict=True)], np.str_),
        group=group,
        group_kind="person",
        persons_known=True,
        label=label,
        sequence=names,
        time=time,
        summary={
            "seed": seed,
            "rows": len(va),
            "skipped": 0,
            "groups": len(np.unique(group)),
            "rows_by_label": dict(sorted(Counter(label.tolist()).items())),
            "notes": [f"synthetic: people, emotions and their faces are made up from seed {seed}"],
        },
        truth={
            "actions": {name: drawn[name] for name in _drawing.ACTIONS},
            "causes": {name: axis for name, (axis, _, _) in _drawing.ACTIONS.items()},
            "anchors": {name: _synthetic.ANCHORS[name][:2] for name in np.unique(label).tolist()},
        },
    )


def _parameters(
    world: _synthetic.World, rng: np.random.Generator, recording: NDArray[np.int64], va: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return what is drawn, name → (n,): colours 0 … 1, the rest in pixels, for images of `recording` at `va`."""
    n = len(recording)
    identity = world.identity[world.performer[recording]]
    noise = {name: _NOISE * rng.standard_normal(n) for name in _drawing.ACTIONS}
    made = {**_drawing.moved(va, noise, identity), **_drawing.appearance(identity)}
    made |= _drawing.surroundings(rng.uniform(0, 1, (len(world.recording), 4))[recording])
    made |= {
        "right": rng.uniform(-1.5, 1.5, n),
        "down": rng.uniform(-1.5, 1.5, n),
        "zoom": rng.uniform(0.94, 1.06, n),
    }
    return made
