"""The SAGE convolution on a graph that all samples share.

Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs, NeurIPS 2017, algorithm 1 with the mean
aggregator: x'_i = W_neighbour · mean_{j ∈ N(i)} x_j + W_own · x_i + b.

A library for graphs of any shape copies the edges for each sample of a batch. Here one list of edges serves all of
them: the batch lies beside the channels, and the neighbours' mean is one bag of rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from training.networks import topology


class SageConv(nn.Module):
    """Map vertices (n, v, width_in) to (n, v, width_out).

    Parameters
    ----------
    edges : (2, e) as `topology.edges` returns them.  vertices : v; a vertex without neighbours has 0 as their mean.
    """

    rows: Tensor
    starts: Tensor
    weights: Tensor
    weights_back: Tensor

    def __init__(self, width_in: int, width_out: int, edges: Tensor, vertices: int) -> None:
        super().__init__()
        self.neighbour = nn.Linear(width_in, width_out)
        self.own = nn.Linear(width_in, width_out, bias=False)
        count = topology.degrees(edges, vertices)
        # The bags of vertex i hold its neighbours; edges go both ways, so the bags of the gradient hold the same rows
        # and differ only in their weights: 1 / degree of the neighbour in place of that of i.
        for name, value in {
            "rows": edges[1],
            "starts": count.cumsum(0) - count,
            "weights": 1.0 / count[edges[0]],
            "weights_back": 1.0 / count[edges[1]],
        }.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output (n, v, width_out) for x (n, v, width_in)."""
        mean = _NeighbourMean.apply(x, self.rows, self.starts, self.weights, self.weights_back)
        return self.neighbour(mean) + self.own(x)


class _NeighbourMean(torch.autograd.Function):
    """The mean over each vertex's neighbours: a product with one sparse matrix for the whole batch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, starts: Tensor, weights: Tensor, weights_back: Tensor) -> Tensor:
        ctx.save_for_backward(rows, starts, weights_back)
        return _bags(x, rows, starts, weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return _bags(gradient, *ctx.saved_tensors), None, None, None, None


def _bags(x: Tensor, rows: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """Return (n, v, d) the weighted sums of x's vertices in each bag."""
    n, v, d = x.shape
    wide = x.transpose(0, 1).reshape(v, n * d)
    summed = functional.embedding_bag(rows, wide, starts, mode="sum", per_sample_weights=weights.to(x.dtype))
    return summed.view(v, n, d).transpose(0, 1)
