"""Valence and arousal from video and audio, each averaged over its window, side by side.

Nothing is learnt before the average, so windows are averaged once and not in every epoch. The objective is CCC, as for
the other methods of fusion: see `training.methods.fusion.bayesian_ridge`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.networks.fusion import FittedConcat

METHOD = Method(
    title="Averages of video and audio, concatenated",
    source="audio-visual-fusion",
    data="fusion",
    inputs=("video", "audio"),
    targets="va",
    objective="ccc",
    settings={"window_s": (1, 2, 3, 4)},
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
