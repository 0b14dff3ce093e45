"""Networks that join modalities, and the fitted model around them that is saved and read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.contract import Outcome
from training.models import window_features
from training.models.window_features import WindowFeatures
from training.networks import ccc, fitted, loop
from training.networks.batches import Batches, Shuffled
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.contract import Job, Params
    from training.data import Floats, Split
    from training.networks.batches import Batch
    from training.views import Inputs

NAME = "fusion"
PATIENCE = 10
AT_ONCE = 65_536
"""Rows of averaged windows that a network is given at a time."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a `Concat`: all that is needed to build it again."""

    features: int
    width: int
    dropout: float
    targets: int


class Concat(nn.Module):
    """Averages of all modalities side by side (n, features), a dense layer with ReLU, and an output with tanh (n, t).

    tanh reaches from −1 to 1, as valence and arousal do.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(shape.features, shape.width),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.width, shape.targets),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, features) to (n, targets)."""
        return self.layers(x)


@dataclass(frozen=True)
class FittedConcat:
    """A fitted `Concat` that takes windows of each modality."""

    module: Concat
    shape: Shape
    features: WindowFeatures

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → the columns that it was fitted on."""
        return self.features.columns

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to valence and arousal (n, 2)."""
        x = self.features.of(inputs).astype(np.float32)
        return fitted.run(self.module, self.module, [x], AT_ONCE)

    def save(self, folder: Path) -> None:
        """Write fusion.safetensors and fusion.json."""
        state = {"shape": asdict(self.shape), "features": self.features.state()}
        fitted.save_state(folder, NAME, self.module, state)


def load(folder: Path, device: str) -> FittedConcat:
    """Read what `FittedConcat.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state["shape"])
    module = Concat(shape)
    module.load_state_dict(weights)
    features = window_features.WindowFeatures.from_state(state["features"])
    return FittedConcat(module.to(device).eval(), shape, features)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit a `Concat` to the averaged windows of train, stopped where validation agrees best.

    ``loss`` is rmse, the root of the mean squared error of each axis, added up, as in the source; or ccc, 1 − CCC.
    """
    features = window_features.fit(split.train.inputs, split.blocks, "mean")
    train, validation = (features.of(part.inputs).astype(np.float32) for part in (split.train, split.validation))
    shape = Shape(features.size, params["width"], params["dropout"], len(split.targets))

    def loss(batch: Batch) -> Tensor:
        x, y = batch
        if params["loss"] == "ccc":
            return ccc.loss(module(x), y)
        # the root of 0 has no gradient
        return torch.sqrt((module(x) - y).square().mean(dim=0) + 1e-8).sum()

    def validate() -> float:
        return job.score(fitted.run(module, module, [validation], AT_ONCE))

    # layers of this size take longer on two threads than on one
    with loop.seeded(job, most_threads=1):
        module = Concat(shape).to(job.device)
        loop.fit(
            Descent(module, loss, optimiser(module, "adam", params["learning_rate"], params["weight_decay"])),
            Batches(Shuffled(len(train), params["batch"]), [train, split.train.targets()], job.device),
            validate,
            loop.Schedule(epochs=params["epochs"], patience=PATIENCE),
            job,
        )
        model = FittedConcat(module, shape, features)
        predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model=model, predictions=predictions, parameters=fitted.count(module))
