import pytest
import torch
from torch import nn
from torch_geometric.nn import EdgeConv as PyGEdgeConv

from tests.training.networks import mesh_graph
from training.networks import edge_conv
from training.networks.edge_conv import EdgeConv


def test_it_equals_pygs_layer_on_the_same_neighbours():
    x = mesh_graph.batch(width=5)
    own = EdgeConv(5, 7, k=6)
    inner = nn.Linear(10, 7)
    peer = PyGEdgeConv(inner)  # which draws the weights of what it is given anew
    inner.load_state_dict(own.linear.state_dict())
    neighbours = edge_conv.nearest(x, 6)
    n, v, k = neighbours.shape
    source = (neighbours + v * torch.arange(n)[:, None, None]).flatten()
    target = torch.arange(n * v).repeat_interleave(k)

    def flat(values: torch.Tensor) -> torch.Tensor:
        return peer(values.reshape(n * v, -1), torch.stack([source, target])).view(n, v, -1)

    mesh_graph.assert_equal(own, flat, x, [(own.linear.weight, inner.weight), (own.linear.bias, inner.bias)])


@pytest.mark.parametrize("v", [9, 16, 17, 513])
def test_it_finds_the_nearest_itself_among_them(v):
    x = torch.randn(3, v, 4, generator=torch.Generator().manual_seed(0))
    found = edge_conv.nearest(x, 9).sort(dim=2).values
    expected = torch.cdist(x.double(), x.double()).topk(9, largest=False).indices.sort(dim=2).values
    # two whose distances differ in the fourth digit may change places
    assert (found == expected).float().mean() > 0.999
    assert (found == torch.arange(v)[:, None]).any(dim=2).all()
