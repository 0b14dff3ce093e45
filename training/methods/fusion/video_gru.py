"""Valence and arousal from video by a GRU over the steps of a window, pooled over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.networks.fusion_sequences import FittedSequences

METHOD = Method(
    title="GRU over video, pooled over time",
    source="audio-visual-fusion",
    data="fusion",
    inputs="video",
    targets="va",
    objective="ccc",
    settings={"pooling": ("avg", "max", "conv"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)
"""The source gives it the mean label of the window; here it is the frame's own, as for all methods, and the window's
mean with ``--set label=window_mean``."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation agrees best; see `training.networks.fusion_sequences.fit`."""
    from training.networks import fusion_sequences

    options = {
        "width": params["width"],
        "layers": params["layers"],
        "dropout": params["dropout"],
        "pooling": job.settings["pooling"],
    }
    return fusion_sequences.fit("gru", params, options, split, job)


def load(folder: Path, device: str) -> FittedSequences:
    """Read a saved model."""
    from training.networks import fusion_sequences

    return fusion_sequences.load(folder, device)
