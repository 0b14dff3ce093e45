"""Synthetic LMA features: windows of one second from the synthetic world, caused by its PAD trajectories.

PAD moves four drivers of a body (expansion, energy, head, tension), together with a style of the person and of the
recording; drivers move features. Features have the published names, orders of size and units (m, m², m³, m/s, m/s²).
One is constant and some windows are outliers, as in captured data. How it was all made stands in ``truth``. The moving
figures are of the humanoid, moved by the same drivers; the features are not measured on them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from training.contract import UserError
from training.data import Block, Dataset, Reader
from training.datasets import _synthetic, lma
from training.motion_capture import puppet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings

READER = Reader(
    title="Synthetic LMA features, caused by known PAD trajectories",
    data="motion",
    blocks=("features", "pad"),
    settings={"features": ("all", "no_acceleration", "with_jerk")},
    classes=True,
    sequences=True,
)
read_inputs = lma.read_inputs
"""New rows come as the files of `lma` do."""

DRIVERS: dict[str, tuple[float, float, float]] = {
    "expansion": (0.4, 0.0, 0.8),
    "energy": (0.0, 1.4, 0.0),
    "head": (0.9, 0.0, 0.3),
    "tension": (-0.6, 0.6, 0.0),
}
"""Driver → what a unit of pleasure, arousal and dominance adds to it."""

FEATURES: dict[str, tuple[float, float, dict[str, float]]] = {
    "max_hand_distance": (0.62, 0.15, {"expansion": 0.55, "tension": -0.1}),
    "avg_l_hand_hip_distance": (0.34, 0.15, {"expansion": 0.5}),
    "avg_r_hand_hip_distance": (0.35, 0.15, {"expansion": 0.5}),
    "max_stride_length": (0.40, 0.15, {"energy": 0.5}),
    "avg_l_hand_chest_distance": (0.43, 0.10, {"expansion": 0.2, "tension": -0.2}),
    "avg_r_hand_chest_distance": (0.43, 0.10, {"expansion": 0.2, "tension": -0.2}),
    "avg_l_elbow_hip_distance": (0.34, 0.08, {"expansion": 0.2, "tension": 0.1}),
    "avg_r_elbow_hip_distance": (0.34, 0.08, {"expansion": 0.2, "tension": 0.1}),
    "avg_chest_pelvis_distance": (0.286151, 0.0, {}),
    "avg_neck_chest_distance": (0.277, 0.004, {"head": 0.012}),
    "avg_total_body_volume": (0.31, 0.20, {"expansion": 0.5, "energy": 0.3}),
    "avg_triangle_area_hands_neck": (0.11, 0.20, {"expansion": 0.4, "head": 0.2}),
    "avg_triangle_area_feet_hips": (0.13, 0.15, {"energy": 0.4}),
    "l_hand_speed": (0.36, 0.25, {"energy": 0.8, "expansion": 0.2}),
    "r_hand_speed": (0.38, 0.25, {"energy": 0.8, "expansion": 0.2}),
    "l_foot_speed": (0.26, 0.30, {"energy": 0.9}),
    "r_foot_speed": (0.27, 0.30, {"energy": 0.9}),
    "neck_speed": (0.27, 0.28, {"energy": 0.7, "tension": 0.2}),
}
"""Feature → its size where all drivers are 0, the noise of its logarithm, and driver → what it adds to that logarithm.

The bone from chest to pelvis has one length since capture is carried over to one skeleton."""

ROTATION: dict[str, tuple[float, float, dict[str, float]]] = {
    "avg_neck_rotation_w": (0.0, 0.08, {}),
    "avg_neck_rotation_x": (-0.10, 0.10, {"head": 0.25}),
    "avg_neck_rotation_y": (-0.07, 0.08, {"tension": -0.05}),
    "avg_neck_rotation_z": (1.0, 0.0, {}),
}
"""The same for a quaternion, which adds where the others multiply and is made of length 1 at the end."""

_STYLE_PERSON, _STYLE_RECORDING, _WOBBLE = 0.15, 0.20, 0.15
_ACCELERATION, _JERK = 1.5, 1.2
_OUTLIERS = 0.015


def read(root: Path | None, settings: Settings) -> Dataset:
    """Return the world of seed 0 as motion: see `generate`. UserError where a file is given: there is none to read."""
    if root is not None:
        raise UserError(f"the data set synthetic_motion reads no file: leave --root out, or read {root} as lma")
    return generate(settings["features"])


def generate(features: str = "all", seed: int = 0, recordings: Mapping[str, int] | None = None) -> Dataset:
    """Return windows of the world of `seed`: blocks ``features`` (n, 27 | 22 | 42) and ``pad`` (n, 3).

    A sample is a window of one second, a group is a recording, called clip as in captured data. As there, the data set
    does not tell persons; `truth` does. `recordings` is emotion → number, `_synthetic.RECORDINGS` by default, about
    240 clips of 8 windows. ``truth`` holds person, drivers (n, 4), outlier (n,), anchors, causes (feature → PAD axes).
    """
    world = _synthetic.make(seed, recordings)
    rng = world.stream("motion")
    clip = np.repeat(np.arange(len(world.recording)), world.seconds)
    time = np.concatenate([np.arange(seconds, dtype=np.float64) for seconds in world.seconds])
    pad = np.round(world.pad(clip, time + 0.5), 6)
    drivers = _drivers(world, rng, clip, pad)
    columns, outlier = _features(rng, drivers)
    chosen = lma.columns(features)
    # six digits, as in published tables: the last bits of exp differ between machines, and the version should not
    everything = {name: columns[name].round(6) for name in lma.columns("with_jerk")}
    values = np.column_stack([everything[name] for name in chosen])
    group = world.recording[clip]
    label = world.emotion[clip]
    # of the whole table: which of its features a method is given is a setting, and settings are compared
    digest = hashlib.sha256(np.column_stack([pad, *everything.values()]).tobytes())
    notes = [f"synthetic: people, emotions and motion are made up from seed {seed}"]
    return Dataset(
        name="synthetic_motion",
        version=digest.hexdigest()[:16],
        synthetic=True,
        blocks={
            "features": Block(values, chosen),
            "pad": Block(pad, _synthetic.AXES, low=-1.0, high=1.0),
        },
        sample=np.array([f"{name}:{window:g}" for name, window in zip(group, time, strict=True)], np.str_),
        group=group,
        group_kind="clip",
        persons_known=False,
        label=label,
        sequence=group,
        time=time,
        figures=lambda rows: puppet.move(drivers[rows], time[rows]),
        summary={"seed": seed, **lma.summarise(values, chosen, pad, group, label, notes)},
        truth={
            "person": world.person[world.performer[clip]],
            "drivers": drivers,
            "outlier": outlier,
            "anchors": {name: _synthetic.ANCHORS[name] for name in np.unique(label).tolist()},
            "causes": {name: causes(name) for name in chosen},
        },
    )


def causes(feature: str) -> tuple[str, ...]:
    """Return the axes of PAD that move `feature`; none for a constant one and for pure noise."""
    mover = feature.partition("_movement_jerk_")[0].removesuffix("_acceleration_magnitude")
    known = {**FEATURES, **ROTATION}
    if feature not in known:
        known[feature] = known[f"{mover}_speed"]
    loads = known[feature][2]
    if feature == "avg_neck_rotation_z":  # it gives way to the others, as the quaternion keeps its length
        loads = {driver: 1.0 for _, _, by in ROTATION.values() for driver in by}
    moved = np.abs([DRIVERS[driver] for driver in loads]).sum(axis=0) if loads else np.zeros(3)
    return tuple(axis for axis, weight in zip(_synthetic.AXES, moved, strict=True) if weight)


def _drivers(
    world: _synthetic.World, rng: np.random.Generator, clip: NDArray[np.int64], pad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the drivers (n, 4) of windows of the recordings `clip` (n,) at `pad` (n, 3)."""
    d = len(DRIVERS)
    person = world.identity @ rng.normal(0, _STYLE_PERSON / np.sqrt(_synthetic.IDENTITY), (_synthetic.IDENTITY, d))
    recording = rng.normal(0, _STYLE_RECORDING, (len(world.recording), d))
    caused: NDArray[np.float64] = np.tanh(pad @ np.array(list(DRIVERS.values())).T)
    return caused + person[world.performer[clip]] + recording[clip] + rng.normal(0, _WOBBLE, (len(pad), d))


def _features(
    rng: np.random.Generator, drivers: NDArray[np.float64]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """Return every column (n,) by name, and which windows are outliers."""
    n = len(drivers)
    by_name = dict(zip(DRIVERS, drivers.T, strict=True))
    none = np.zeros(n)

    def moved(loads: dict[str, float]) -> NDArray[np.float64]:
        return sum((gain * by_name[driver] for driver, gain in loads.items()), none)

    made = {
        name: base * np.exp(moved(loads) + noise * rng.standard_normal(n))
        for name, (base, noise, loads) in FEATURES.items()
    }
    turn = {
        name: base + moved(loads) + noise * rng.standard_normal(n) for name, (base, noise, loads) in ROTATION.items()
    }
    length = np.sqrt(sum((part * part for part in turn.values()), none))
    made |= {name: part / length for name, part in turn.items()}

    outlier = rng.random(n) < _OUTLIERS
    _glitch(rng, made, outlier)
    for name in [name for name in made if name.endswith("_speed")]:
        mover = name.removesuffix("_speed")
        acceleration = _ACCELERATION * made[name] * np.exp(0.15 * rng.standard_normal(n))
        made[f"{mover}_acceleration_magnitude"] = acceleration
        for axis in "xyz":
            made[f"{mover}_movement_jerk_{axis}"] = _JERK * acceleration * rng.standard_normal(n)
    return made, outlier


def _glitch(rng: np.random.Generator, made: dict[str, NDArray[np.float64]], outlier: NDArray[np.bool_]) -> None:
    """Let the tracking lose a hand in the windows `outlier`: it jumps far and fast. Changes the columns in `made`."""
    for side in "lr":
        lost = outlier & (rng.random(len(outlier)) < 0.6)
        made[f"{side}_hand_speed"][lost] *= rng.uniform(4, 9, int(lost.sum()))
        made[f"avg_{side}_hand_hip_distance"][lost] *= rng.uniform(1.4, 2.2, int(lost.sum()))
        made["max_hand_distance"][lost] *= rng.uniform(1.2, 1.8, int(lost.sum()))
