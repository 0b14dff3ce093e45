"""A variational autoencoder of faces that is told nothing of valence and arousal: the aligned ones stand beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from affect.record import PICTURE
from training.contract import Job, Outcome, Params
from training.data import Split
from training.methods.faces._family import FACES

if TYPE_CHECKING:
    from training.networks import face_vae

METHOD = replace(
    FACES,
    # its valence and arousal are the means over two chunks that nothing ties to them: shown, never searched
    objective_weights={PICTURE: 1.0},
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit with the reconstruction and the divergence alone, stopped where validation is reconstructed best."""
    from training.networks import face_vae

    return face_vae.fit(METHOD, params, split, job)


def load(folder: Path, device: str) -> face_vae.FittedFaceVae:
    """Read a saved model."""
    from training.networks import face_vae

    return face_vae.load(folder, device)
