"""Valence and arousal from frames by a GAN whose discriminator reads them, and tells real frames from generated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params
from training.data import Split
from training.methods.frames._gan import gan

if TYPE_CHECKING:
    from training.networks.frame_gan import FittedGan

METHOD = gan("Regression GAN on frames", "va", "ccc")
"""The source's own network: its discriminator has outputs for valence, arousal, and real or generated, and learns from
frames without labels too."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_gan

    return frame_gan.fit(METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedGan:
    """Read a saved model."""
    from training.networks import frame_gan

    return frame_gan.load(folder, device)
