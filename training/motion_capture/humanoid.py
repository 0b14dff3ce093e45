"""The fixed humanoid of the published features: a recording's pose is put on it, and its links are measured.

The rules were found by comparing the published table with the recordings it was made from; they give its numbers to
their last digit. Lengths are those of the humanoid, in metres: only its pose comes from the recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from affect.body import JOINTS, PARENTS
from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.motion_capture.bvh import Recording
    from training.motion_capture.skeletons import Skeleton

    Floats = NDArray[np.float64]

RATE = 150.0
"""Samples a second, whatever the recording's rate."""
HELD_S = 0.5
"""Seconds for which the last pose is held at the end."""


class Link(NamedTuple):
    """A link: its parent, the offset of its origin from the parent's, and its centre of mass from its origin (m)."""

    name: str
    parent: str
    offset: tuple[float, float, float]
    centre: tuple[float, float, float]


def _side(side: str, z: float, shoulder_z: float) -> tuple[Link, ...]:
    def link(part: str, offset: tuple[float, float, float], centre: tuple[float, float, float]) -> Link:
        name = f"{side}_{part}"
        return Link(name, PARENTS[name], offset, centre)

    return (
        link("hip", (0, 0, z), (0, -0.21, 0)),
        link("knee", (0, -0.421546, 0), (0, -0.2, 0)),
        link("ankle", (0, -0.40987, 0), (0.045, -0.0225, 0)),
        link("shoulder", (-0.02405, 0.2435, shoulder_z), (0, -0.14, 0)),
        link("elbow", (0, -0.274788, 0), (0, -0.12, 0)),
        link("wrist", (0, -0.258947, 0), (0, 0, 0)),
    )


LINKS: tuple[Link, ...] = (
    Link("root", "", (0, 0, 0), (0, 0.07, 0)),
    Link("chest", "root", (0, 0.236151, 0), (0, 0.12, 0)),
    Link("neck", "chest", (0, 0.223894, 0), (0, 0.175, 0)),
    *_side("right", 0.084887, 0.18311),
    *_side("left", -0.084887, -0.18311),
)
"""One link for each joint of `affect.body.JOINTS`, in their order."""
HINGES = tuple(f"{side}_{part}" for side in ("right", "left") for part in ("knee", "elbow"))
"""Links that turn about one axis; wrists do not turn, all others turn freely."""


@dataclass(frozen=True)
class Poses:
    """Poses of the humanoid.

    Parameters
    ----------
    root : (n, 3) where the pelvis is.
    turns : link → its rotation against its parent, of n poses.
    angles : hinge → its angle (n,) in radians.
    """

    root: Floats
    turns: dict[str, Rotation]
    angles: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.root)


def retarget(recording: Recording, skeleton: Skeleton, file: Path | str) -> Poses:
    """Put every frame of a recording on the humanoid.

    Raises UserError where the skeleton has no scale, lacks a joint, or a limb has no length.
    """
    if skeleton.scale is None:
        raise UserError(f"{file}: expected metres in the file's unit, found none; give them with --scale")
    places = skeleton.places(recording, file)
    positions, rotations = recording.poses(places["pelvis"])

    def at(joint: int) -> Floats:
        return positions[:, joint]

    def child(joint: int) -> int:
        found = recording.child(joint)
        if found < 0:
            raise UserError(f"{file}: expected a joint or end site below {recording.names[joint]}, found none")
        return found

    def above(joint: int) -> Floats:
        return at(recording.parents[joint])

    def bone(joint: int) -> Floats:
        return at(child(joint)) - at(joint)

    hips = at(places["pelvis"]) * skeleton.scale
    up = _unit(at(places["upper_chest"]) - above(places["upper_chest"]), file, "upper chest")
    left = _unit(at(places["left_hip"]) - above(places["left_hip"]), file, "left hip")
    right_to_left = np.cross(left, up)
    heading = _frame(np.cross(up, right_to_left), up, right_to_left)
    upright = heading.apply(np.tile([0.0, 1.0, 0.0], (len(recording), 1)))

    turns = {"root": _turned(heading)}
    for role in ("chest", "neck"):
        turns[role] = _turned(_smallest(upright, bone(places[role])))
    against = Rotation.identity(len(recording))
    if skeleton.arms_and_legs == "pelvis":
        against = rotations[places["pelvis"]].inv()
    angles = {}
    for side in ("right", "left"):
        for part in ("hip", "shoulder", "ankle"):
            joint = places[f"{side}_{part}"]
            turns[f"{side}_{part}"] = _turned(against * _limb(bone(joint), bone(child(joint)), foot=part == "ankle"))
        for part in ("knee", "elbow"):
            joint = places[f"{side}_{part}"]
            name = f"{side} {part}"
            before, after = _unit(at(joint) - above(joint), file, name), _unit(bone(joint), file, name)
            angles[f"{side}_{part}"] = np.arccos(np.clip((before * after).sum(axis=1), -1.0, 1.0))
    return Poses(np.column_stack([hips[:, 2], hips[:, 1], -hips[:, 0]]), turns, angles)


def _unit(vectors: Floats, file: Path | str, what: str) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (length > 0).all():
        raise UserError(f"{file}: the bone at the {what} has no length, so that it has no direction")
    unit: Floats = vectors / length
    return unit


def _frame(x: Floats, y: Floats, z: Floats) -> Rotation:
    axes = np.stack([x, y, z], axis=-1)
    return Rotation.from_matrix(axes / np.linalg.norm(axes, axis=1, keepdims=True))


def _limb(bone: Floats, next_bone: Floats, *, foot: bool) -> Rotation:
    """Return a limb's rotation from its own bone and the next one; where they lie in line, any that fits the first."""
    along = -bone
    side = np.cross(next_bone, along) if foot else np.cross(along, next_bone)
    straight = np.linalg.norm(side, axis=1) < 1e-9 * np.linalg.norm(bone, axis=1) * np.linalg.norm(next_bone, axis=1)
    if straight.any():
        helper = np.eye(3)[np.abs(along[straight]).argmin(axis=1)]
        side[straight] = np.cross(along[straight], helper)
    if foot:
        return _frame(side, np.cross(along, side), along)
    return _frame(side, along, np.cross(side, along))


def _smallest(a: Floats, b: Floats) -> Rotation:
    """Return the smallest rotation that turns each of a (n, 3) to b; half a turn where they are opposite."""
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    real = 1.0 + (a * b).sum(axis=1)
    axis = np.cross(a, b)
    opposite = real < 1e-12
    if opposite.any():
        axis[opposite] = np.cross(a[opposite], np.eye(3)[np.abs(a[opposite]).argmin(axis=1)])
    return Rotation.from_quat(np.column_stack([axis, real]))


def _turned(rotation: Rotation) -> Rotation:
    """Return a rotation about the humanoid's axes: (w, x, y, z) becomes (w, z, y, -x)."""
    x, y, z, w = rotation.as_quat().T
    return Rotation.from_quat(np.column_stack([z, y, -x, w]))


def sample(poses: Poses, frame_time: float) -> Poses:
    """Return poses at `RATE` from those at the frames, of which the last is held for `HELD_S`.

    Positions and angles are interpolated linearly, rotations along the shortest way.
    """
    held = int(HELD_S / frame_time)
    frames = np.minimum(np.arange(len(poses) + held), len(poses) - 1)
    end = (len(frames) - 1) * frame_time
    # the last sample is the last that is not after the end: 1e-9 is what rounding may take from it
    time = np.arange(int(end * RATE + 1e-9) + 1) / RATE
    before = np.minimum((time / frame_time).astype(int), len(frames) - 2)
    share = time / frame_time - before
    first, second = frames[before], frames[before + 1]

    def linear(values: Floats) -> Floats:
        part = share.reshape(-1, *[1] * (values.ndim - 1))
        mixed: Floats = (1 - part) * values[first] + part * values[second]
        return mixed

    def along(turns: Rotation) -> Rotation:
        step = (turns[first].inv() * turns[second]).as_rotvec()
        return turns[first] * Rotation.from_rotvec(step * share[:, None])

    turns = {name: along(rotation) for name, rotation in poses.turns.items()}
    return Poses(linear(poses.root), turns, {name: linear(angle) for name, angle in poses.angles.items()})


class Placed(NamedTuple):
    """Where the links are: origins and centres of mass (15, n, 3) in the order of `LINKS`, and the neck's rotation."""

    origins: Floats
    centres: Floats
    neck: Rotation


def place(poses: Poses) -> Placed:
    """Return where the humanoid's links are in each pose."""
    n = len(poses)
    origins: dict[str, Floats] = {}
    rotations: dict[str, Rotation] = {}
    for link in LINKS:
        if link.name in poses.turns:
            own = poses.turns[link.name]
        elif link.name in poses.angles:
            own = Rotation.from_rotvec(np.outer(poses.angles[link.name], [0.0, 0.0, 1.0]))
        else:
            own = Rotation.identity(n)
        if link.parent:
            rotations[link.name] = rotations[link.parent] * own
            origins[link.name] = origins[link.parent] + rotations[link.parent].apply(link.offset)
        else:
            rotations[link.name], origins[link.name] = own, poses.root
    centres = [origins[link.name] + rotations[link.name].apply(link.centre) for link in LINKS]
    return Placed(np.array([origins[name] for name in JOINTS]), np.array(centres), rotations["neck"])
