import torch

from training.networks import topology


def test_edges_go_both_ways_once_and_are_ordered():
    """Two triangles that share a side: five sides, ten edges."""
    edges = topology.edges(torch.tensor([[0, 1, 2], [2, 1, 3]]))
    assert edges.tolist() == [[0, 0, 1, 1, 1, 2, 2, 2, 3, 3], [1, 2, 0, 2, 3, 0, 1, 3, 1, 2]]
    assert topology.degrees(edges, 5).tolist() == [2, 3, 3, 2, 0]


def test_the_table_begins_with_the_vertex_itself():
    edges = topology.edges(torch.tensor([[0, 1, 2], [2, 1, 3]]))
    rows, there = topology.table(edges, 4)
    assert rows.tolist() == [[0, 1, 2, 0], [1, 0, 2, 3], [2, 0, 1, 3], [3, 1, 2, 3]]
    assert there.tolist() == [[True] * 3 + [False], [True] * 4, [True] * 4, [True] * 3 + [False]]
