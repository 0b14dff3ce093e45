"""The graph that all meshes of a data set share: edges from triangles, and who neighbours whom."""

from __future__ import annotations

import torch
from torch import Tensor


def edges(triangles: Tensor) -> Tensor:
    """Return the edges (2, e) of triangles (f, 3), each in both directions, once, ordered by vertex.

    ``edges[0]`` is a vertex and ``edges[1]`` its neighbour; no vertex is its own.
    """
    sides = torch.cat([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return torch.cat([sides, sides.flip(1)]).unique(dim=0).T.contiguous()


def degrees(edges: Tensor, vertices: int) -> Tensor:
    """Return the number of neighbours (vertices,) of each vertex."""
    return torch.bincount(edges[0], minlength=vertices)


def looped(edges: Tensor, vertices: int) -> Tensor:
    """Return edges (2, e + vertices), ordered by vertex, among which each vertex is its own neighbour too."""
    loops = torch.arange(vertices).expand(2, -1)
    return torch.cat([edges, loops], dim=1).unique(dim=1)


def reverse(edges: Tensor, vertices: int) -> Tensor:
    """Return for each edge (2, e) where the same edge the other way round stands (e,); edges are ordered."""
    return torch.searchsorted(edges[0] * vertices + edges[1], edges[1] * vertices + edges[0])
