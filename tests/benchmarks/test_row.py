from __future__ import annotations

import time

import pytest

from tests.benchmarks.row import in_turn, row


def test_a_lower_ratio_is_ours_over_the_peers():
    made = row("networks", "DataLoader", 0.7, 1.0, "<= 0.8")
    assert (made.ratio, made.met, made.better) == (0.7, True, "lower")
    assert not row("networks", "DataLoader", 0.9, 1.0, "<= 0.8").met


def test_a_higher_ratio_is_how_many_times_faster_ours_is():
    made = row("reading", "search_runs", 0.1, 5.0, ">= 30")
    assert (made.ratio, made.met, made.better) == (50.0, True, "higher")
    assert not row("reading", "search_runs", 1.0, 5.0, ">= 30").met


def test_a_row_without_target_promises_nothing():
    assert row("study", "fit alone", 2.0, 1.0).met


def test_an_unreadable_target_is_refused():
    with pytest.raises(ValueError, match="about 3"):
        row("reading", "peer", 1.0, 1.0, "about 3")


def test_works_are_timed_in_turn_and_warm_rounds_are_not_counted(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    order: list[str] = []

    def work(name: str, seconds: list[float]) -> None:
        order.append(name)
        clock[0] += seconds.pop(0)

    ours, peers = [100.0, 1.0, 2.0, 9.0], [100.0, 4.0, 4.0, 5.0]
    assert in_turn(lambda: work("ours", ours), lambda: work("peer", peers), rounds=3, warm=1) == [2.0, 4.0]
    assert order == ["ours", "peer"] * 4
