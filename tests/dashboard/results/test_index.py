"""Runs are found by study, protocol and name; one notion of final for all pages."""

import pandas as pd
import pytest

from dashboard.reading.table import Runs
from dashboard.results.index import Index
from tests.dashboard.run_table import child, frame, study, table


def two_of_a_name() -> Index:
    old = study("a" * 32, 0.3, study="same", name="same")
    new = study("b" * 32, 0.4, hours=5, study="same", name="same", protocol="other", protocol_id="bbbbbbbbbbbb")
    files = {"artifacts": '["predictions.parquet"]'}
    finals = [child(of, "final", seed, **files) for of in (old, new) for seed in (1, 2)]
    return Index(table(old, new, *finals))


def test_two_studies_of_one_name_stay_two():
    index = two_of_a_name()
    assert index.titles == {"a" * 32: "same", "b" * 32: "same · bbbbbbbb"}
    assert index.final_ids("b" * 32) == ["b" * 32 + "-final-1", "b" * 32 + "-final-2"]
    assert index.asked(["same"]) == (["a" * 32], []), "an old link keeps its meaning"
    assert list(index.choices()) == ["b" * 32, "a" * 32, *index.final_ids("b" * 32), *index.final_ids("a" * 32)]
    assert len(set(index.choices().values())) == 6


def test_finals_are_complete_and_unarchived_and_by_seed():
    of = study("one", 0.3, repeats=5)
    index = Index(
        table(
            of,
            child(of, "final", 3),
            child(of, "final", 1),
            child(of, "final", 2, state="failed", reason="ValueError: nan"),
            child(of, "final", 4, archived=True),
            child(of, "trial", 0),
        )
    )
    assert [run.seed for run in index.finals("one")] == [1, 3]
    assert index.seeds("one") == (2, 5)
    assert [run.reason for run in index.study("one").failed_finals] == ["ValueError: nan"]
    assert index.study("one").summary.seeds_text == "2 of 5 seeds (1 failed)"
    assert index.final_ids("one-final-3") == ["one-final-3"]
    assert index.final_ids("one-trial-0") == []


def test_an_archived_study_and_its_finals_are_not_offered():
    of, put_aside = study("one", 0.3), study("two", 0.2, hours=1, archived=True)
    index = Index(table(of, put_aside, child(of, "final", 1), child(put_aside, "final", 1)))
    assert list(index.choices()) == ["one", "one-final-1"]
    assert index.archived("two-final-1")
    assert not index.archived("one-final-1")
    assert index.asked(["two"])[0] == ["two"], "who asks for it by name sees it"


def test_a_run_is_named_by_id_letters_study_or_title():
    index = two_of_a_name()
    assert index.find("aaaa") is None, "three runs begin so"
    assert index.find("same · seed 2") == "a" * 32 + "-final-2"
    assert index.find("a" * 32) == "a" * 32
    assert index.asked(["same · seed 1,same · bbbbbbbb", "gone"]) == (["a" * 32 + "-final-1", "b" * 32], ["gone"])
    assert index.asked(["same"], ["projections.parquet"]) == ([], ["same"])
    assert index.nearest("sam")[0] == "same · bbbbbbbb"


def test_children_without_their_parent_go_by_their_studys_name():
    of = study("one", 0.3)
    index = Index(table(of, child(of, "final", 1, parent="gone"), child(of, "final", 2, parent="gone", study="none")))
    assert index.final_ids("one") == ["one-final-1"]
    assert index.study_of("one-final-1") == "one"
    assert index.study_of("one-final-2") is None


def test_a_test_set_is_counted_over_protocols():
    first = study("one", 0.3, split="s1")
    second = study("two", 0.3, split="s1", protocol="other targets", protocol_id="b")
    third = study("three", 0.3, split="s2")
    index = Index(table(first, second, third, *(child(of, "final", 1) for of in (first, second, third))))
    assert index.protocol_of("one").times_scored == 2
    assert index.times_scored == {"s1": 2, "s2": 1}


def test_protocols_keep_their_plain_name_for_the_first():
    first, later = study("one", 0.3), study("two", 0.3, hours=3, protocol_id="cccccccccccc")
    index = Index(table(first, later))
    assert {label: protocol.studies for label, protocol in index.protocols.items()} == {
        "lma · by clip · cccccc": ("two",),
        "lma · by clip": ("one",),
    }


def test_problems_are_named_once_a_run():
    odd = study("one", 0.3, settings="[1]", groups="3")
    index = Index(table(odd, study("two", 0.3), child(odd, "trial", 0, start=pd.NaT)))
    assert [problem.partition(":")[0] for problem in index.problems] == ["run one", "run one-tria"]
    assert "settings" in index.problems[0]
    assert "groups" in index.problems[0]
    assert index.record("one").settings == {}


def test_a_bare_foreign_study_hurts_nobody():
    index = Index(table({"run_id": "bare", "kind": "study"}, study("one", 0.3)))
    assert index.study("bare").summary.done == 0
    assert index.title("bare") == "run bare"
    assert index.finals("bare") == []
    assert list(index.protocols) == ["lma · by clip"]
    with pytest.raises(KeyError):
        index.record("nobody")


def test_an_empty_store_has_nothing():
    index = Index(Runs.of(frame(study("x")).iloc[:0]))
    assert (index.studies, index.protocols, index.choices(), index.problems) == ((), {}, {}, ())
