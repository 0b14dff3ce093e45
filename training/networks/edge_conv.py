"""The edge convolution on a graph that is rebuilt in feature space: the layer of DGCNN.

Wang et al., Dynamic Graph CNN for Learning on Point Clouds, ACM Transactions on Graphics 38 (2019), section 3.1 and
equation 8: x'_i = max_{j ∈ N(i)} W [x_i; x_j − x_i] + b, N(i) the k vertices nearest to i in the layer's input, i
among them.

W [x_i; x_j − x_i] = (W₁ − W₂) x_i + W₂ x_j, of which only the second depends on the neighbour: two products a vertex in
place of one an edge, and the maximum is over rows of W₂ x. What follows the maximum in DGCNN (batch norm, leaky ReLU)
is the network's; an activation that rises gives the same on either side of a maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class EdgeConv(nn.Module):
    """Map vertices (n, v, width_in) to (n, v, width_out) over the `k` nearest neighbours of each."""

    def __init__(self, width_in: int, width_out: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.linear = nn.Linear(2 * width_in, width_out)

    def forward(self, x: Tensor, neighbours: Tensor | None = None) -> Tensor:
        """Return the layer's output (n, v, width_out) for x (n, v, width_in).

        neighbours : (n, v, k) rows of vertices; the nearest in x where None.
        """
        neighbourhood = nearest(x.detach(), self.k) if neighbours is None else neighbours
        own, difference = self.linear.weight.chunk(2, dim=1)
        here = functional.linear(x, own - difference, self.linear.bias)
        return here + _NeighbourMaximum.apply(functional.linear(x, difference), neighbourhood)


def nearest(x: Tensor, k: int) -> Tensor:
    """Return the rows (n, v, k) of the k vertices nearest to each vertex of x (n, v, d), itself among them, unordered.

    On a CPU, squared distances that differ by less than 2⁻²³ v of their size count as equal: the lowest bits of each
    hold the vertex, so that a partition of plain integers, seven times as fast as `torch.topk`, yields the vertices.
    """
    v = x.shape[1]
    x = x.float()
    squares = x.square().sum(dim=-1)
    distances = torch.baddbmm(squares[:, None], x, x.transpose(1, 2), alpha=-2.0).add_(squares[:, :, None]).clamp_(0.0)
    # a vertex is its own neighbour, also where rounding made its distance a little more than 0
    distances.diagonal(dim1=1, dim2=2).zero_()
    if x.device.type != "cpu":
        return distances.topk(k, largest=False, sorted=False).indices
    # floats that are not negative are ordered as the integers that their bits spell
    mask = (1 << (v - 1).bit_length()) - 1
    keys = distances.view(torch.int32).bitwise_and_(~mask).bitwise_or_(torch.arange(v, dtype=torch.int32))
    least = np.partition(keys.numpy(), k - 1, axis=-1)[..., :k] & mask
    return torch.from_numpy(least).long()


class _NeighbourMaximum(torch.autograd.Function):
    """The maximum over rows of neighbours, channel by channel; the gradient goes to the row that it was taken from."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, neighbours: Tensor) -> Tensor:
        n, v, d = x.shape
        k = neighbours.shape[2]
        rows = (neighbours + v * torch.arange(n, device=x.device)[:, None, None]).flatten()
        starts = torch.arange(0, len(rows), k, device=x.device)
        highest, _, _, source = torch.embedding_bag(x.reshape(n * v, d), rows, starts, mode=_MAXIMUM)
        ctx.save_for_backward(source)
        return highest.view(n, v, d)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (source,) = ctx.saved_tensors
        flat = gradient.reshape(source.shape)
        return torch.zeros_like(flat).scatter_add_(0, source.long(), flat).view(gradient.shape), None


_MAXIMUM = 2
"""What `torch.embedding_bag` calls the maximum; it returns the rows that were highest as well."""
