"""Skeletons: which joint of a recording is the left knee, and how large the file's unit is.

A preset knows the names that a source of recordings uses. Any other recording needs a TOML file that names its joints;
`template` writes one to be filled in.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from training import messages
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.motion_capture.bvh import Recording

SIDED = ("hip", "knee", "ankle", "shoulder", "elbow")
ROLES = (
    "pelvis",
    "chest",
    "upper_chest",
    "neck",
    *(f"{side}_{joint}" for joint in SIDED for side in ("left", "right")),
)
"""What joints are needed for. ``upper_chest`` is the joint whose bone says where the pelvis's up is."""


@dataclass(frozen=True)
class Skeleton:
    """How a source names its joints.

    Parameters
    ----------
    name : of the preset, or of the TOML file.
    joints : role (of `ROLES`) → the recording's joint.
    scale : metres in the file's unit; None where it is not known.
    arms_and_legs : what the rotations of arms and legs are against in the published features: pelvis or world.
    measured : what the published features measure: the links' centres of mass or their origins.
    first_window : samples that the first window of a recording has more (1) or less (-1) at its beginning.
    """

    name: str
    joints: Mapping[str, str]
    scale: float | None = None
    arms_and_legs: str = "pelvis"
    measured: str = "centres"
    first_window: int = -1

    def places(self, recording: Recording, file: Path | str) -> dict[str, int]:
        """Return role → the joint's place in a recording. Raises UserError where it lacks one."""
        for role, joint in self.joints.items():
            if joint not in recording.names:
                raise UserError(
                    f"{file}: expected the joint {joint} ({role.replace('_', ' ')} of skeleton {self.name}), found "
                    f"{messages.listed(recording.names, 8)}{messages.nearest(joint, recording.names, count=2)}"
                )
        return {role: recording.names.index(joint) for role, joint in self.joints.items()}


def _sided(left: str, right: str, names: Sequence[str]) -> dict[str, str]:
    """Return the joints of both sides, named by a pattern with ``{}`` for the body part."""
    pairs = zip(SIDED, names, strict=True)
    return {
        f"{side}_{joint}": form.format(name)
        for joint, name in pairs
        for side, form in (("left", left), ("right", right))
    }


_TRUNK = {"pelvis": "Hips", "chest": "Spine", "upper_chest": "Spine1", "neck": "Neck"}
_PARTS = ("UpLeg", "Leg", "Foot", "Arm", "ForeArm")
_BANDAI = {"pelvis": "Hips", "chest": "Spine", "upper_chest": "Chest", "neck": "Neck"}
PRESETS: dict[str, Skeleton] = {
    "walk": Skeleton("walk", _TRUNK | _sided("Left{}", "Right{}", _PARTS), 0.0254),
    "cmu": Skeleton("cmu", _TRUNK | _sided("Left{}", "Right{}", _PARTS), 0.046181),
    "bandai": Skeleton(
        "bandai",
        _BANDAI | _sided("{}_L", "{}_R", ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm")),
        0.0211667,
        arms_and_legs="world",
        measured="origins",
        first_window=1,
    ),
}
"""``walk``: the walks behind the published table, in inches. ``cmu``: the CMU database as BVH (Hips, LowerBack,
LHipJoint …), with the scale of the published dances. ``bandai``: the Bandai-Namco Research Motion Dataset."""

_ONLY_CMU = "LHipJoint"


def of(recording: Recording, wanted: str | Skeleton | None, file: Path | str) -> Skeleton:
    """Return the skeleton of a recording: the one that is `wanted`, else the preset whose joints it has.

    Raises UserError with a TOML to fill in where no preset fits.
    """
    if isinstance(wanted, Skeleton):
        return wanted
    if wanted is not None:
        return named(wanted)
    for preset in PRESETS.values():
        fits = set(preset.joints.values()) <= set(recording.names)
        if fits and (preset.name == "bandai" or (preset.name == "cmu") == (_ONLY_CMU in recording.names)):
            return preset
    raise UserError(
        f"{file}: no preset ({', '.join(PRESETS)}) has these joints: {messages.listed(recording.names, 12)}. Fill in "
        f"this file and give it with --skeleton FILE.toml:\n{template(recording)}"
    )


def named(name: str) -> Skeleton:
    """Return the preset of a name. Raises UserError with the nearest where there is none."""
    if name not in PRESETS:
        raise UserError(messages.unknown(name, PRESETS, "skeleton") + "; a file must end in .toml")
    return PRESETS[name]


def template(recording: Recording) -> str:
    """Return a TOML file for a skeleton, with the joints of a recording that are most like what is asked for."""
    words = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "shoulder": "Arm", "elbow": "ForeArm"}
    lines = ["# metres in the file's unit: 0.01 for centimetres, 0.0254 for inches", "scale = 0.01", "", "[joints]"]
    for role in ROLES:
        side, _, part = role.partition("_")
        guess = f"{side.title()}{words[part]}" if part in words else _TRUNK[role]
        near = messages.close(guess, recording.names, count=1, cutoff=0.5)
        lines.append(f'{role} = "{near[0] if near else ""}"')
    return "\n".join(lines) + "\n"


def load(file: Path) -> Skeleton:
    """Read a skeleton from a TOML file: ``scale`` and a table ``joints`` with every role.

    Raises UserError for a file that cannot be read, an unknown key, or a role that is missing.
    """
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file}: cannot be read as TOML ({error})") from error
    joints = content.pop("joints", None)
    scale = content.pop("scale", None)
    if content:
        raise UserError(f"{file}: " + messages.unknown(next(iter(content)), ("scale", "joints"), "key"))
    if not isinstance(joints, dict):
        raise UserError(f"{file}: expected a table [joints] that names the joints, found none")
    for role in joints:
        if role not in ROLES:
            raise UserError(f"{file}, [joints]: " + messages.unknown(role, ROLES, "joint"))
    for role in ROLES:
        if not isinstance(joints.get(role), str) or not joints[role]:
            raise UserError(f"{file}, [joints]: expected the name of the joint {role}, found {joints.get(role)!r}")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, int | float) or scale <= 0):
        raise UserError(f"{file}, scale: expected metres above 0 in the file's unit, found {scale!r}")
    return Skeleton(file.name, joints, None if scale is None else float(scale))


def scaled(skeleton: Skeleton, scale: float | None) -> Skeleton:
    """Return a skeleton with another scale, where one is given."""
    return skeleton if scale is None else replace(skeleton, scale=scale)
