"""The synthetic world's moving figure: the humanoid, moved by the drivers that move the synthetic features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from affect.body import JOINTS
from training.motion_capture import figures, humanoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HEIGHT = 1.75
"""Metres from the floor to the top of the humanoid's head."""


def move(drivers: Floats, start: Floats) -> NDArray[np.float32]:
    """Return the figures (n, f, 15, 3) of windows of one second.

    Parameters
    ----------
    drivers : (n, 4) expansion, energy, head, tension, as synthetic motion has them: about -2 … 2.
    start : (n,) seconds in the recording at which each window begins.

    Expansion lifts the arms from the body, energy makes steps and swings wide and quick, head lifts the face, tension
    bends elbows and trunk.
    """
    expansion, energy, head, tension = (np.repeat(of, figures.FRAMES) for of in drivers.T)
    time = (start[:, None] + np.linspace(0.0, 1.0, figures.FRAMES)).ravel()
    swing = np.sin(2 * np.pi * (0.7 + 0.3 * _share(energy)) * time)
    stride, arms = 0.15 + 0.45 * _share(energy), 0.15 + 0.7 * _share(energy)
    lift, bend, lean = 0.1 + 1.1 * _share(expansion), 0.2 + 1.3 * _share(tension), 0.25 * np.tanh(tension)
    n = len(time)

    def turn(x: Floats | float = 0.0, z: Floats | float = 0.0) -> Rotation:
        """Return turns about the axis ahead (x) and the one to the right (z)."""
        about = np.column_stack([np.broadcast_to(of, n) for of in (x, 0.0, z)])
        return Rotation.from_euler("xyz", about)

    turns = {"root": turn(), "chest": turn(z=-lean), "neck": turn(z=0.35 * np.tanh(head))}
    angles = {}
    for side, sign in (("right", 1.0), ("left", -1.0)):
        turns[f"{side}_hip"] = turn(z=sign * stride * swing)
        turns[f"{side}_ankle"] = turn()
        turns[f"{side}_shoulder"] = turn(x=-sign * lift, z=-sign * arms * swing)
        angles[f"{side}_knee"] = -0.2 - 0.5 * stride * (1 - sign * swing)
        angles[f"{side}_elbow"] = bend
    placed = humanoid.place(humanoid.Poses(np.zeros((n, 3)), turns, angles))
    joints = placed.origins.transpose(1, 0, 2) / HEIGHT
    return figures.standing(joints.reshape(len(drivers), figures.FRAMES, len(JOINTS), 3))


def _share(driver: Floats) -> Floats:
    share: Floats = 1.0 / (1.0 + np.exp(-1.5 * driver))
    return share
