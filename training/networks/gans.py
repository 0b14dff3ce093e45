"""The networks of GANs on frames: a generator, a discriminator, and one made of capsules.

Images are 64×64 RGB, floats in −1 … 1 as `training.networks.cnns.scaled` makes them of bytes. `width` scales the number
of channels of every layer. Sources:

- generator and discriminator: Radford, Metz, Chintala, Unsupervised Representation Learning with Deep Convolutional
  Generative Adversarial Networks, ICLR 2016, in the sizes of the source on Aff-Wild.
- capsules: Sabour, Frosst, Hinton, Dynamic Routing between Capsules, NIPS 2017.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.networks.cnns import channels

NOISE = 100
SIDE = 64
LEAK = 0.2
"""Slope of the leaky ReLU below 0."""

_FIRST_SIDE = 4
_PRIMARY, _OUTPUT = 8, 16
"""Length of a capsule of the first layer, and of one of the outputs."""


class Generator(nn.Module):
    """Uniform noise (n, 100) in −1 … 1 to images (n, 3, 64, 64): a dense layer, four 5×5 transposed convolutions."""

    def __init__(self, width: float) -> None:
        super().__init__()
        sizes = [channels(size, width) for size in (512, 256, 128, 64)]
        self.first = sizes[0]
        self.dense = nn.Linear(NOISE, sizes[0] * _FIRST_SIDE**2)
        layers: list[nn.Module] = [nn.BatchNorm2d(sizes[0]), nn.ReLU()]
        for size_in, size_out in zip(sizes, [*sizes[1:], 3], strict=True):
            last = size_out == 3
            layers.append(nn.ConvTranspose2d(size_in, size_out, 5, 2, padding=2, output_padding=1, bias=last))
            layers += [] if last else [nn.BatchNorm2d(size_out), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        _draw_weights(self, width)

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (n, 100) to images (n, 3, 64, 64)."""
        images: Tensor = self.layers(self.dense(noise).unflatten(1, (self.first, _FIRST_SIDE, _FIRST_SIDE)))
        return images


class Discriminator(nn.Module):
    """Images (n, 3, 64, 64) to features (n, 512 · width) and outputs (n, m): four 5×5 convolutions, pooled, dense.

    m is 3 for valence, arousal and real or generated; of a network of K classes it is K.
    """

    def __init__(self, width: float, outputs: int, dropout: float) -> None:
        super().__init__()
        self.layers, size = _convolutions(width, (64, 128, 256, 512), dropout)
        self.output = nn.Linear(size, outputs)
        _draw_weights(self, width)

    def features(self, images: Tensor) -> Tensor:
        """Map images (n, 3, 64, 64) to what the last layer sees (n, 512 · width)."""
        features: Tensor = self.layers(images).mean(dim=(2, 3))
        return features

    def read(self, features: Tensor) -> Tensor:
        """Map features to outputs (n, m), before any activation."""
        outputs: Tensor = self.output(features)
        return outputs


class CapsuleDiscriminator(nn.Module):
    """Images (n, 3, 64, 64) to features, and to valence, arousal and real or generated, each from a capsule of its own.

    Three convolutions, primary capsules of 8 numbers, and three output capsules of 16 that they are routed to. Whether
    an image is real is the length of the third, as Sabour et al. have it for a class; valence and arousal are read from
    the vectors of the others (*ours*: a length is never negative). The length's logit has a bias that is learnt
    (*ours*): the votes of hundreds of capsules add up to a length near 1, and without it every image is called real.
    """

    def __init__(self, width: float, outputs: int, dropout: float, routings: int = 3) -> None:
        super().__init__()
        if outputs != 3:
            raise ValueError(f"outputs is {outputs}, expected 3: valence, arousal, and real or generated")
        self.layers, size = _convolutions(width, (64, 128, 256), dropout)
        self.kinds = max(1, channels(512, width) // _PRIMARY)
        self.primary = nn.Conv2d(size, self.kinds * _PRIMARY, 5, 2, padding=2)
        count = self.kinds * (SIDE // 2 ** (3 + 1)) ** 2
        self.weights = nn.Parameter(torch.empty(outputs, count, _OUTPUT, _PRIMARY))
        self.routings = routings
        self.output = nn.Linear(_OUTPUT, 2)
        self.real = nn.Parameter(torch.tensor(-math.log(count / outputs)))
        _draw_weights(self, width)
        nn.init.normal_(self.weights, std=_PRIMARY**-0.5)

    def features(self, images: Tensor) -> Tensor:
        """Map images (n, 3, 64, 64) to the output capsules side by side (n, 48)."""
        primary = self.primary(self.layers(images))
        n, _, height, across = primary.shape
        primary = primary.view(n, self.kinds, _PRIMARY, height * across).transpose(2, 3).reshape(n, -1, _PRIMARY)
        return routed(squash(primary), self.weights, self.routings).flatten(1)

    def read(self, features: Tensor) -> Tensor:
        """Map the output capsules (n, 48) to valence, arousal and the logit of being real (n, 3)."""
        capsules = features.unflatten(1, (3, _OUTPUT))
        weight, bias = self.output.weight, self.output.bias
        va = (capsules[:, :2] * weight).sum(-1) + bias
        length = capsules[:, 2].norm(dim=-1).clamp(1e-4, 1 - 1e-4)
        return torch.cat([va, (torch.logit(length) + self.real)[:, None]], dim=1)


def squash(vectors: Tensor) -> Tensor:
    """Shorten vectors (…, d) to a length between 0 and 1, in their direction (Sabour et al., equation 1)."""
    square = vectors.square().sum(dim=-1, keepdim=True)
    return vectors * (square / (1 + square) / (square + 1e-8).sqrt())


def routed(primary: Tensor, weights: Tensor, routings: int) -> Tensor:
    """Route capsules to the outputs that agree with them (Sabour et al., procedure 1).

    primary : (n, i, d).  weights : (o, i, e, d), from capsule i to output o.  Returns output capsules (n, o, e).

    Gradients go through the last round alone: the rounds before only say how much of each capsule an output is given.
    """
    votes = torch.einsum("oied,nid->noie", weights, primary)
    logits = votes.new_zeros(votes.shape[:3])
    with torch.no_grad():
        for _ in range(routings - 1):
            outputs = squash((functional.softmax(logits, dim=1)[..., None] * votes).sum(dim=2))
            logits = logits + torch.einsum("noie,noe->noi", votes, outputs)
    return squash((functional.softmax(logits, dim=1)[..., None] * votes).sum(dim=2))


def _convolutions(width: float, sizes: tuple[int, ...], dropout: float) -> tuple[nn.Sequential, int]:
    """Return 5×5 convolutions that halve the image, and the channels of the last; batch norm but for the first."""
    layers: list[nn.Module] = []
    size_in = 3
    for k, published in enumerate(sizes):
        size = channels(published, width)
        layers.append(nn.Conv2d(size_in, size, 5, 2, padding=2, bias=k == 0))
        layers += [nn.BatchNorm2d(size)] if k else []
        layers += [nn.LeakyReLU(LEAK), nn.Dropout(dropout)]
        size_in = size
    return nn.Sequential(*layers), size_in


def _draw_weights(module: nn.Module, width: float) -> None:
    """Draw weights as Radford et al. do: normal with a standard deviation of .02.

    Narrower layers have larger ones, so that they pass on as much as at width 1.
    """
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(each.weight, std=0.02 * width**-0.5)
            if each.bias is not None:
                nn.init.zeros_(each.bias)
