"""The feature-steered convolution on a graph that all samples share.

Verma, Boyer and Verbeek, FeaStNet: Feature-Steered Graph Convolutions for 3D Shape Analysis, CVPR 2018, equations 2
and 6, translation-invariant: x'_i = b + 1/|N(i)| Σ_{j ∈ N(i)} Σ_h q_h(x_i, x_j) W_h x_j with
q(x_i, x_j) = softmax over h of u_h · (x_j − x_i) + c_h, where i is among its own neighbours N(i).

W_h x_j and u_h · x_j are the same on all edges of j, so they are made once a vertex, not once an edge. The double sum
is one bag of rows (vertex, head) for each vertex, weighted by q: nothing of the size edges × heads × width is made.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from training.geometry import topology


class FeastConv(nn.Module):
    """Map vertices (n, v, width_in) to (n, v, width_out).

    Parameters
    ----------
    heads : number of weight matrices among which an edge's features choose.
    edges : (2, e) as `topology.edges` returns them, without loops.  vertices : v.
    """

    ends: Tensor
    weights: Tensor
    back: Tensor

    def __init__(self, width_in: int, width_out: int, heads: int, edges: Tensor, vertices: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(width_in, heads * width_out, bias=False)
        self.u = nn.Linear(width_in, heads, bias=False)
        self.c = nn.Parameter(0.1 * torch.randn(heads))
        self.bias = nn.Parameter(torch.zeros(width_out))
        ends = topology.looped(edges, vertices)
        count = topology.degrees(ends, vertices)
        self.register_buffer("ends", ends, persistent=False)
        self.register_buffer("weights", 1.0 / count[ends[0]], persistent=False)
        self.register_buffer("back", topology.reverse(ends, vertices), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output (n, v, width_out) for x (n, v, width_in)."""
        vertex, neighbour = self.ends
        # heads before edges: a softmax over an axis that is not the last runs over whole rows at once
        u = self.u(x).transpose(1, 2)
        steered = (u[:, :, neighbour] - u[:, :, vertex] + self.c[:, None]).softmax(dim=1) * self.weights
        mapped = self.linear(x).unflatten(2, (self.heads, -1))
        return _Steered.apply(mapped, steered, self.ends, self.back) + self.bias


class _Steered(torch.autograd.Function):
    """The sum over a vertex's edges and all heads of weights (n, h, e) times rows (n, v, h, d): (n, v, d)."""

    @staticmethod
    def forward(ctx: Any, mapped: Tensor, steered: Tensor, ends: Tensor, back: Tensor) -> Tensor:
        n, v, h, d = mapped.shape
        # bags by vertex, and in each its edges, and for each edge its heads
        rows = _rows(n, v * h, (ends[1][:, None] * h + torch.arange(h, device=ends.device)).flatten())
        starts, bag = _bags(n, v, ends, h)
        weights = steered.transpose(1, 2).flatten()
        table = mapped.reshape(n * v * h, d)
        ctx.save_for_backward(table, steered, ends, back, rows, starts, bag)
        return torch.embedding_bag(table, rows, starts, False, _SUM, False, weights)[0].view(n, v, d)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        table, steered, ends, back, rows, starts, bag = ctx.saved_tensors
        (n, v, d), h = gradient.shape, steered.shape[1]
        flat = gradient.reshape(n * v, d).contiguous()
        dots = torch.ops.aten._embedding_bag_per_sample_weights_backward(flat, table, rows, starts, bag, _SUM)
        # what row (j, h) gave to all i it gets back from them, by the weights of the edges the other way round
        sources = _rows(n, v, ends[1])
        single, _ = _bags(n, v, ends, 1)
        weights = steered[:, :, back]
        given = [
            torch.embedding_bag(flat, sources, single, False, _SUM, False, weights[:, head].flatten())[0]
            for head in range(h)
        ]
        of_table = torch.stack(given, dim=1).view(n, v, h, d)
        return of_table, dots.view(n, -1, h).transpose(1, 2), None, None


_SUM = 0
"""What `torch.embedding_bag` calls the sum."""


def _rows(n: int, size: int, rows: Tensor) -> Tensor:
    """Return rows (r,) of one sample's `size` rows as those (n * r,) of n samples."""
    return (rows + size * torch.arange(n, device=rows.device)[:, None]).flatten()


def _bags(n: int, v: int, ends: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """Return where the bags (n * v,) of n samples' vertices start, `each` rows an edge, and each row's bag."""
    count = topology.degrees(ends, v).repeat(n) * each
    return count.cumsum(0) - count, torch.arange(n * v, device=ends.device).repeat_interleave(count)
