"""The feature-steered convolution on a graph that all samples share.

Verma, Boyer and Verbeek, FeaStNet: Feature-Steered Graph Convolutions for 3D Shape Analysis, CVPR 2018, equations 2
and 6, translation-invariant: x'_i = b + 1/|N(i)| Σ_{j ∈ N(i)} Σ_h q_h(x_i, x_j) W_h x_j with
q(x_i, x_j) = softmax over h of u_h · (x_j − x_i) + c_h, where i is among its own neighbours N(i).

W_h is the same for all edges, so the neighbours are summed first and multiplied once a vertex and head, not once an
edge and head; and u · (x_j − x_i) is a difference of two products that are made once a vertex.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.networks import topology


class FeastConv(nn.Module):
    """Map vertices (n, v, width_in) to (n, v, width_out).

    Parameters
    ----------
    heads : number of weight matrices among which an edge's features choose.
    edges : (2, e) as `topology.edges` returns them, without loops.  vertices : v.
    """

    rows: Tensor
    weights: Tensor

    def __init__(self, width_in: int, width_out: int, heads: int, edges: Tensor, vertices: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(width_in * heads, width_out)
        self.u = nn.Linear(width_in, heads, bias=False)
        self.c = nn.Parameter(0.1 * torch.randn(heads))
        rows, there = topology.table(edges, vertices)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("weights", there / there.sum(dim=1, keepdim=True), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output (n, v, width_out) for x (n, v, width_in)."""
        u = self.u(x)
        steered = torch.softmax(u[:, self.rows] - u[:, :, None] + self.c, dim=-1) * self.weights[..., None]
        # (n, v, heads, w) by (n, v, w, width_in): the neighbours' sum under each head
        summed = steered.transpose(-1, -2).to(x.dtype) @ x[:, self.rows]
        return self.linear(summed.flatten(start_dim=2))
