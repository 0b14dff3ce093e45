"""Valence and arousal from video and audio by cross-attention and blocks of a second kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.methods.fusion import _attention

if TYPE_CHECKING:
    from training.networks.fusion_sequences import FittedSequences

METHOD = Method(
    title="Cross-attention of video to audio, and a second kind of block",
    source="audio-visual-fusion",
    data="fusion",
    inputs=("video", "audio"),
    targets="va",
    objective="ccc",
    settings={"repeats": (1, 3), "second": ("self", "video", "audio"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)
"""second : what the blocks after the first ask, themselves, the video or the audio: the source's v1, v2 and v3.
repeats : how many such blocks there are."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation agrees best; see `training.networks.fusion_sequences.fit`."""
    from training.networks import fusion_sequences

    options = {**_attention.options(params), "second": job.settings["second"], "repeats": job.settings["repeats"]}
    return fusion_sequences.fit("cross_attention", params, options, split, job)


def load(folder: Path, device: str) -> FittedSequences:
    """Read a saved model."""
    from training.networks import fusion_sequences

    return fusion_sequences.load(folder, device)
