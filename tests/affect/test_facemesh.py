from __future__ import annotations

from collections import Counter

import numpy as np

from affect import facemesh
from affect.facemesh import MIRROR, REGIONS, TRIANGLES, VERTICES


def test_the_triangles_are_one_sheet_of_all_vertices():
    edges = Counter((int(t[i]), int(t[(i + 1) % 3])) for t in TRIANGLES for i in range(3))
    assert {*TRIANGLES.ravel().tolist()} == {*range(468)}
    assert max(edges.values()) == 1, "neighbours turn in the same sense, so each direction of an edge occurs once"
    border = [edge for edge in edges if edge[::-1] not in edges]
    assert len(border) == 36, "the outline of the face, one closed line: eyes and mouth are closed"


def test_the_mirror_image_is_the_face_itself():
    assert (MIRROR[MIRROR] == np.arange(468)).all()
    np.testing.assert_array_equal(VERTICES[MIRROR], VERTICES * (-1, 1, 1))
    turned = {tuple(sorted(row)) for row in MIRROR[TRIANGLES].tolist()}
    assert turned == {tuple(sorted(row)) for row in TRIANGLES.tolist()}


def test_regions_share_no_vertex_and_have_two_like_sides():
    vertices = [vertex for region in REGIONS.values() for vertex in region]
    assert len(vertices) == len({*vertices})
    for region in REGIONS.values():
        assert {*MIRROR[[*region]].tolist()} == {*region}
    names = facemesh.region_of()
    assert {*names.tolist()} == {*REGIONS, facemesh.REST}
    assert {name: int((names == name).sum()) for name in REGIONS} == {name: len(of) for name, of in REGIONS.items()}


def test_regions_lie_where_a_face_has_them():
    heights = [VERTICES[[*REGIONS[name]], 1].mean() for name in ("brow", "eye", "nose", "lips", "chin")]
    assert heights == sorted(heights, reverse=True)
    assert VERTICES[[*REGIONS["nose"]], 2].max() == VERTICES[:, 2].max(), "the tip of the nose is nearest"
