"""Valence and arousal from video and audio by self-attention over the steps of both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.methods.fusion import _attention

if TYPE_CHECKING:
    from training.networks.fusion_sequences import FittedSequences

METHOD = Method(
    title="Self-attention over the steps of video and audio",
    source="audio-visual-fusion",
    data="fusion",
    inputs=("video", "audio"),
    targets="va",
    objective="ccc",
    settings={"window_s": (1, 2, 3, 4)},
    context="window_s",
)
"""The source has two transformer blocks; their number is searched."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation agrees best; see `training.networks.fusion_sequences.fit`."""
    from training.networks import fusion_sequences

    options = {**_attention.options(params), "layers": params["layers"]}
    return fusion_sequences.fit("self_attention", params, options, split, job)


def load(folder: Path, device: str) -> FittedSequences:
    """Read a saved model."""
    from training.networks import fusion_sequences

    return fusion_sequences.load(folder, device)
