"""Valence and arousal from video frames by a convolutional network and a recurrent one on its features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import IMAGES, Job, Method, Outcome, Params, Settings
from training.data import Split
from training.methods.frames import _family

if TYPE_CHECKING:
    from training.networks.frame_rnn import FittedFrames


def _prerequisites(settings: Settings) -> dict[str, str]:
    return {} if settings["cnn_fit"] == "along" else {"cnn": f"frames/{settings['cnn']}"}


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
        "cnn_fit": ("along", "before", "before_and_along"),
        "context_s": (1, 2, 4),
        **_family.SHARED,
    },
    prerequisites=_prerequisites,
    context="context_s",
)
"""The source's best network (after Kollias et al., Deep Affect Prediction in-the-Wild, International Journal of
Computer Vision 127, 2019): recurrent layers on the features of a fully connected layer, fitted by 1 − CCC. *Ours* is
what it leaves unsaid: the seconds looked back on.

cnn_fit : along, both networks are fitted together; before, the convolutional one is fitted alone and then left as it
is; before_and_along, it is fitted alone and then further together with the recurrent one."""


def check(settings: Settings) -> None:
    """Raise UserError for settings that do not go together."""
    from training.networks import frame_cnn

    frame_cnn.check(settings["cnn"], settings)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the CCC on validation is highest."""
    from training.networks import frame_rnn

    return frame_rnn.fit(METHOD, params, split, job)


def load(folder: Path, device: str) -> FittedFrames:
    """Read a saved model."""
    from training.networks import frame_rnn

    return frame_rnn.load(folder, device)
