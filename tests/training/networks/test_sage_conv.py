import torch
from torch_geometric.nn import SAGEConv

from tests.training.networks import mesh_graph
from training.networks.sage_conv import SageConv


def test_it_equals_pygs_layer_on_copies_of_the_graph():
    """Outputs, and the gradients of inputs and weights."""
    edges, x = mesh_graph.edges(), mesh_graph.batch(width=5)
    own, peer = SageConv(5, 7, edges, mesh_graph.VERTICES), SAGEConv(5, 7)
    with torch.no_grad():
        peer.lin_l.weight.copy_(own.neighbour.weight)
        peer.lin_l.bias.copy_(own.neighbour.bias)
        peer.lin_r.weight.copy_(own.own.weight)
    pairs = [(own.neighbour.weight, peer.lin_l.weight), (own.own.weight, peer.lin_r.weight)]
    mesh_graph.assert_equal(own, mesh_graph.replicated(peer, edges), x, pairs)


def test_a_vertex_without_neighbours_keeps_its_own_part_alone():
    edges = torch.tensor([[0, 1], [1, 0]])
    layer = SageConv(2, 2, edges, vertices=3)
    x = torch.randn(1, 3, 2)
    torch.testing.assert_close(layer(x)[0, 2], layer.own(x)[0, 2] + layer.neighbour.bias)
