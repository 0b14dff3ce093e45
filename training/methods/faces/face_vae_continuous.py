"""A variational autoencoder of faces whose chunks z_v and z_a are aligned with valence and arousal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params
from training.data import Split
from training.methods.faces._family import FACES

if TYPE_CHECKING:
    from training.networks import face_vae

METHOD = replace(FACES, title="Variational autoencoder of faces aligned with valence and arousal")


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit with the mean squared error between the labels and a linear projection of z_v, and of z_a, added."""
    from training.networks import face_vae

    return face_vae.fit(METHOD, params, split, job, "mse")


def load(folder: Path, device: str) -> face_vae.FittedFaceVae:
    """Read a saved model."""
    from training.networks import face_vae

    return face_vae.load(folder, device)
