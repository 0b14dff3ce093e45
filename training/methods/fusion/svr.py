"""Valence and arousal by a support vector regression for each axis, on statistics of the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.models.support_vectors import SupportVectors

METHOD = Method(
    title="Support vector regression",
    source="audio-visual-fusion",
    data="fusion",
    inputs={"modality": {"video": ("video",), "audio": ("audio",), "both": ("video", "audio")}},
    targets="va",
    objective="ccc",
    settings={"modality": ("video", "audio", "both"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit a machine for each axis to the statistics of the train windows; see `training.models.support_vectors.fit`."""
    from training.models import support_vectors

    return support_vectors.fit(params, split, job)


def load(folder: Path, device: str) -> SupportVectors:
    """Read a saved model; it predicts on the CPU wherever it is."""
    from training.models import support_vectors

    return support_vectors.load(folder)
