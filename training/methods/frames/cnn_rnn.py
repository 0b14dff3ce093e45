"""Valence and arousal from video frames by a convolutional network and a recurrent one on its features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import IMAGES, Job, Method, Outcome, Params
from training.data import Split

if TYPE_CHECKING:
    from training.networks.frame_rnn import FittedFrames

METHOD = Method(
    title="CNN and recurrent network on video frames",
    source="aff-wild-net",
    data="frames",
    inputs=IMAGES,
    targets="va",
    objective="ccc",
    settings={
        "cell": ("gru", "lstm"),
        "cnn": ("cnn_m", "vgg16", "resnet50"),
        "context_s": (1, 2, 4),
        "width": (1, 0.25, 0.0625),
    },
    context="context_s",
)
"""The source's best network (after Kollias et al., Deep Affect Prediction in-the-Wild, International Journal of
Computer Vision 127, 2019): recurrent layers on the features of a fully connected layer, fitted by 1 − CCC. *Ours* are
what it leaves unsaid: the seconds looked back on, and the convolutional network, trained along from random weights."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_rnn

    return frame_rnn.fit(METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedFrames:
    """Read a saved model."""
    from training.networks import frame_rnn

    return frame_rnn.load(folder, device)
