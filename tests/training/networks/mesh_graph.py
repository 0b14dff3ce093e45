"""A small mesh with random features, and the comparison of two layers on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from training.geometry import topology

SIDE = 6
VERTICES = SIDE * SIDE


def triangles() -> Tensor:
    """Return the triangles of a square grid of `SIDE` by `SIDE` vertices, each square cut in two."""
    corner = (torch.arange(SIDE - 1)[:, None] * SIDE + torch.arange(SIDE - 1)).flatten()
    upper = torch.stack([corner, corner + 1, corner + SIDE], dim=1)
    lower = torch.stack([corner + 1, corner + SIDE + 1, corner + SIDE], dim=1)
    return torch.cat([upper, lower])


def edges() -> Tensor:
    return topology.edges(triangles())


def batch(width: int, n: int = 4) -> Tensor:
    return torch.randn(n, VERTICES, width, generator=torch.Generator().manual_seed(0))


def replicated(layer: nn.Module, edges: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a PyG layer as a function of (n, v, d): the edges are copied for each sample, neighbour first."""

    def run(x: Tensor) -> Tensor:
        n, v, _ = x.shape
        copies = torch.cat([edges.flip(0) + v * i for i in range(n)], dim=1)
        return layer(x.reshape(n * v, -1), copies).view(n, v, -1)

    return run


def assert_equal(
    own: Callable[[Tensor], Tensor],
    peer: Callable[[Tensor], Tensor],
    x: Tensor,
    weights: Sequence[tuple[Tensor, Tensor]],
) -> None:
    """Assert that outputs, gradients of x and gradients of pairs of weights are equal to 1e-5."""
    gradients = []
    outputs = []
    for function, side in ((own, 0), (peer, 1)):
        given = x.clone().requires_grad_()
        outputs.append(function(given))
        leaves = [given, *(pair[side] for pair in weights)]
        gradients.append(torch.autograd.grad(outputs[-1].square().mean(), leaves))
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
