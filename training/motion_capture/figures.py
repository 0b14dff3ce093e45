"""Moving figures: where a body's joints are during a window, to be looked at.

A figure has the joints of the humanoid's links at `FRAMES` moments, in body heights: x and z level, y up, the floor at
0, and the pelvis at x = z = 0 in the middle of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from affect.body import JOINTS
from training import cache
from training.motion_capture.features import height

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.motion_capture.bvh import Recording

    Floats = NDArray[np.floating]

FRAMES = 12
ROLES = {"root": "pelvis", "chest": "upper_chest"}
"""Links whose joint has another role in `skeletons.ROLES`; wrists are the joints below the elbows."""


def of_recording(
    recording: Recording, places: Mapping[str, int], begin: NDArray[np.float64], seconds: float
) -> NDArray[np.float32]:
    """Return the figures (w, `FRAMES`, 15, 3) of the windows that begin at `begin` (w,) and last `seconds`."""
    positions, _ = recording.poses(places["pelvis"])
    joints = []
    for name in JOINTS:
        if name.endswith("_wrist"):
            joints.append(recording.child(places[name.replace("wrist", "elbow")]))
        else:
            joints.append(places[ROLES.get(name, name)])
    time = begin[:, None] + np.linspace(0.0, seconds, FRAMES)
    frame = np.minimum(np.round(time / recording.frame_time).astype(int), len(recording) - 1)
    return standing(positions[:, joints][frame] / height(recording, places))


def standing(positions: Floats) -> NDArray[np.float32]:
    """Put figures (w, f, 15, 3) on the floor, with the pelvis over its origin in the middle of the window."""
    origin = positions[:, positions.shape[1] // 2, JOINTS.index("root")].copy()
    origin[:, 1] = positions[..., 1].min(axis=(1, 2))
    return (positions - origin[:, None, None]).astype(np.float32)


# -------------------------------------------------------------------------------------------- beside a table


def file_of(table: Path) -> Path:
    """Return the file of the figures that belong to a table of windows."""
    return table.with_name(table.name.removesuffix(".gz").removesuffix(".csv") + ".figures.npz")


def write(table: Path, names: list[str], positions: NDArray[np.float32]) -> None:
    """Write the figures of windows, named as the samples of the table are, beside it."""
    with cache.whole(file_of(table)) as part:
        np.savez_compressed(part, names=np.array(names, np.str_), positions=positions.astype(np.float16))


def read(table: Path) -> tuple[dict[str, int], NDArray[np.float16]] | str | None:
    """Return name → place, and the figures beside a table; None where there are none, why where they are damaged."""
    file = file_of(table)
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as content:
            names, positions = content["names"], content["positions"]
    except Exception as error:  # whatever a damaged archive raises
        return f"the moving figures in {file.name} cannot be read ({type(error).__name__})"
    if names.ndim != 1 or positions.shape != (len(names), FRAMES, len(JOINTS), 3) or positions.dtype != np.float16:
        return f"the moving figures in {file.name} are not as expected: shape {positions.shape}, {positions.dtype}"
    return {name: place for place, name in enumerate(names.tolist())}, positions
