"""A walking figure as BVH, made up: joints named as the walks behind the published table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TREE = {
    "Hips": ("", (0, 36, 0)),
    "LeftUpLeg": ("Hips", (3.3, 0, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -15, 0)),
    "LeftFoot": ("LeftLeg", (0, -16, 0)),
    "LeftToeBase": ("LeftFoot", (0, -1.7, 6)),
    "RightUpLeg": ("Hips", (-3.3, 0, 0)),
    "RightLeg": ("RightUpLeg", (0, -15, 0)),
    "RightFoot": ("RightLeg", (0, -16, 0)),
    "RightToeBase": ("RightFoot", (0, -1.7, 6)),
    "Spine": ("Hips", (0, 1, 0)),
    "Spine1": ("Spine", (0, 10, 0)),
    "Neck": ("Spine1", (0, 10, 0)),
    "Head": ("Neck", (0, 4.5, 0)),
    "LeftArm": ("Spine1", (7, 9, 0)),
    "LeftForeArm": ("LeftArm", (10.5, 0, 0)),
    "LeftHand": ("LeftForeArm", (9, 0, 0)),
    "RightArm": ("Spine1", (-7, 9, 0)),
    "RightForeArm": ("RightArm", (-10.5, 0, 0)),
    "RightHand": ("RightForeArm", (-9, 0, 0)),
}
ENDS = {
    "LeftToeBase": (0, 0, 3),
    "RightToeBase": (0, 0, 3),
    "Head": (0, 4.5, 0),
    "LeftHand": (4, 0, 0),
    "RightHand": (-4, 0, 0),
}


def bvh(
    frames: int = 300,
    frame_time: float = 1 / 120,
    turn: float = 0.0,
    shift: tuple[float, ...] = (0, 0, 0),
    unit: float = 1.0,
) -> str:
    """Return a walk of some frames, turned about the vertical by `turn` degrees, moved by `shift`, lengths × `unit`."""
    lines = ["HIERARCHY"]

    def joint(name: str, depth: int) -> None:
        pad = "\t" * depth
        parent, offset = TREE[name]
        lines.append(f"{pad}{'JOINT' if parent else 'ROOT'} {name}")
        lines.append(f"{pad}{{")
        lines.append(f"{pad}\tOFFSET " + " ".join(str(unit * part) for part in (offset if parent else (0, 0, 0))))
        place = "" if parent else "Xposition Yposition Zposition "
        lines.append(f"{pad}\tCHANNELS {3 if parent else 6} {place}Yrotation Xrotation Zrotation")
        for child, (above, _) in TREE.items():
            if above == name:
                joint(child, depth + 1)
        if name in ENDS:
            lines.extend(
                [
                    f"{pad}\tEnd Site",
                    f"{pad}\t{{",
                    f"{pad}\t\tOFFSET " + " ".join(str(unit * part) for part in ENDS[name]),
                    f"{pad}\t}}",
                ]
            )
        lines.append(f"{pad}}}")

    joint("Hips", 0)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {frame_time:.8f}"]
    order = [name for name in walk("Hips")]
    t = np.arange(frames) * frame_time
    swing = np.sin(2 * np.pi * 0.9 * t)
    angles = {name: np.zeros((frames, 3)) for name in TREE}
    for side, sign in (("Left", 1), ("Right", -1)):
        angles[f"{side}UpLeg"][:, 1] = -25 * sign * swing
        angles[f"{side}Leg"][:, 1] = 20 + 15 * np.cos(2 * np.pi * 0.9 * t + sign)
        angles[f"{side}Foot"][:, 1] = 5 * sign * swing
        angles[f"{side}Arm"][:, 2] = -60 * sign
        angles[f"{side}Arm"][:, 1] = 30 * sign * swing
        angles[f"{side}ForeArm"][:, 0] = -sign * (20 + 10 * swing)
    angles["Neck"][:, 1] = 8 + 6 * np.sin(2 * np.pi * 0.4 * t)
    angles["Spine"][:, 0] = 6 * swing
    angles["Hips"][:, 0] = turn
    around = np.radians(turn)
    along = 45 * t
    place = np.column_stack(
        [along * np.sin(around) + shift[0], 36 + np.abs(swing) + shift[1], along * np.cos(around) + shift[2]]
    )
    for frame in range(frames):
        numbers = [*(unit * place[frame])]
        for name in order:
            numbers.extend(angles[name][frame])
        lines.append(" ".join(f"{number:.12g}" for number in numbers))
    return "\n".join(lines) + "\n"


def walk(name: str) -> list[str]:
    """Return the joints in the order of the file."""
    return [name, *(below for child, (above, _) in TREE.items() if above == name for below in walk(child))]


def write(folder: Path, name: str = "walk.bvh", **options: object) -> Path:
    file = folder / name
    file.write_text(bvh(**options))  # type: ignore[arg-type]
    return file
