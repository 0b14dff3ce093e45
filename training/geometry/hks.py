"""Heat kernel signatures of meshes: what a vertex keeps of a unit of heat after a while, however the mesh is turned.

Sun, Ovsjanikov and Guibas, A Concise and Provably Informative Multi-Scale Signature Based on Heat Diffusion, Symposium
on Geometry Processing 2009, equation 3: HKS(x, t) = Σ_k exp(−λ_k t) φ_k(x)². λ and φ are the least eigenvalues and
their eigenvectors of a robust Laplacian (Sharp and Crane, A Laplacian for Nonmanifold Triangle Meshes, 2020) of the
mesh at unit size, so that signatures depend neither on pose nor on size. They are kept on disk, by content.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import cache
from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data import Floats, Indices

VERSION = 1
"""Raised when a formula below changes its result: what older code kept on disk is then computed anew."""


@dataclass(frozen=True)
class Heat:
    """What a signature is made of.

    Parameters
    ----------
    eigenpairs : how many of the Laplacian's least eigenvalues, at most as many as the mesh has vertices.
    times : how many times, log-spaced from `first` to `last`; the mesh has a mean squared radius of 1.
    laplacian : "cloud" of the vertices alone, or "mesh" of the triangles.
    """

    eigenpairs: int = 128
    times: int = 16
    first: float = 0.01
    last: float = 1.0
    laplacian: str = "cloud"


DEFAULT = Heat()


def spectrum(
    vertices: Floats, heat: Heat = DEFAULT, triangles: Indices | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least eigenvalues (k,), rising, and eigenvectors (v, k) of the Laplacian of a mesh (v, 3).

    Eigenvectors are orthonormal under the Laplacian's masses; the sign of each is arbitrary. `triangles` (f, 3) are
    asked for where ``heat.laplacian`` is "mesh". UserError for a mesh with NaN or of no extent (all zero: tracking was
    lost).
    """
    import robust_laplacian

    points = np.ascontiguousarray(vertices, dtype=np.float64)
    points = points - points.mean(axis=0)
    size = np.sqrt((points**2).sum(axis=1).mean())
    if not size > 1e-9:  # NaN too
        raise UserError(
            f"a mesh of {len(points)} vertices has no heat kernel signature: "
            + ("it holds NaN" if np.isnan(size) else "all vertices are one point (tracking lost?)")
        )
    points /= size
    if heat.laplacian == "cloud":
        stiffness, masses = robust_laplacian.point_cloud_laplacian(points @ _axes(points))
    elif heat.laplacian == "mesh" and triangles is not None:
        stiffness, masses = robust_laplacian.mesh_laplacian(points, np.asarray(triangles))
    else:
        raise ValueError(f"laplacian is {heat.laplacian!r}, expected cloud, or mesh with triangles")
    root = 1.0 / np.sqrt(masses.diagonal())
    # A full decomposition of so small a matrix is several times as fast as a sparse solver's 128 eigenpairs.
    values, vectors = np.linalg.eigh(root[:, None] * stiffness.toarray() * root)
    return values[: heat.eigenpairs], root[:, None] * vectors[:, : heat.eigenpairs]


def _axes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation (3, 3) that turns centred points (v, 3) to their principal axes.

    The cloud's Laplacian triangulates each vertex's neighbourhood in a way that depends on the pose: signatures of a
    turned face would differ by one per cent of their spread.
    """
    axes = np.linalg.svd(points, full_matrices=False)[2].T
    # each axis points to where the points reach furthest, but for the least skewed, which makes the axes right-handed
    skew = ((points @ axes) ** 3).sum(axis=0)
    axes = axes * np.where(skew < 0, -1.0, 1.0)
    axes[:, np.abs(skew).argmin()] *= np.linalg.det(axes)
    return np.asarray(axes)


def signature(vertices: Floats, heat: Heat = DEFAULT, triangles: Indices | None = None) -> NDArray[np.float32]:
    """Return the heat kernel signature (v, times) of one mesh (v, 3); see `spectrum` for what it raises."""
    values, vectors = spectrum(vertices, heat, triangles)
    times = np.geomspace(heat.first, heat.last, heat.times)
    decay = np.exp(-np.outer(values.clip(min=0.0), times))
    hks: NDArray[np.float32] = (vectors**2 @ decay).astype(np.float32)
    return hks


def signatures(
    meshes: Floats,
    cache: Path | None = None,
    heat: Heat = DEFAULT,
    triangles: Indices | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Return the signatures (n, v, times) of meshes (n, v, 3); each is computed once and then read from `cache`."""
    whole = np.ascontiguousarray(meshes)
    values = np.empty((*whole.shape[:2], heat.times), np.float32)
    cached = None if cache is None else _Cached(cache / "hks", heat, triangles)

    def make(row: int) -> None:
        if cached is not None and cached.read(whole[row], values[row]):
            return
        values[row] = signature(whole[row], heat, triangles)
        if cached is not None:
            cached.write(whole[row], values[row])

    if threads == 1:
        for row in range(len(whole)):
            make(row)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(make, range(len(whole))))
    return values


class _Cached:
    """Signatures on disk: a file of plain float32 for each mesh, named by all that decides its content."""

    def __init__(self, folder: Path, heat: Heat, triangles: Indices | None) -> None:
        self.folder = str(folder)
        used = None if triangles is None or heat.laplacian == "cloud" else np.asarray(triangles, np.int64).tobytes()
        self.start = hashlib.sha256(repr((VERSION, heat, used)).encode())

    def read(self, mesh: Floats, into: NDArray[np.float32]) -> bool:
        """Fill `into` (v, times) and return True, or return False where it is not kept (or was cut short)."""
        try:
            with open(self._path(mesh), "rb", buffering=0) as file:
                return file.readinto(into.data.cast("B")) == into.nbytes
        except FileNotFoundError:
            return False

    def write(self, mesh: Floats, values: NDArray[np.float32]) -> None:
        path = self._path(mesh)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # other studies may read at the same time; one that was cut short is seen by its size
        with cache.whole(Path(path), sync=False) as part:
            part.write_bytes(values.tobytes())

    def _path(self, mesh: Floats) -> str:
        content = self.start.copy()
        content.update(f"{mesh.shape}{mesh.dtype}".encode())
        content.update(mesh.data)
        name = content.hexdigest()[:40]
        return f"{self.folder}/{name[:2]}/{name}.f32"
