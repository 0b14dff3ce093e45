"""A variational autoencoder of faces whose chunks z_v and z_a are aligned with valence and arousal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from affect.record import ALL, PICTURE
from training.contract import Job, Method, Outcome, Params, Split

if TYPE_CHECKING:
    from training.networks import face_vae

METHOD = Method(
    title="Variational autoencoder of faces aligned with valence and arousal",
    source="bridge-from-d-to-e",
    data="faces",
    inputs="images",
    targets="va",
    objective="mse",
    objective_weights={PICTURE: 5.0, ALL: 1.0},
)
"""The weights make always-the-mean cost about the same in both: pixels vary by some .04 and labels by some .2."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit with the mean squared error between the labels and a linear projection of z_v, and of z_a, added."""
    from training.networks import face_vae

    return face_vae.fit(METHOD, params, split, job, "mse")


def load(folder: Path, device: str) -> face_vae.FittedFaceVae:
    """Read a saved model."""
    from training.networks import face_vae

    return face_vae.load(folder, device)
