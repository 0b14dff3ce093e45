"""Pairs that a page chooses have the Leaderboard's answers."""

from __future__ import annotations

from itertools import combinations

import pytest

from affect import statistics
from dashboard.results import comparing, pairs
from tests.dashboard.results.test_comparing import Files, family, final, index


def test_a_pair_of_the_leaderboard_has_its_p_and_its_answer():
    noise = {name: final(0.1 + 0.014 * place, place) for place, name in enumerate("abcde")}
    runs, files = index(*"abcde"), Files(**noise)
    theirs = family(files, runs).pairs
    # asked for in the other order too
    mine = {(one.a, one.b): one for one in pairs.adjusted(files, runs, [*combinations("edcba", 2)], "mae")}
    shared = {pair for pair in theirs if pair in mine}
    assert shared == set(theirs)
    assert all(mine[pair] == theirs[pair] for pair in shared)
    assert any(one.p < comparing.ALPHA <= one.adjusted for one in mine.values()), "one that Holm changes"


def test_pairs_that_the_leaderboard_does_not_test_are_adjusted_together_and_the_better_is_first():
    # b and c share the second rank's tests with nobody: a, the best, is told from both
    files = Files(a=final(0.1, 0), b=final(0.12, 1), c=final(0.13, 2), d=final(0.14, 3))
    runs = index("a", "b", "c", "d")
    known = family(files, runs).pairs
    asked = [pair for pair in combinations("dcba", 2) if pair not in known and pair[::-1] not in known]
    assert len(asked) > 1, "the example has such pairs"
    found = pairs.adjusted(files, runs, asked, "mae")
    assert [one.adjusted for one in found] == pytest.approx(statistics.holm([one.p for one in found]))
    assert all(one.difference <= 0 for one in found)


def test_too_few_groups_are_told_apart_on_neither_page():
    files, runs = Files(a=final(0.1, 0, groups=4), b=final(0.9, 1, groups=4)), index("a", "b")
    assert not family(files, runs).pairs
    (pair,) = pairs.adjusted(files, runs, [("a", "b")], "mae")
    assert "too few" in pair.reason
    answer = comparing.pairs_table(runs, [pair])["answer"].iloc[0]
    assert answer == pair.reason
