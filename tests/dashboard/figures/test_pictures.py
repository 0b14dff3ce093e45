from __future__ import annotations

import base64
import struct

import pytest

from dashboard.figures import pictures
from tests import fake_faces
from tests import fake_results as made

SPEC = fake_faces.STUDIES[1]
GOOD = fake_faces.png(0.5, 0.5)


@pytest.fixture
def samples():
    return fake_faces.samples(SPEC, made.predict(SPEC, 1))


def header(width: int, height: int) -> bytes:
    return GOOD[:16] + struct.pack(">II", width, height) + GOOD[24:]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg onload=alert(1)>" * 9,
        GOOD[:20],
        b"\xff\xd8\xff" + GOOD,
        header(64, 100_000),
        header(0, 64),
        GOOD + bytes(pictures.MAX_BYTES),
        "text",
        None,
    ],
)
def test_what_is_no_small_png_is_never_shown(data, samples):
    assert pictures.is_png(GOOD)
    assert not pictures.is_png(data)
    column = [data if i == 0 else png for i, png in enumerate(samples["png"])]
    kept, refused = pictures.shown(samples.assign(png=column))
    assert (len(kept), refused) == (len(samples) - 1, 1)


def test_people_are_shown_only_where_it_was_asked_for():
    assert pictures.may_show_people(synthetic=True, environment={})
    assert not pictures.may_show_people(synthetic=False, environment={})
    assert not pictures.may_show_people(synthetic=False, environment={pictures.SHOW: "yes"})
    assert pictures.may_show_people(synthetic=False, environment={pictures.SHOW: "1"})


def test_a_reconstruction_stands_below_its_picture(samples):
    errors = fake_faces.picture_errors(SPEC)
    tiles, lines = pictures.pairs(samples, errors)
    assert lines == ["real", "reconstructed"]
    by_place = {(tile.line, tile.column): tile for tile in tiles}
    for column in range(6):
        above, below = by_place[0, column], by_place[1, column]
        assert above.hover.partition("<br>")[0] == below.hover.partition("<br>")[0]
        assert "MSE" in below.hover
    figure = pictures.draw(tiles, lines)
    first = figure.layout.images[0]
    assert base64.b64decode(first.source.partition(",")[2]) == tiles[0].png
    assert (first.x, first.y) == (tiles[0].column, tiles[0].line)


def test_a_traversal_goes_from_low_to_high_in_one_strip_a_picture(samples):
    tiles, lines, steps = pictures.traversals(samples, "z_v")
    assert len(lines) == 2
    assert steps[0] == "-2"
    assert steps[-1] == "+2"
    assert "0" in steps
    assert sorted((t.line, t.column) for t in tiles) == [(i, j) for i in range(2) for j in range(len(steps))]
    first = min(tiles, key=lambda t: (t.line, t.column))
    assert first.hover.endswith("step -2 sd")


def test_generated_pictures_stand_in_the_order_of_their_steps(samples):
    tiles, lines = pictures.generated(samples.sample(frac=1, random_state=0))
    assert lines == ["step 100", "step 200"]
    assert all(tile.hover.endswith(lines[tile.line]) for tile in tiles)


def test_a_table_to_download_has_no_pictures(samples):
    assert "png" not in pictures.facts(samples)
