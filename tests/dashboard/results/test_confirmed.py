"""The best trials fitted again: means, drops and which one was chosen."""

from __future__ import annotations

import math

import pytest

from dashboard.results import confirmed
from dashboard.results.index import Index
from tests.dashboard.run_table import child, study, table


def index():
    whole = study("s", 0.3, best_trial=1, confirm_top="2")
    trials = [
        child(whole, "trial", number, **{"val/mae/all": value, "state": "complete"})
        for number, value in ((0, 0.10), (1, 0.12), (2, 0.30))
    ]
    again = [
        child(whole, "confirmation", 10 * number + k, trial=number, seed=1001 + k, value=str(value), state=state)
        for number, k, value, state in (
            (0, 0, 0.20, "complete"),
            (0, 1, math.nan, "failed"),
            (1, 0, 0.13, "complete"),
            (1, 1, 0.15, "complete"),
        )
    ]
    return Index(table(whole, *trials, *again, child(whole, "final", 1, trial=1)))


def test_each_trial_has_its_mean_and_what_it_lost():
    rows = confirmed.table(index().study("s")).set_index("trial")
    assert list(rows.index) == [1, 0]
    assert rows.loc[1, "again"] == pytest.approx(0.14)
    assert rows.loc[1, "sd"] == pytest.approx(0.0141, abs=1e-4)
    assert rows.loc[1, "drop"] == pytest.approx(0.02)
    assert rows.loc[0, "fits"] == 1  # the other one raised
    assert rows["chosen"].to_dict() == {1: True, 0: False}
    said = confirmed.sentence(rows.reset_index(), "MAE")
    assert "With new seeds the first 2 trials are 0.06 worse in MAE on average" in said
    assert "Trial 1 has the best mean and was refitted" in said


def test_the_best_trial_is_the_one_that_the_study_names():
    assert index().study("s").best_number == 1  # trial 0 was better in the search


def test_confirmations_count_neither_as_trials_nor_as_final_runs():
    found = index().study("s")
    assert len(found.trials()) == 3
    assert len(found.finals) == 1


def test_a_study_without_them_shows_nothing():
    whole = study("s", 0.3)
    assert confirmed.table(Index(table(whole, child(whole, "trial", 0))).study("s")).empty
