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


def table(edges: Tensor, vertices: int) -> tuple[Tensor, Tensor]:
    """Return each vertex and its neighbours as a rectangle: rows (vertices, w), and which are there (vertices, w).

    w is one more than the most neighbours that a vertex has: column 0 is the vertex itself. A missing neighbour's row
    is the vertex itself too, so that every row can be read.
    """
    count = degrees(edges, vertices)
    place = torch.arange(edges.shape[1]) - (count.cumsum(0) - count)[edges[0]] + 1
    width = int(count.max()) + 1
    rows = torch.arange(vertices)[:, None].repeat(1, width)
    rows[edges[0], place] = edges[1]
    return rows, torch.arange(width) <= count[:, None]
