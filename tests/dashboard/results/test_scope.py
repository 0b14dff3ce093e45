from __future__ import annotations

from dashboard.results import board, scope
from tests.dashboard.run_table import child, study, table


def test_a_second_protocol_of_the_same_name_leaves_the_first_ones_link_alone():
    old = study("old", 0.4, hours=0)
    assert scope.protocols(table(old)) == ["lma · by clip"]
    new = study("new", 0.3, hours=5, protocol_id="bbbbbbbbbbbb")
    runs = table(new, old)
    assert scope.protocols(runs) == ["lma · by clip · bbbbbb", "lma · by clip"]  # the newest first
    assert list(scope.of_protocol(runs, "lma · by clip").index) == ["old"]
    assert list(scope.of_protocol(runs, "lma · by clip · bbbbbb").index) == ["new"]


def test_runs_of_other_protocols_and_archived_ones_are_not_ranked():
    put_aside = study("archived", 0.1, archived=True)
    runs = table(
        study("a", 0.4),
        study("b", 0.2, protocol="other", protocol_id="c" * 12),
        put_aside,
        child(put_aside, "final", 0),
    )
    mine = scope.of_protocol(runs, "lma · by clip")
    assert list(board.measured(mine, "mae", "all")["run_id"]) == ["a"]
    everything = scope.of_protocol(runs, "lma · by clip", archived=True)
    assert list(board.measured(everything, "mae", "all")["run_id"]) == ["archived", "a"]


def test_only_complete_finals_count_as_seeds():
    parent = study("a", 0.4)
    finals = [child(parent, "final", seed) for seed in (2, 0)]
    failed = child(parent, "final", 1, state="failed")
    runs = table(parent, *finals, failed, child(parent, "trial", 0))
    assert board.measured(runs, "mae", "all")["seeds"].tolist() == [2]
    assert list(scope.finals(runs, "a").index) == ["a-final-0", "a-final-2"]
    assert scope.times_scored(runs) == 1


def test_metrics_and_targets_come_in_a_readers_order():
    figures = {"test/ccc/a": 0.1, "test/ccc/p": 0.2, "test/rmse/p": 0.3, "test.sd/sagr/p": 1, "val/mse/p": 1}
    runs = table(study("a", 0.4, **figures))
    assert scope.measures(runs, "lma · by clip") == (["mae", "rmse", "ccc"], ["all", "p", "a"])


def test_a_metric_is_offered_for_the_targets_that_have_it_alone():
    runs = table(study("a", 0.4, **{"test/ccc/all": 0.5, "test/mae/picture": 0.05, "test/mae/weighed": 1.0}))
    assert scope.measures(runs, "lma · by clip") == (["mae", "ccc"], ["all", "picture", "weighed"])
    assert scope.having(runs, "lma · by clip", "mae", ["all", "picture", "weighed"]) == ["all", "picture"]
    assert scope.having(runs, "lma · by clip", "ccc", ["all", "picture"]) == ["all"]
