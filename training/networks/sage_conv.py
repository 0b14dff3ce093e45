"""The SAGE convolution on a graph that all samples share.

Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs, NeurIPS 2017, algorithm 1 with the mean
aggregator: x'_i = W_neighbour · mean_{j ∈ N(i)} x_j + W_own · x_i + b.

A library for graphs of any shape writes a row for each edge and scatters it. Here a vertex's neighbours are a bag of
rows that are added up as they are read, and what else is to be multiplied is added in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from training.geometry import topology


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
        self.made: dict[tuple[int, torch.device], tuple[Tensor, ...]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output (n, v, width_out) for x (n, v, width_in)."""
        return _Sage.apply(x, self.neighbour.weight, self.own.weight, self.neighbour.bias, *self._bags(x))

    def _bags(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the bags of all n samples of x; made once for each n, since batches are of two or three sizes."""
        n, v, _ = x.shape
        if (n, x.device) not in self.made:
            # what is made in inference mode could never be part of a gradient
            with torch.inference_mode(False):
                sample = torch.arange(n, device=x.device)[:, None]
                rows, starts = self.rows + v * sample, self.starts + len(self.rows) * sample
                weights = self.weights.repeat(n), self.weights_back.repeat(n)
            self.made[n, x.device] = (rows.flatten(), starts.flatten(), *weights)
        return self.made[n, x.device]


class _Sage(torch.autograd.Function):
    """The layer as one function: half of its time went into sums that are made in place here."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        neighbour: Tensor,
        own: Tensor,
        bias: Tensor,
        rows: Tensor,
        starts: Tensor,
        weights: Tensor,
        weights_back: Tensor,
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[2])
        mean = functional.embedding_bag(rows, flat, starts, mode="sum", per_sample_weights=weights)
        ctx.save_for_backward(flat, mean, neighbour, own, rows, starts, weights_back)
        return torch.addmm(bias, mean, neighbour.T).addmm_(flat, own.T).view(*x.shape[:2], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        flat, mean, neighbour, own, rows, starts, weights_back = ctx.saved_tensors
        given = gradient.reshape(len(flat), -1)
        back = given @ neighbour
        of_x = functional.embedding_bag(rows, back, starts, mode="sum", per_sample_weights=weights_back)
        of_x.addmm_(given, own)
        of_weights = given.T @ mean, given.T @ flat, given.sum(dim=0)
        return of_x.view(*gradient.shape[:2], -1), *of_weights, None, None, None, None
