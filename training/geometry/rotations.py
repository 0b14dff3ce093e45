"""Random rotations of meshes, uniform over all of them, about each mesh's centroid."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from training.data import Floats

    Meshes = TypeVar("Meshes", Floats, torch.Tensor)


def draws(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return n rotation matrices (n, 3, 3), uniform over SO(3).

    A unit quaternion of four normal draws is uniform on its sphere, and so is its rotation (Shoemake, Uniform Random
    Rotations, Graphics Gems III, 1992).
    """
    q = rng.normal(size=(n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def rotate(meshes: Meshes, matrices: Meshes) -> Meshes:
    """Return meshes (n, v, 3), each turned about its centroid by its matrix (n, 3, 3): arrays, or tensors both."""
    centre = meshes.mean(1)[:, None]
    return (meshes - centre) @ matrices.swapaxes(1, 2) + centre


def about(axes: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Return rotation matrices (n, 3, 3) by an angle about each of the axes (n, 3), by Rodrigues's formula."""
    x, y, z = (axes / np.linalg.norm(axes, axis=1, keepdims=True)).T
    zero = np.zeros_like(x)
    cross = np.moveaxis(np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]), -1, 0)
    angle = np.deg2rad(degrees)
    turned: NDArray[np.float64] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned
