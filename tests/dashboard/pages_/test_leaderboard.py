"""The leaderboard's table: columns and order as the address asks for, links that stay with their rows."""

from __future__ import annotations

import pytest

from tests.dashboard.looking import index_of, look


def rows(store, **answers):
    index, _ = index_of(store)
    answers["protocol"] = next(
        label for label, of in index.protocols.items() if len(of.scores(of.objective).dropna()) > 1
    )
    section = next(one for one in look(store, "leaderboard", **answers).sections if one.key == "leaderboard")
    return section.frame, section.opens


@pytest.fixture
def usual(meshes):
    return rows(meshes)


def test_nobody_chose_so_the_usual_columns_stand_best_first(usual):
    table, links = usual
    assert list(table.columns[:2]) == ["rank", "method"]
    assert not {"code", "hours"} & set(table)
    measured = table[table["type"] == "measured"]
    scores = measured.filter(like="test ").iloc[:, 0].astype(float)
    assert scores.is_monotonic_increasing or scores.is_monotonic_decreasing
    assert [link is None for link in links] == [kind != "measured" for kind in table["type"]]


def test_columns_and_order_are_chosen_and_links_follow(meshes, usual):
    score = next(c for c in usual[0] if c.startswith("test "))
    validation = score.replace("test", "validation")
    table, links = rows(
        meshes, columns_board=["study", validation, "code", score], sort_board=validation, rising_board=True
    )
    assert list(table) == ["rank", "method", "study", validation, "code", score]
    known = table[validation].astype(float).dropna()
    assert len(known) > 1
    assert known.is_monotonic_increasing
    assert table[validation].isna().to_numpy()[len(known) :].all()  # baselines and published rows have none
    for study, link in zip(table["study"], links, strict=True):
        assert (link is None) == (not study)
        assert link is None or link.label == f"Open {study}"
