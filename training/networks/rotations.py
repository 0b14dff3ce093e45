"""Rotations of meshes in space: drawn evenly from all of SO(3), or by an angle about axes of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def draws(n: int, rng: np.random.Generator) -> Array:
    """Draw rotation matrices (n, 3, 3) evenly from SO(3), by unit quaternions.

    Source: Shoemake, Uniform random rotations, Graphics Gems III (1992).
    """
    w, x, y, z = _unit(rng.normal(size=(n, 4))).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def about(axes: Array, degrees: float) -> Array:
    """Return rotation matrices (n, 3, 3) by an angle about each of the axes (n, 3), by Rodrigues's formula."""
    x, y, z = _unit(axes).T
    zero = np.zeros_like(x)
    cross = np.moveaxis(np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]), -1, 0)
    angle = np.deg2rad(degrees)
    turned: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def rotate(meshes: NDArray[Any], matrices: Array) -> NDArray[Any]:
    """Rotate each mesh (n, v, 3) about its own centroid by its matrix (n, 3, 3); the meshes' dtype is kept."""
    centre = meshes.mean(axis=1, keepdims=True, dtype=np.float64)
    turned = (meshes - centre) @ np.swapaxes(matrices, 1, 2) + centre
    return turned.astype(meshes.dtype)


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
