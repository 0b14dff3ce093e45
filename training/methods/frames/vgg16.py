"""Valence and arousal from single frames by VGG-16."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params, Settings
from training.data import Split
from training.methods.frames import _family

if TYPE_CHECKING:
    from training.networks.frame_cnn import FittedCnn

METHOD = _family.cnn("VGG-16 on single frames")


def check(settings: Settings) -> None:
    """Raise UserError for settings that do not go together."""
    from training.networks import frame_cnn

    frame_cnn.check("vgg16", settings)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_cnn

    return frame_cnn.fit("vgg16", METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedCnn:
    """Read a saved model."""
    from training.networks import frame_cnn

    return frame_cnn.load(folder, device)
