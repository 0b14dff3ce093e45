"""Valence and arousal from frames by a GAN whose discriminator is made of capsules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params
from training.data import Split
from training.methods.frames._gan import gan

if TYPE_CHECKING:
    from training.networks.frame_gan import FittedGan

METHOD = gan("Regression GAN with a discriminator of capsules", "va", "ccc")
"""What the source names as future work: the regression GAN with capsules and dynamic routing (Sabour et al. 2017)."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_gan

    return frame_gan.fit(METHOD, params, split, job, "capsules")


def load(folder: Path, device: str) -> FittedGan:
    """Read a saved model."""
    from training.networks import frame_gan

    return frame_gan.load(folder, device)
