"""The list of runs: what a search finds, by words and by conditions."""

from __future__ import annotations

import pytest

from dashboard.results import listing
from dashboard.results.index import Index
from tests.dashboard.run_table import child, study, table


@pytest.fixture
def found():
    runs = [
        study("a", 0.1, settings='{"latent_size":1}', labels='["good"]', note="the first one"),
        study("b", 0.2, settings='{"latent_size":2}'),
        study("c", 0.3, settings='{"latent_size":12}'),
    ]
    children = [child(run, "final", 1) for run in runs]
    return listing.rows(Index(table(*runs, *children)), listing.KINDS["studies"])


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "abc"),
        ("latent_size=2", "b"),  # a number is equal as a number: 12 is another
        ("latent_size>=2", "bc"),
        ("latent_size!=2", "ac"),
        ("tags=good", "a"),
        ("FIRST one", "a"),
        ('"first one"', "a"),
        ("latent_size>1 test<0.25", "b"),
        ("nowhere", ""),
    ],
)
def test_a_search_by_words_and_conditions(found, text, ids):
    rows, said = listing.matching(found, text)
    assert set(rows["id"]) == set(ids)
    assert not said


def test_an_unknown_name_is_said_with_the_nearest(found):
    rows, said = listing.matching(found, "latent_sizes=2")
    assert rows.empty
    assert said == ["No run has a parameter, setting or column latent_sizes; nearest: latent_size."]


def test_rows_without_a_value_come_last_whichever_way_they_are_sorted(found):
    found.loc[found["id"] == "b", "test"] = float("nan")
    assert listing.ordered(found, "test", True)["id"].tolist() == ["c", "a", "b"]
    assert listing.ordered(found, "test", False)["id"].tolist() == ["a", "c", "b"]
    assert listing.ordered(found, "latent_size", True)["id"].tolist() == ["c", "b", "a"]
