"""Valence and arousal by a regression tree for each axis (CART), on statistics of the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.models.window_trees import WindowTrees

METHOD = Method(
    title="Regression trees",
    source="audio-visual-fusion",
    data="fusion",
    inputs={"modality": {"video": ("video",), "audio": ("audio",), "both": ("video", "audio")}},
    targets="va",
    objective="ccc",
    settings={"modality": ("video", "audio", "both"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit a tree for each axis to the statistics of the train windows; see `training.models.window_trees.fit`."""
    from training.models import window_trees

    return window_trees.fit(params, split, job)


def load(folder: Path, device: str) -> WindowTrees:
    """Read a saved model; it predicts on the CPU wherever it is."""
    from training.models import window_trees

    return window_trees.load(folder)
