"""Networks that join modalities, and the fitted model around them that is saved and read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from training.models import window_features
from training.models.window_features import WindowFeatures
from training.networks import fitted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.data import Floats
    from training.views import Inputs

NAME = "fusion"
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
