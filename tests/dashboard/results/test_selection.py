from __future__ import annotations

import pandas as pd

from dashboard.results import selection

IDS = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


def runs() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "kind": ["study", "final", "final", "final"],
            "study": pd.Categorical(["one", "one", "one", "two"]),
            "seed": [0, 0, 1, 0],
            "artifacts": ["[]", '["predictions.parquet"]', '["predictions.parquet", "x"]', '["log.txt"]'],
            "start": pd.to_datetime([1, 2, 3, 4], unit="s", utc=True),
        },
        index=pd.Index(IDS, name="run_id"),
    )
    return table


def test_finals_with_nothing_to_draw_are_left_out_and_the_newest_comes_first():
    found = selection.finals(runs())
    assert found["title"].tolist() == ["one · seed 1", "one · seed 0"]


def test_a_store_without_runs_has_nothing_to_choose():
    assert selection.options(selection.finals(runs().iloc[:0])) == {}


def test_a_study_is_all_its_finals_and_each_can_be_chosen_alone():
    options = selection.options(selection.finals(runs()))
    assert options == {"one": [IDS[2], IDS[1]], "one · seed 1": [IDS[2]], "one · seed 0": [IDS[1]]}


def test_two_finals_of_one_name_are_told_apart_by_their_ids():
    twice = runs().assign(seed=0)
    assert selection.finals(twice)["title"].tolist() == ["one · seed 0", "one · seed 0 · bbbbbbbb"]


def test_addresses_may_name_runs_by_name_id_or_beginning_of_an_id():
    options = selection.options(selection.finals(runs()))
    assert selection.asked(["one"], options, runs()) == (["one"], [])
    assert selection.asked([f"{IDS[1]},{IDS[2][:10]}"], options, runs()) == (["one · seed 0", "one · seed 1"], [])
    assert selection.asked([IDS[0]], options, runs()) == (["one"], [])
    assert selection.asked(["three", "one", "one"], options, runs()) == (["one"], ["three"])


def test_an_unreadable_list_of_artifacts_counts_as_none():
    assert selection.listed("[broken") == selection.listed(float("nan")) == selection.listed('"text"') == set()
