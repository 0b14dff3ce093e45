import torch
from torch_geometric.nn import FeaStConv

from tests.training.networks import mesh_graph
from training.networks.feast_conv import FeastConv

HEADS = 3


def pair(edges: torch.Tensor) -> tuple[FeastConv, FeaStConv]:
    """Return our layer and PyG's with the same weights."""
    own, peer = FeastConv(5, 7, HEADS, edges, mesh_graph.VERTICES), FeaStConv(5, 7, heads=HEADS)
    with torch.no_grad():
        own.linear.weight.copy_(peer.lin.weight)
        own.bias.copy_(peer.bias)
        own.u.weight.copy_(peer.u.weight)
        own.c.copy_(peer.c)
    return own, peer


def test_it_equals_pygs_layer_on_copies_of_the_graph():
    edges, x = mesh_graph.edges(), mesh_graph.batch(width=5)
    own, peer = pair(edges)
    pairs = [
        (own.linear.weight, peer.lin.weight),
        (own.u.weight, peer.u.weight),
        (own.c, peer.c),
        (own.bias, peer.bias),
    ]
    mesh_graph.assert_equal(own, mesh_graph.replicated(peer, edges), x, pairs)


def test_the_choice_among_heads_does_not_depend_on_where_the_mesh_is():
    """Translation-invariant: with constant features no head is preferred but by c."""
    edges = mesh_graph.edges()
    own, _ = pair(edges)
    far = own(torch.full((1, mesh_graph.VERTICES, 5), 3.0))
    torch.testing.assert_close(far, far[:, :1].expand_as(far))
