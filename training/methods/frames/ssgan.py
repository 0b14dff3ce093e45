"""Emotions from frames by a semi-supervised GAN: a discriminator of K classes, and one of what is generated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import LABEL, Job, Outcome, Params
from training.data import Split
from training.methods.frames._gan import gan

if TYPE_CHECKING:
    from training.networks.frame_gan import FittedGan

METHOD = gan("Semi-supervised GAN of emotions on frames", LABEL, "f1")
"""The ancestor of the regression GAN (Salimans et al., Improved Techniques for Training GANs, NIPS 2016). It predicts
emotions, not valence and arousal, and is scored as a classifier."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the macro F1 on validation is highest."""
    from training.networks import frame_gan

    return frame_gan.fit(METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedGan:
    """Read a saved model."""
    from training.networks import frame_gan

    return frame_gan.load(folder, device)
