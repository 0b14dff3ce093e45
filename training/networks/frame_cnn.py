"""A convolutional network that reads valence and arousal from a single frame: fitted, saved and read.

`training.networks.cnns` has the networks; on the last of their fully connected layers stands one of two outputs and a
tanh. `training.methods.frames` has one method for each. A fit goes down 1 − CCC of a batch (`training.networks.ccc`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from affect import metrics
from affect.record import ALL
from training.contract import Outcome, UserError
from training.file_settings import FileValue
from training.networks import augmentation, ccc, cnns, fitted, loop, pretrained
from training.networks.batches import Batches, Scattered, Shuffled
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job, Method, Params, Settings
    from training.data import Floats, Part, Split
    from training.networks.batches import Batch
    from training.views import Inputs

TARGETS = 2
NAME = "frame_cnn"
ROWS_OF_RECORDING = 16
"""Frames of one recording in a batch, where the loss is that of each recording."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a `FrameCnn`.

    cnn : cnn_m, vgg16 or resnet50.  width : of it, 1 as published.  side : height and width of the images.
    dropout : after fully connected layers.
    """

    cnn: str
    width: float
    side: int
    dropout: float


class FrameCnn(nn.Module):
    """Frames uint8 (n, 3, side, side) to valence and arousal (n, 2)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.cnn = cnns.Cnn(shape.cnn, shape.width, cnns.HIDDEN[shape.cnn], shape.dropout, shape.side)
        self.output = nn.Linear(self.cnn.size, TARGETS)
        # a tanh that begins at its ends has no gradient, and features of a deep network begin large
        nn.init.normal_(self.output.weight, std=0.1 / self.cnn.size**0.5)
        nn.init.zeros_(self.output.bias)

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames uint8 (n, 3, side, side) to the features before the output (n, d)."""
        with cnns.autocast(frames.device):
            features: Tensor = self.cnn(frames)
        return features.float()

    def read(self, codes: Tensor) -> Tensor:
        """Map features (n, d) to valence and arousal (n, 2)."""
        return torch.tanh(self.output(codes))

    def forward(self, frames: Tensor) -> Tensor:
        """Map frames uint8 (n, 3, side, side) to valence and arousal (n, 2)."""
        return self.read(self.encode(frames))


@dataclass(frozen=True)
class FittedCnn:
    """A fitted `FrameCnn` that takes frames uint8 (n, 3, h, w)."""

    module: FrameCnn
    shape: Shape

    def predict(self, inputs: Inputs) -> Floats:
        """Map frames to valence and arousal (n, 2)."""
        return fitted.run(self.module, self.module, [inputs.x])

    def encode(self, inputs: Inputs) -> Floats:
        """Map frames to the features before the output (n, d)."""
        return fitted.run(self.module, self.module.encode, [inputs.x])

    def save(self, folder: Path) -> None:
        """Write frame_cnn.safetensors and frame_cnn.json."""
        fitted.save_state(folder, NAME, self.module, asdict(self.shape))


def load(folder: Path, device: str) -> FittedCnn:
    """Read what `FittedCnn.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state)
    module = FrameCnn(shape)
    module.load_state_dict(weights)
    return FittedCnn(cnns.placed(module, device).eval(), shape)


def check(cnn: str, settings: Settings) -> None:
    """Raise UserError for a file of weights that does not fit the network, and for frozen convolutions without one."""
    weights = settings["weights"]
    if isinstance(weights, FileValue):
        network = cnns.Cnn(cnn, settings["width"], cnns.HIDDEN[cnn], 0.0)
        pretrained.load(network, cnn, weights.path)
    elif settings.get("freeze") == "convolutions":
        raise UserError(
            "freeze=convolutions keeps convolutions as a file has them, and none is given: "
            "add --set weights=FILE.safetensors"
        )


def fit(cnn: str, method: Method, params: Params, split: Split, job: Job) -> Outcome:
    """Fit the network `cnn` on train by 1 − CCC, stopped where the CCC on validation is highest.

    `split` has images uint8 (n, 3, h, w) as inputs and valence and arousal in −1 … 1 as targets. With
    ``horizontal_flip`` about every second frame is seen in a mirror, with ``max_shift`` each batch is moved by up to so
    many pixels. Settings: ``loss``, of what the CCC is; ``weights``, a file from which the network begins; ``freeze``,
    whether its convolutions stay so.
    """
    train = split.train
    # ResNet-50 has no layer to drop from
    dropout = params["dropout"] if cnns.HIDDEN[cnn] else 0.0
    shape = Shape(cnn, job.settings["width"], train.x.shape[-1], dropout)
    by_recording = job.settings["loss"] == "sequence"
    with loop.seeded(job):
        module = FrameCnn(shape)
        if isinstance(weights := job.settings["weights"], FileValue):
            pretrained.load(module.cnn, cnn, weights.path)
        if job.settings.get("freeze") == "convolutions":
            module.cnn.trunk.requires_grad_(False)
        module = cnns.placed(module, job.device)

        def loss(batch: Batch) -> Tensor:
            frames, va, recording = batch
            if params["horizontal_flip"]:
                frames = augmentation.mirrored(frames)
            predicted = module(augmentation.moved(frames, params["max_shift"]))
            return ccc.by_recording(predicted, va, recording) if by_recording else ccc.loss(predicted, va)

        source = scattered(train, params["batch"]) if by_recording else Shuffled(len(train), params["batch"])
        loop.fit(
            Descent(module, loss, optimiser(module, "adam", params["learning_rate"]), max_grad_norm=10.0),
            Batches(source, [train.x, train.targets(), recordings(train)], job.device),
            lambda: scored(method, split, job, fitted.run(module, module, [split.validation.x])),
            loop.Schedule(params["epochs"], params["patience"], params["learning_rate_schedule"]),
            job,
        )
        model = FittedCnn(module, shape)
        predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model=model, predictions=predictions, parameters=fitted.count(module))


def recordings(part: Part) -> NDArray[np.int64]:
    """Return the number (n,) of each sample's recording, all 0 where there are none."""
    sequence = part.inputs.sequence
    return np.zeros(len(part), np.int64) if sequence is None else np.unique(sequence, return_inverse=True)[1]


def scattered(train: Part, batch: int) -> Scattered:
    """Return what draws the frames of each step for the loss of recordings: some from all of each of a few recordings.

    A CCC needs frames of different values, and neighbours in time have nearly the same.
    """
    if train.inputs.sequence is None:
        raise UserError("loss=sequence needs data with recordings; take loss=batch")
    return Scattered(train.inputs.sequence, ROWS_OF_RECORDING, max(1, batch // ROWS_OF_RECORDING))


def scored(method: Method, split: Split, job: Job, predicted: Floats) -> tuple[float, dict[str, float]]:
    """Return the objective on validation, and the same of each axis as curves."""
    if not np.isfinite(predicted).all():
        return float("nan"), {}
    scores = metrics.score(split.validation.targets(), predicted, split.targets, [method.objective])
    each = {f"val__{name}__{target}": score for (name, target), score in scores.items() if target != ALL}
    return job.score(predicted), each
