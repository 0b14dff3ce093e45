from __future__ import annotations

import math

import pandas as pd

from dashboard.results import progress
from dashboard.results.study import Study
from tests.dashboard.run_table import BEGIN, child, index, study


def minutes(count: float) -> pd.Timestamp:
    return BEGIN + pd.Timedelta(minutes=count)


def running(*runs: dict, **tags: object) -> Study:
    return index(study("now", state="running", end=pd.NaT, **{"trials_total": 2, "repeats": 3, **tags}), *runs).study(
        "now"
    )


NOW = study("now")
TRIALS = [
    child(NOW, "trial", i, state="complete", start=minutes(i), end=minutes(i + 1), **{"val/mae/all": 0.5})
    for i in range(2)
]


def final(number: int, state: str, start: float, end: float | None = None, **more: object) -> dict:
    ended = pd.NaT if end is None else minutes(end)
    return child(NOW, "final", number, state=state, start=minutes(start), end=ended, **more)


def test_a_study_searches_until_its_trials_are_done_and_then_refits():
    assert progress.stage(running(TRIALS[0])) == progress.SEARCHING
    assert progress.stage(running(*TRIALS)) == progress.REFITTING
    assert progress.stage(running(*TRIALS, final(0, "running", 2))) == progress.REFITTING
    # a search that a deadline ended early
    assert progress.stage(running(TRIALS[0], final(0, "running", 2))) == progress.REFITTING


def test_a_final_run_that_has_its_cost_is_being_evaluated():
    fitted = final(0, "running", 2, **{"cost/seconds": 30.0})
    assert progress.stage(running(*TRIALS, fitted)) == progress.EVALUATING
    between = final(0, "complete", 2, 4, **{"cost/seconds": 30.0})
    assert progress.stage(running(*TRIALS, between)) == progress.REFITTING


def test_a_study_that_ended_is_in_no_stage():
    assert progress.stage(index(study("now", state="complete"), *TRIALS).study("now")) == ""


def test_the_time_left_counts_refits_by_the_best_trial_until_one_has_ended():
    left = progress.time_left(running(TRIALS[0]), minutes(1))
    assert left == (60 + 3 * 60, False)
    assert left.text == "about 4 min left without evaluations"


def test_the_time_left_counts_evaluations_once_a_final_run_has_ended():
    ended = final(0, "complete", 2, 7)
    half = final(1, "running", 7)
    left = progress.time_left(running(*TRIALS, ended, half), minutes(9))
    assert left == (2 * 300 - 120, True)
    late = progress.time_left(running(*TRIALS, ended, half), minutes(60))
    assert late.seconds == 300  # one that takes long is about to end, and another comes after it


def test_a_final_run_that_failed_is_not_waited_for():
    ended = [final(0, "complete", 2, 7), final(1, "failed", 7, 8), final(2, "complete", 8, 13)]
    assert progress.time_left(running(*TRIALS, *ended), minutes(13)).seconds == 0


def test_nothing_is_known_before_the_first_trial_ends():
    left = progress.time_left(running(child(NOW, "trial", 0, state="running", end=pd.NaT)), minutes(1))
    assert math.isnan(left.seconds)
    assert left.text == ""


def test_a_refit_after_folds_takes_less_than_a_trial_and_a_running_trial_is_partly_done():
    folds = {"search_folds": "4"}
    left = progress.time_left(running(TRIALS[0], **folds), minutes(1))
    assert left == (60 + 3 * 60 / 3, False)
    begun = child(NOW, "trial", 1, state="running", start=minutes(1), end=pd.NaT)
    assert progress.time_left(running(TRIALS[0], begun, **folds), minutes(1.5)).seconds == 30 + 3 * 60 / 3


def test_the_time_left_of_a_study_tested_by_folds_counts_its_refits():
    of_folds = [run | {"fold": str(i + 1)} for i, run in enumerate(TRIALS)]
    left = progress.time_left(running(*of_folds, test_folds="2", trials_total=3, repeats=1), minutes(2))
    assert left == (60 + 2 * 60, False)
