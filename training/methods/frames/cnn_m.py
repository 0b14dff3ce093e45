"""Valence and arousal from single frames by CNN-M."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params, Settings
from training.data import Split
from training.methods.frames import _family

if TYPE_CHECKING:
    from training.networks.frame_cnn import FittedCnn

METHOD = _family.cnn("CNN-M on single frames", {"freeze": ("none", "convolutions")})
"""With freeze=convolutions the fully connected layers alone are fitted: convolutions stay as in the file `weights`."""


def check(settings: Settings) -> None:
    """Raise UserError for settings that do not go together."""
    from training.networks import frame_cnn

    frame_cnn.check("cnn_m", settings)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_cnn

    return frame_cnn.fit("cnn_m", METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedCnn:
    """Read a saved model."""
    from training.networks import frame_cnn

    return frame_cnn.load(folder, device)
