"""What a mesh classifier sees of a mesh: features (n, v, c) of each vertex, by the setting ``features``.

- ``xyz``: coordinates, centred, at a mean squared radius of 1. They turn with the mesh.
- ``hks``: heat kernel signatures, 16 channels (`training.geometry.hks`). They do not depend on the pose.
- ``aligned``: coordinates after the rotation that brings the mesh nearest to the train meshes' mean, for all meshes
  share their vertices. They do not depend on the pose either: a turned mesh is turned back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.facemesh import MIRROR
from training.geometry import hks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job
    from training.data import Floats

SETTINGS: dict[str, tuple[Any, ...]] = {"features": ("xyz", "hks", "aligned"), "rotations": ("none", "train")}
"""What every method of meshes has as settings; rotations of the train meshes, drawn anew for each in each epoch."""

ROUNDS = 5
"""Rounds in which meshes are aligned to their mean; the mean moves by less than 1e-4 after the third."""


@dataclass(frozen=True)
class Features:
    """Features of one kind, fitted to train meshes.

    Parameters
    ----------
    kind : xyz, hks or aligned.
    mean : (v, 3) the train meshes' mean at unit size, to which others are aligned; empty for the other kinds.
    cache, threads : where signatures are kept and how many are made at a time; not saved with a model.
    """

    kind: str
    mean: NDArray[np.float64]
    cache: Path | None = None
    threads: int = 1

    @staticmethod
    def fit(landmarks: Floats, job: Job) -> Features:
        """Fit the features of ``job.settings`` to train meshes (n, v, 3)."""
        kind = job.settings["features"]
        mean = mean_face(landmarks) if kind == "aligned" else np.zeros((0, 3))
        return Features(kind, mean, job.cache, job.threads)

    @property
    def turns(self) -> bool:
        """Whether features turn with the mesh, so that rotated train meshes are others than upright ones."""
        return self.kind == "xyz"

    def of(self, landmarks: Floats) -> NDArray[np.float32]:
        """Map meshes (n, v, 3) in pixels to features (n, v, c)."""
        if self.kind == "hks":
            return hks.signatures(landmarks, self.cache, threads=self.threads)
        features = unit(landmarks)
        return (align(features, self.mean) if self.kind == "aligned" else features).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold; `from_state` reads it back without loss."""
        return {"kind": self.kind, "mean": self.mean.tolist()}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Features:
        """Rebuild what `state` returned."""
        return Features(state["kind"], np.array(state["mean"], dtype=np.float64).reshape(-1, 3))


def unit(landmarks: Floats) -> NDArray[np.float64]:
    """Return meshes (n, v, 3) with their centroid at 0 and a mean squared radius of 1; a mesh of one point stays 0."""
    centred = np.asarray(landmarks, dtype=np.float64)
    centred = centred - centred.mean(axis=1, keepdims=True)
    radius = np.sqrt((centred**2).sum(axis=2).mean(axis=1))
    scaled: NDArray[np.float64] = centred / np.where(radius > 0, radius, 1.0)[:, None, None]
    return scaled


def align(meshes: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return centred meshes (n, v, 3), each turned so that its vertices are nearest to those of `to` (v, 3).

    Kabsch, A solution for the best rotation to relate two sets of vectors, Acta Crystallographica A32 (1976): of the
    rotations, not the reflections, the one that minimises the sum of squared distances.
    """
    left, _, right = np.linalg.svd(np.einsum("nvi,vj->nij", meshes, to))
    # a reflection would be nearer still: the least of the three axes gives way
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return np.asarray(meshes @ (left @ right))


def mean_face(landmarks: Floats) -> NDArray[np.float64]:
    """Return the mean (v, 3) of meshes (n, v, 3) that are aligned to it, at about unit size, as the first one stands.

    Gower, Generalized Procrustes Analysis, Psychometrika 40 (1975).
    """
    meshes = unit(landmarks)
    mean = meshes[0]
    for _ in range(ROUNDS):
        mean = align(meshes, mean).mean(axis=0)
    return np.asarray(mean)


def mirrored(landmarks: Floats) -> Floats:
    """Return the mirror images of face meshes (n, 468, 3): left is right, and so are the vertices' rows."""
    return landmarks[:, MIRROR] * np.array([-1, 1, 1], dtype=landmarks.dtype)
