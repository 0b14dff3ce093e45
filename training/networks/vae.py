"""A variational autoencoder of feature vectors: the module, its loss terms, and the fitted model that is saved.

Kingma and Welling, Auto-Encoding Variational Bayes, ICLR 2014, sections 2.3 and 3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.preparation import Scaling
from training.networks import fitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.data import Floats
    from training.views import Inputs

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}

RECONSTRUCTIONS: dict[str, Callable[..., Tensor]] = {
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "huber": functional.huber_loss,
}

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Shape:
    """The sizes of a `Vae`: all that is needed to build it again."""

    features: int
    latent_size: int
    width: int
    depth: int
    activation: str


class Vae(nn.Module):
    """`depth` hidden layers of `width` on either side of a latent vector."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = _layers(shape.features, 2 * shape.latent_size, shape)
        self.decoder = _layers(shape.latent_size, shape.features, shape)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n, features) to the mean and the log variance of z, each (n, latent_size)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        # e^±10 is far beyond what a code needs and far from overflow
        return mean, log_variance.clamp(-10.0, 10.0)

    def decode(self, z: Tensor) -> Tensor:
        """Map (n, latent_size) to (n, features)."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the reconstruction from one draw of z, and z's mean and log variance."""
        mean, log_variance = self.encode(x)
        return self.decode(draw(mean, log_variance)), mean, log_variance


def _layers(size_in: int, size_out: int, shape: Shape) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(shape.depth):
        layers += [nn.Linear(size_in, shape.width), ACTIVATIONS[shape.activation]()]
        size_in = shape.width
    return nn.Sequential(*layers, nn.Linear(size_in, size_out))


def draw(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Draw z from N(mean, e^log_variance), differentiably (the paper's section 2.4)."""
    return mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return (n,) the divergence of N(mean, e^log_variance) from N(0, 1), summed over z (the paper's appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=-1)


@dataclass(frozen=True)
class FittedVae:
    """A fitted `Vae` that takes and gives feature vectors in the data's own units."""

    module: Vae
    shape: Shape
    scaling: Scaling

    @property
    def latent_size(self) -> int:
        """Return the number of values in a code."""
        return self.shape.latent_size

    def predict(self, inputs: Inputs) -> Floats:
        """Map features (n, d) to their reconstructions (n, d) from the mean of z."""
        return self.decode(self.encode(inputs))

    def encode(self, inputs: Inputs) -> Floats:
        """Map features (n, d) to the means of z (n, latent_size)."""
        x = self.scaling.apply(np.asarray(inputs.x))
        return fitted.run(self.module, lambda part: self.module.encode(part)[0], [x], ROWS_AT_ONCE)

    def decode(self, z: Floats) -> Floats:
        """Map codes (n, latent_size) to features (n, d)."""
        return self.scaling.undo(fitted.run(self.module, self.module.decode, [z], ROWS_AT_ONCE).astype(np.float64))

    def parameters(self) -> int:
        """Return the number of weights."""
        return fitted.count(self.module)

    def save(self, folder: Path) -> None:
        """Write vae.safetensors and vae.json."""
        fitted.save_state(folder, NAME, self.module, {"shape": asdict(self.shape), "scaling": self.scaling.state()})


NAME = "vae"


def load(folder: Path, device: str) -> FittedVae:
    """Read what `FittedVae.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state["shape"])
    module = Vae(shape)
    module.load_state_dict(weights)
    return FittedVae(module.to(device).eval(), shape, Scaling.from_state(state["scaling"]))
