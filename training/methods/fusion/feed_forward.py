"""Valence and arousal from video, audio or both by a network with one hidden layer, on averages over the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.networks.fusion import FittedConcat

METHOD = Method(
    title="One hidden layer on averages",
    source="audio-visual-fusion",
    data="fusion",
    inputs={"modality": {"video": ("video",), "audio": ("audio",), "both": ("video", "audio")}},
    targets="va",
    objective="ccc",
    settings={"modality": ("video", "audio", "both"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation agrees best; see `training.networks.fusion.fit`."""
    from training.networks import fusion

    return fusion.fit(params, split, job)


def load(folder: Path, device: str) -> FittedConcat:
    """Read a saved model."""
    from training.networks import fusion

    return fusion.load(folder, device)
