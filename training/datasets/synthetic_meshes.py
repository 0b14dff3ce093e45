"""Synthetic face meshes: the canonical face bent by who a person is, and moved by the facial actions of an emotion.

The people and recordings are those of the synthetic world; the emotions are the seven of CK+, and as there a person
shows some of them, and frames are from the last fifth of a recording. A facial action moves a patch of vertices and no
others, so that activation maps can be scored: ``truth["vertices"]`` names what each emotion moves. Beside that every
mesh has a head pose, a size, a place in the image, weak movements that mean nothing, and noise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from affect.facemesh import MIRROR, REGIONS, TRIANGLES, VERTICES, region_of
from training.contract import UserError
from training.data import Block, Dataset, Reader
from training.datasets import _synthetic, ckplus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings

READER = Reader(
    title="Synthetic face meshes, moved by known facial actions",
    data="meshes",
    blocks=("landmarks",),
    classes=True,
    sequences=True,
)
read_inputs = ckplus.read_inputs
"""New meshes come as those of `ckplus` do."""

RECORDINGS: dict[str, int] = {
    "anger": 24,
    "contempt": 14,
    "disgust": 24,
    "fear": 20,
    "happy": 30,
    "sadness": 20,
    "surprise": 36,
}
"""Emotion → recordings: unequal, as in CK+."""


@dataclass(frozen=True)
class Action:
    """One movement of a face. Numbers are those of the facial action coding system (Ekman and Friesen 1978).

    Parameters
    ----------
    centre : the vertex that moves most, on the side of positive x; its mirror image moves too unless `one_sided`.
    radius : cm about it within which vertices move.
    shift : cm that the centre moves: away from the middle line, up, towards the viewer.
    regions : regions of `affect.facemesh` that it is confined to; lips also as "upper lip" and "lower lip".
    """

    centre: int
    radius: float
    shift: tuple[float, float, float]
    regions: tuple[str, ...]
    one_sided: bool = False


ACTIONS: dict[str, Action] = {
    "inner brow raiser (1)": Action(336, 2.2, (0.0, 0.68, 0.08), ("brow", "forehead")),
    "outer brow raiser (2)": Action(334, 2.4, (0.0, 0.6, 0.0), ("brow", "forehead")),
    "brow lowerer (4)": Action(285, 2.4, (-0.38, -0.6, 0.15), ("brow",)),
    "upper lid raiser (5)": Action(386, 1.4, (0.0, 0.33, 0.0), ("eye",)),
    "cheek raiser (6)": Action(330, 2.4, (0.0, 0.52, 0.3), ("cheek",)),
    "lid tightener (7)": Action(374, 1.2, (0.0, 0.27, 0.0), ("eye",)),
    "nose wrinkler (9)": Action(437, 1.8, (0.0, 0.45, 0.12), ("nose", "cheek")),
    "upper lip raiser (10)": Action(267, 1.8, (0.0, 0.52, 0.12), ("upper lip",)),
    "lip corner puller (12)": Action(291, 2.2, (0.52, 0.68, -0.22), ("lips", "cheek")),
    "dimpler (14)": Action(291, 1.6, (0.45, 0.38, -0.22), ("lips", "cheek"), one_sided=True),
    "lip corner depressor (15)": Action(291, 2.0, (0.08, -0.6, 0.0), ("lips", "chin")),
    "chin raiser (17)": Action(199, 2.5, (0.0, 0.45, 0.22), ("chin",)),
    "lip stretcher (20)": Action(291, 2.2, (0.75, -0.08, -0.15), ("lips", "cheek")),
    "upper lip tightener (23)": Action(267, 1.6, (0.0, -0.3, -0.18), ("upper lip",)),
    "lower lip tightener (23)": Action(314, 1.6, (0.0, 0.3, -0.18), ("lower lip",)),
    "jaw drop (26)": Action(175, 8.0, (0.0, -1.2, -0.24), ("chin", "lower lip")),
}

EMOTIONS: dict[str, dict[str, float]] = {
    "anger": {
        "brow lowerer (4)": 1.0,
        "lid tightener (7)": 0.8,
        "upper lip tightener (23)": 1.0,
        "lower lip tightener (23)": 1.0,
    },
    "contempt": {"dimpler (14)": 1.0},
    "disgust": {"nose wrinkler (9)": 1.0, "upper lip raiser (10)": 1.0, "brow lowerer (4)": 0.4},
    "fear": {
        "inner brow raiser (1)": 0.7,
        "outer brow raiser (2)": 0.6,
        "upper lid raiser (5)": 1.0,
        "lip stretcher (20)": 1.0,
    },
    "happy": {"cheek raiser (6)": 1.0, "lip corner puller (12)": 1.0},
    "sadness": {"inner brow raiser (1)": 0.8, "lip corner depressor (15)": 1.0, "chin raiser (17)": 0.6},
    "surprise": {
        "inner brow raiser (1)": 1.0,
        "outer brow raiser (2)": 1.0,
        "upper lid raiser (5)": 0.7,
        "jaw drop (26)": 1.0,
    },
}
"""Emotion → how much of each action it has; after the prototypes of Lucey et al. (2010, CK+), table 2."""

FRAMES = (0.85, 0.97)
"""Where in a recording its frames are taken, as shares of its length."""

PIXELS = 12.0
"""Pixels to a centimetre: a face is about 210 pixels high in an image of 320 by 320."""

_MIDDLE = (160.0, 160.0, 0.0)
_LEAST = 0.08
"""Share of an action's movement below which a vertex rests, so that what moves is a sharp set."""

_IDENTITY, _GAIN, _IDLE, _NOISE = 0.08, 0.35, 0.3, 0.03
"""cm that people differ by; spread (of the logarithm) of how far each action goes in a take; how much of each action
shows without a meaning; cm of noise. Chosen so that a linear model on aligned faces is good and not perfect."""

_POSE, _SIZE, _PLACE = 2.0, 0.06, 6.0
"""Spread of the head's pose in degrees about each axis, of the logarithm of its size, and of its place in pixels."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Return the world of seed 0 as meshes: see `generate`. UserError where a file is given: there is none to read."""
    if root is not None:
        raise UserError(f"the data set synthetic_meshes reads no file: leave --root out, or read {root} as ckplus")
    return generate()


def generate(seed: int = 0, recordings: Mapping[str, int] | None = None) -> Dataset:
    """Return meshes of the world of `seed`: the block ``landmarks`` (n, 468, 3) in pixels, as FaceMesh gives them.

    A sample is a frame, two of each recording; a group is a person. `recordings` says how many there are of each
    emotion (`RECORDINGS`). ``truth`` has ``vertices`` (emotion → the vertices that it moves), ``movement`` (emotion →
    (468, 3) pixels at full intensity), and ``level`` (n,), how much of it shows.
    """
    world = _synthetic.make(seed, RECORDINGS if recordings is None else recordings)
    rng = world.stream("meshes")
    recording = np.repeat(np.arange(len(world.recording)), len(FRAMES))
    time = (np.tile(FRAMES, len(world.recording)) * world.seconds[recording]).astype(float)
    person, label = world.performer[recording], world.emotion[recording]
    level = world.level(recording, time)

    faces = VERTICES + _identities(world.identity, rng)[person]
    gain = np.exp(rng.normal(0, _GAIN, (len(world.recording), len(ACTIONS))))
    idle = np.abs(rng.normal(0, _IDLE, (len(recording), len(ACTIONS))))
    share = np.array([[EMOTIONS[name].get(action, 0.0) for action in ACTIONS] for name in world.emotion.tolist()])
    strength = level[:, None] * (share * gain)[recording] + idle
    faces = faces + np.einsum("na,avc->nvc", strength, _movements())
    faces += rng.normal(0, _NOISE, faces.shape)
    # three digits, so that the last bits of exp and of the sums, which differ between machines, change no version
    landmarks = _as_image(faces, rng).round(3).astype(np.float32)

    time = time.round(3)
    sequence = world.recording[recording]
    group = world.person[person]
    notes = [f"synthetic: people, emotions and faces are made up from seed {seed}"]
    return Dataset(
        name="synthetic_meshes",
        version=hashlib.sha256(landmarks.tobytes() + "\n".join([*group, *label]).encode()).hexdigest()[:16],
        synthetic=True,
        blocks={"landmarks": Block(landmarks, unit="px", triangles=TRIANGLES)},
        sample=np.array([f"{name}:{at:g}" for name, at in zip(sequence, time, strict=True)], np.str_),
        group=group,
        group_kind="person",
        persons_known=True,
        label=label,
        sequence=sequence,
        time=time,
        summary={"seed": seed, **ckplus.summarise(landmarks, group, sequence, label, notes)},
        truth={
            "vertices": {name: moved(name) for name in np.unique(label).tolist()},
            "movement": {name: movement(name) * (PIXELS, -PIXELS, -PIXELS) for name in np.unique(label).tolist()},
            "level": level,
        },
    )


def movement(emotion: str) -> NDArray[np.float64]:
    """Return how far `emotion` at full intensity moves each vertex (468, 3), in cm of the canonical face."""
    share = np.array([EMOTIONS[emotion].get(action, 0.0) for action in ACTIONS])
    reached: NDArray[np.float64] = np.einsum("a,avc->vc", share, _movements())
    return reached


def moved(emotion: str) -> tuple[int, ...]:
    """Return the vertices that `emotion` moves."""
    share = EMOTIONS[emotion]
    moving = [np.abs(of).sum(axis=1) > 0 for name, of in zip(ACTIONS, _movements(), strict=True) if name in share]
    return tuple(np.flatnonzero(np.any(moving, axis=0)).tolist())


@cache
def _movements() -> NDArray[np.float64]:
    """Return how far each action moves each vertex (a, 468, 3), in cm."""
    names = region_of()
    # the upper lip ends where the two that touch in the middle of a closed mouth part
    upper = VERTICES[:, 1] > VERTICES[[13, 14], 1].mean()
    within = {name: names == name for name in (*REGIONS, "forehead")}
    within |= {"upper lip": within["lips"] & upper, "lower lip": within["lips"] & ~upper}
    found = np.zeros((len(ACTIONS), len(VERTICES), 3))
    for row, action in zip(found, ACTIONS.values(), strict=True):
        allowed = np.any([within[name] for name in action.regions], axis=0)
        apart = np.linalg.norm(VERTICES - VERTICES[action.centre], axis=1) / action.radius
        weight = np.clip(1 - apart**2, 0, None) ** 2 * allowed
        weight[weight < _LEAST] = 0
        row[:] = weight[:, None] * action.shift
        if not action.one_sided:
            other = row[MIRROR] * (-1, 1, 1)
            # the sides overlap in the middle, which moves as far as the side that moves it more
            row[:] = np.where(np.abs(other) > np.abs(row), other, row)
    found[:, np.arange(len(VERTICES)) == MIRROR, 0] = 0
    found.flags.writeable = False
    return found


def _identities(identity: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how people differ from the canonical face (p, 468, 3), in cm: smooth, mostly symmetric waves over it."""
    modes = identity.shape[1]
    place = VERTICES / np.abs(VERTICES).max(axis=0)
    waves = np.sin(place @ rng.normal(0, 2.5, (3, modes)) + rng.uniform(0, 2 * np.pi, modes))
    sides = 0.5 * (waves + waves[MIRROR])
    fields = sides[:, :, None] * rng.normal(0, 1, (modes, 3))
    bent: NDArray[np.float64] = np.einsum("pm,vmc->pvc", identity, fields)
    # x mirrored too: a wide face is wide on both sides
    bent[:, :, 0] *= np.tanh(VERTICES[:, 0])
    return _IDENTITY * bent


def _as_image(faces: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Turn each face (n, 468, 3) a little, give it a size and a place, in pixels: x right, y down, z away."""
    from scipy.spatial.transform import Rotation

    n = len(faces)
    pose = Rotation.from_euler("yxz", rng.normal(0, _POSE, (n, 3)), degrees=True).as_matrix()
    size = PIXELS * np.exp(rng.normal(0, _SIZE, n))
    turned = np.einsum("nij,nvj->nvi", pose, faces) * size[:, None, None] * (1, -1, -1)
    shift = rng.normal(0, _PLACE, (n, 1, 3)) * (1, 1, 0)
    placed: NDArray[np.float64] = turned + shift + _MIDDLE
    return placed
