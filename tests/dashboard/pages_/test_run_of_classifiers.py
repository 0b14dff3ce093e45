"""Pages older than classifiers, with a classifier's runs: classes for numbers, the majority for the mean."""

from __future__ import annotations

import pytest

from dashboard import share
from dashboard.views import view
from tests import fake_meshes
from tests.dashboard.looking import index_of, look

REAL = fake_meshes.REAL[1]
PROTOCOL = "ckplus · by person · emotion"


def test_the_card_says_the_majority_and_what_was_published_upright_and_rotated(meshes):
    shown = look(meshes, "run", REAL.name, top=True)
    assert "predicting the most frequent class" in shown.said
    assert "under random rotations" in shown.said
    assert "published 0.7468" in shown.said


def test_the_first_figure_is_the_confusion(meshes):
    assert "predicted class" in str(look(meshes, "run", REAL.name, top=True).figures[0]["layout"])


def test_rotations_are_drawn_and_listed(meshes):
    shown = look(meshes, "run", REAL.name, view="Rotations")
    table = shown.tables[-1]
    assert table["run"].tolist() == ["final run, seed 1", "final run, seed 2"]
    assert {"upright", "rotated", "± sd over draws"} <= set(table.columns)
    assert "degrees" in str(shown.figures[0]["layout"])


def test_mistakes_are_listed_the_most_confident_first(meshes):
    table = look(meshes, "errors", fake_meshes.STUDIES[1].name, view="Classes").tables[-1]
    assert (table["truth"] != table["predicted"]).all()
    confidence = next(column for column in table if "probability" in column)
    assert table[confidence].is_monotonic_decreasing


def test_the_leaderboard_does_not_rank_what_no_paired_test_can_compare(meshes):
    shown = look(meshes, "leaderboard", protocol=PROTOCOL, target="rotated")
    table = shown.tables[0]
    assert table["type"].value_counts().to_dict() == {"published": 4, "measured": 2, "baseline": 1}
    assert set(table["rank"]) == {"–"}
    assert "no paired test is possible" in shown.said


def test_as_a_table_it_is_the_sources_two_tables(meshes):
    shown = look(meshes, "leaderboard", view="As a table", protocol=PROTOCOL)
    assert [heading for heading in shown.headings if heading] == ["upright", "under random rotations"]
    upright, rotated = (frame.set_index("method") for frame in shown.tables[:2])
    assert list(upright.columns) == ["hks · none", "hks · train", "xyz · none", "xyz · train"]
    assert upright.loc["dgcnn", "xyz · train"] == "(published 0.514)"
    assert rotated.loc["dgcnn", "xyz · none"].endswith("(published 0.072)")


def test_the_latex_of_a_leaderboard_is_a_table_for_a_thesis(meshes):
    section = look(meshes, "leaderboard", protocol=PROTOCOL).sections[-1]
    section = next(s for s in look(meshes, "leaderboard", protocol=PROTOCOL).sections if s.latex is not None)
    text = section.latex()
    assert r"\caption{" in text
    assert "NaT" not in text


def test_newest_results_stand_beside_a_baseline(meshes):
    assert look(meshes, "overview", view="Newest results").tables[0]["baseline"].notna().all()


@pytest.mark.parametrize("page", ["run", "errors"])
def test_a_shared_run_has_its_confusion(meshes, page):
    index, store = index_of(meshes)
    text = share.file(index, store, [view.load(page)], index.asked([REAL.name])[0])
    assert "true class" in text
