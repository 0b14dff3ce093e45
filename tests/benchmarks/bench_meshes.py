"""Layers on meshes that share one graph, against the same layers of PyG or as they are usually written; and signatures.

The face's 468 vertices, a batch of 32, 64 channels in and out, one thread; a forward and a backward pass.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from robust_laplacian import point_cloud_laplacian
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn
from torch_geometric.nn import FeaStConv, SAGEConv

from affect import facemesh
from tests.benchmarks.row import Row, in_turn, row
from training.geometry import hks, topology
from training.networks import edge_conv
from training.networks.edge_conv import EdgeConv
from training.networks.feast_conv import FeastConv
from training.networks.sage_conv import SageConv

BATCH, VERTICES, CHANNELS, HEADS, NEIGHBOURS = 32, 468, 64, 8, 16
MESHES, EIGENPAIRS = 24, 128
ROUNDS = 7


def trained(layer: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], None]:
    """Return a training step of a layer on x (n, v, d)."""

    def step() -> None:
        given = x.clone().requires_grad_()
        layer(given).square().mean().backward()

    return step


def replicated(layer: nn.Module, edges: Tensor, batch: int) -> Callable[[Tensor], Tensor]:
    """Return a PyG layer on a batch of meshes: its edges are copied for each of them, once."""
    copies = torch.cat([edges.flip(0) + VERTICES * i for i in range(batch)], dim=1)
    return lambda x: layer(x.reshape(batch * VERTICES, -1), copies).view(batch, VERTICES, -1)


def plain_edge_conv(layer: EdgeConv, neighbours: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the same layer as its formula reads: gather, subtract, concatenate, multiply on each edge, maximum."""
    n, v, k = neighbours.shape
    rows = neighbours + v * torch.arange(n)[:, None, None]

    def run(x: Tensor) -> Tensor:
        there = x.reshape(n * v, -1)[rows]
        here = x[:, :, None].expand(-1, -1, k, -1)
        return layer.linear(torch.cat([here, there - here], dim=3)).amax(dim=2)

    return run


def rows(scale: float) -> Iterable[Row]:
    """Yield the three layers, then signatures computed and read back; a smaller batch on a smaller scale."""
    batch, rounds = max(2, int(BATCH * scale)), max(3, int(ROUNDS * scale))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(batch, VERTICES, CHANNELS)
    edges = topology.edges(torch.tensor(facemesh.TRIANGLES))
    note = f"batch {batch}, {CHANNELS} → {CHANNELS}, forward and backward, one thread"

    sage = trained(SageConv(CHANNELS, CHANNELS, edges, VERTICES), x)
    peer = trained(replicated(SAGEConv(CHANNELS, CHANNELS), edges, batch), x)
    yield row(
        "SAGE on 468 vertices", "PyG, replicated graph", *in_turn(sage, peer, rounds=rounds), "<= 0.45", note=note
    )

    feast = trained(FeastConv(CHANNELS, CHANNELS, HEADS, edges, VERTICES), x)
    peer = trained(replicated(FeaStConv(CHANNELS, CHANNELS, heads=HEADS), edges, batch), x)
    times = in_turn(feast, peer, rounds=rounds)
    yield row("FeaSt on 468 vertices", "PyG, replicated graph", *times, "<= 0.5", note=f"{HEADS} heads, {note}")

    layer, found = EdgeConv(CHANNELS, CHANNELS, NEIGHBOURS), edge_conv.nearest(x, NEIGHBOURS)
    times = in_turn(trained(lambda x: layer(x, found), x), trained(plain_edge_conv(layer, found), x), rounds=rounds)
    yield row("EdgeConv, neighbours known", "gather, concatenate", *times, "<= 0.34", note=f"k = {NEIGHBOURS}, {note}")

    times = in_turn(
        lambda: edge_conv.nearest(x, NEIGHBOURS),
        lambda: torch.cdist(x, x).topk(NEIGHBOURS, largest=False),
        rounds=rounds,
    )
    yield row("nearest vertices in feature space", "cdist and topk", *times, note=f"k = {NEIGHBOURS}, batch {batch}")
    torch.set_num_threads(threads)
    yield from signatures(max(2, int(MESHES * scale)))


def signatures(n: int) -> Iterable[Row]:
    """Yield signatures of n meshes against a sparse solver, and read from the disk against computed."""
    meshes = facemesh.VERTICES + np.random.default_rng(0).normal(0, 0.05, (n, VERTICES, 3))

    def sparse() -> None:
        for mesh in meshes:
            stiffness, masses = point_cloud_laplacian(mesh)
            values, vectors = eigsh(stiffness, k=EIGENPAIRS, M=masses, sigma=-1e-8)
            vectors**2 @ np.exp(-np.outer(values, np.geomspace(0.01, 1, 16)))

    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        hks.signatures(meshes, kept)
        own, peer, read = in_turn(
            lambda: hks.signatures(meshes), sparse, lambda: hks.signatures(meshes, kept), rounds=3
        )
    note = f"{EIGENPAIRS} eigenpairs, 16 times, per mesh of {n}"
    yield row("heat kernel signature", "robust_laplacian and eigsh", own / n, peer / n, note=note)
    yield row("heat kernel signature, kept", "computed anew", read / n, own / n, "<= 0.01", note=note)
