import torch

from training.geometry import topology


def test_edges_go_both_ways_once_and_are_ordered():
    """Two triangles that share a side: five sides, ten edges."""
    edges = topology.edges(torch.tensor([[0, 1, 2], [2, 1, 3]]))
    assert edges.tolist() == [[0, 0, 1, 1, 1, 2, 2, 2, 3, 3], [1, 2, 0, 2, 3, 0, 1, 3, 1, 2]]
    assert topology.degrees(edges, 5).tolist() == [2, 3, 3, 2, 0]


def test_the_other_way_round_is_found():
    looped = topology.looped(topology.edges(torch.tensor([[0, 1, 2], [2, 1, 3]])), 5)
    assert looped.shape == (2, 15)
    assert (looped[0].diff() >= 0).all()
    back = topology.reverse(looped, 5)
    assert torch.equal(looped[:, back], looped.flip(0))
    assert (back == torch.arange(15)).sum() == 5  # the loops
