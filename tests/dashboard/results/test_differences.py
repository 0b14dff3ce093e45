"""What differs between runs, and their scores against a baseline: the numbers of the Leaderboard's pairs."""

from __future__ import annotations

import math

from affect import statistics
from dashboard.results import comparing, differences
from dashboard.results.index import Index
from tests.dashboard.results.test_comparing import Files, final, index
from tests.dashboard.run_table import child, study, table


def test_only_what_differs_is_left_and_a_missing_value_is_a_dash():
    one, two = study("a", 0.1, settings='{"latent_size":1}'), study("b", 0.2, settings='{"window":4}')
    runs = Index(table(one, two))
    facts = differences.facts(runs, {name: (runs.record(name),) * 2 for name in "ab"})
    differ = differences.differing(facts).set_index("what")
    assert differ.loc["latent_size", ["a", "b"]].tolist() == ["1", "–"]
    assert differ.loc["window", ["a", "b"]].tolist() == ["–", "4"]
    assert "method" in set(facts["what"])
    assert "method" not in differ.index


def test_the_test_against_the_baseline_is_that_of_the_leaderboard():
    runs, files = index("a", "b"), Files(a=final(0.1, 0), b=final(0.9, 1))
    [pair] = differences.against(files, runs, "a", ["b"], "mae")
    known = comparing.family(files, runs.protocol_of("a"), "mae").pair("b", "a")
    assert (pair.difference, pair.p, pair.adjusted) == (known.difference, known.p, known.adjusted)
    assert differences.answer(pair, "mae") == "worse than the baseline"


def test_runs_of_another_protocol_have_a_score_no_difference_and_a_reason():
    one, two = study("a", 0.1), study("b", 0.2, protocol_id="bbbbbbbbbbbb", data_version="2")
    runs = Index(table(one, two, child(one, "final", 1), child(two, "final", 1)))
    pairs = differences.against(Files(a=final(0.1, 0), b=final(0.9, 1)), runs, "a", ["b"], "mae")
    row = differences.scored(runs, pairs, "mae", "all", "a").iloc[1]
    assert row["score"] == 0.2
    assert math.isnan(row["difference"])
    assert row["answer"] == "not tested: different protocols"
    assert differences.protocols(runs.record("a"), runs.record("b")) == ["data version"]


def test_peers_are_the_run_and_the_best_others_of_its_protocol():
    runs = index("a", "b", "c")
    assert differences.peers(runs, "c") == ["c", "a", "b"]
    assert differences.peers(runs, "c", 2) == ["c", "a"]


def test_pairs_that_the_leaderboard_does_not_test_are_corrected_together():
    runs = index("a", "b", "c")
    files = Files(a=final(0.1, 0), b=final(0.9, 1), c=final(0.9, 2))
    family = comparing.family(files, runs.protocol_of("a"), "mae")
    found = differences.against(files, runs, "c", ["a-final-1", "b-final-1"], "mae")
    assert all(family.pair(pair.a, pair.b) is None for pair in found)
    assert [pair.adjusted for pair in found] == list(statistics.holm([pair.p for pair in found]))


def test_what_the_leaderboard_does_not_rank_is_not_tested_here_either():
    runs, files = index("a", "b"), Files(a=final(0.1, 0, groups=4), b=final(0.9, 1, groups=4))
    tests = differences.against(files, runs, "a", ["b"], "mae")
    row = differences.scored(runs, tests, "mae", "all", "a").iloc[1]
    assert "too few" in row["answer"]
    assert math.isnan(row["p"])
    assert row["difference"] == row["difference"]
