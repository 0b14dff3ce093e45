from __future__ import annotations

import math

import pandas as pd
import pytest

from dashboard.reading.table import Runs
from dashboard.results import trials
from dashboard.results.index import Index
from dashboard.results.study import Study
from tests.dashboard.run_table import index, study

BEGIN = pd.Timestamp("2026-01-01", tz="UTC")


def trial(number: int, state: str, value: float = math.nan, seconds: float | None = 10, **more: object) -> dict:
    start = BEGIN + pd.Timedelta(minutes=number)
    end = pd.NaT if seconds is None else start + pd.Timedelta(seconds=seconds)
    row = {"kind": "trial", "study": "s", "parent": "study", "trial": str(number), "state": state}
    return row | {"val/mae/all": value, "start": start, "end": end} | more


def final(seed: int, val: float, test: float) -> dict:
    row = {"kind": "final", "study": "s", "parent": "study", "seed": str(seed), "state": "complete"}
    return row | {"val/mae/all": val, "test/mae/all": test, "start": BEGIN, "end": BEGIN}


def store(*rows: dict, **tags: object) -> Study:
    head = {
        "kind": "study",
        "study": "s",
        "method": "motion/lma_to_pad",
        "dataset": "lma",
        "protocol": "lma · by clip · P A D",
        "settings": '{"features":"all"}',
        "synthetic": "false",
        "objective": "mae",
        "direction": "minimize",
        "state": "running",
        "trials_total": "10",
        "repeats": "3",
        "start": BEGIN,
    }
    ids = ["study", *(f"run{i}" for i in range(len(rows)))]
    return Index(Runs.of(pd.DataFrame([head | tags, *rows], index=pd.Index(ids, name="run_id")))).study("study")


def test_trials_stand_in_the_order_of_their_numbers_and_failed_ones_have_no_value():
    runs = store(trial(2, "complete", 0.3), trial(0, "complete", 0.4), trial(1, "failed", 0.1, reason="boom"))
    table = runs.trials()
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["value"].isna().tolist() == [False, True, False]
    assert table.loc[1, "reason"] == "boom"
    assert table["seconds"].tolist() == [10, 10, 10]


def test_a_pruned_trial_has_the_last_value_of_its_curve():
    runs = store(trial(0, "pruned"), trial(1, "complete", 0.3))
    curves = pd.DataFrame(
        {"run_id": ["run0"] * 3, "metric": ["val/mae", "val/mae", "train/loss"], "step": [5, 4, 9], "value": [2, 3, 7]}
    )
    table = runs.trials(curves)
    assert table["value"].tolist() == [2, 0.3]
    assert math.isnan(runs.trials().loc[0, "value"])


def test_trials_of_another_study_are_not_counted():
    other = trial(0, "complete", 0.1) | {"study": "other", "parent": "elsewhere"}
    runs = store(trial(0, "complete", 0.4), other)
    assert runs.trials()["value"].tolist() == [0.4]


@pytest.mark.parametrize(("direction", "number"), [("minimize", 1), ("maximize", 2)])
def test_best_follows_the_direction_and_ignores_pruned_trials(direction, number):
    runs = store(trial(0, "pruned", 0.0), trial(1, "complete", 0.2), trial(2, "complete", 0.5), trial(3, "pruned", 9))
    row = trials.best(runs.trials(), direction)
    assert row is not None
    assert row["trial"] == number


def test_best_of_no_complete_trial_is_none():
    runs = store(trial(0, "failed"))
    assert trials.best(runs.trials(), "minimize") is None


def test_time_left_is_shared_by_the_workers():
    one = store(*(trial(i, "complete", 0.5, seconds=20) for i in range(4)), trial(4, "running", seconds=None))
    two = store(*(trial(i, "complete", 0.5, seconds=20) for i in range(4)), *(trial(i, "running") for i in (4, 5)))
    assert trials.time_left(one.trials(), 10) == 6 * 20
    assert trials.time_left(two.trials(), 10) == 6 * 20 / 2


def test_time_left_is_unknown_before_the_first_trial_ends_and_zero_when_all_are_done():
    early = store(trial(0, "running", seconds=None))
    done = store(*(trial(i, "complete", 0.5) for i in range(10)))
    assert math.isnan(trials.time_left(early.trials(), 10))
    assert trials.time_left(done.trials(), 10) == 0


def test_a_study_says_how_long_its_fits_took_and_what_else_it_did():
    ended = {"state": "complete", "end": BEGIN + pd.Timedelta(seconds=448)}
    refit = final(1, 0.3, 0.4) | {"end": BEGIN + pd.Timedelta(seconds=360), "cost/seconds": 15.0}
    of = store(
        trial(0, "complete", 0.3, 30, **{"cost/seconds": 25.0}), trial(1, "failed", seconds=None), refit, **ended
    )
    assert of.time_text == (
        "Took 7 min 28 s from start to end: trials 30 s, of which fits 25 s; final runs 6 min, of which fits 15 s. "
        "The rest is reading data, scoring, and the evaluations of final runs."
    )
    assert store(**ended).time_text == "Took 7 min 28 s from start to end."
    assert store(trial(0, "running", seconds=None)).time_text == ""


def test_summary_counts_complete_and_pruned_trials_as_done():
    runs = store(
        trial(0, "complete", 0.4),
        trial(1, "pruned", 0.9),
        trial(2, "failed"),
        trial(3, "running", seconds=None),
        final(0, 0.4, 0.5),
        deadline="1767229200",
    )
    found = runs.summary
    assert (found.done, found.total, found.best, found.best_trial) == (2, 10, 0.4, 0)
    assert found.live
    assert runs.record.synthetic is False
    assert found.seeds_text == "1 of 3 seeds"
    assert runs.record.settings_text == "features all"
    assert runs.record.deadline == pd.Timestamp("2026-01-01 01:00", tz="UTC")


def test_optimism_sets_the_search_beside_the_refits():
    runs = store(trial(0, "complete", 0.30), final(0, 0.33, 0.40), final(1, 0.35, 0.44), best_value="0.3")
    table = runs.optimism.set_index("stage")
    assert table.loc["search, validation", ["value", "fits"]].tolist() == [0.3, 1]
    assert table.loc["refitted, validation", "value"] == pytest.approx(0.34)
    assert table.loc["refitted, validation", "difference"] == pytest.approx(0.04)
    assert table.loc["refitted, test", "sd"] == pytest.approx(0.04 / math.sqrt(2))


def test_optimism_is_empty_without_a_winner_and_has_one_row_without_finals():
    none = store(trial(0, "failed"))
    searching = store(trial(0, "complete", 0.4))
    assert none.optimism.empty
    assert searching.optimism["stage"].tolist() == ["search, validation"]


def test_a_trial_without_a_readable_number_is_left_out_and_no_other_is():
    runs = store(trial(0, "complete", 0.4), trial(1, "complete", 0.3) | {"trial": "many"})
    assert runs.trials()["trial"].tolist() == [0]
    assert runs.index.problems == ("run run1: trial: expected a number, found many",)


def test_the_best_trials_configuration_is_given():
    runs = store(trial(0, "complete", 0.4, **{"param.depth": 3}), trial(1, "complete", 0.3, **{"param.depth": 5}))
    assert runs.best_parameters.to_numpy().tolist() == [["depth", 5]]
    assert store(trial(0, "failed")).best_parameters.empty


def test_of_two_objectives_the_best_trial_is_the_one_that_the_study_names():
    objectives = '["val/mae/all","val/mse/picture"]'
    rows = trial(0, "complete", 0.4), trial(1, "complete", 0.3)
    assert store(*rows, objectives=objectives).winner is None
    assert store(*rows, objectives=objectives, best_trial="0").winner["trial"] == 0


def test_only_studies_of_the_same_objective_and_weights_are_comparable():
    runs = index(
        study("a", 0.3),
        study("b", 0.3),
        study("c", 0.3, weights='{"p":2,"a":1}'),
        study("d", 0.3, objectives='["val/ccc/all"]'),
        study("e", 0.3, protocol_id="other"),
    )
    assert runs.study("a").comparable == {"b": "b"}


def test_a_test_fold_has_a_search_a_best_trial_and_finals_of_its_own():
    folds = pd.array([1, 1, 2, 2, 1, 2], "Int64")
    rows = [
        *(trial(0, "complete", 0.4), trial(1, "complete", 0.2), trial(0, "complete", 0.1), trial(1, "complete", 0.3)),
        *(final(1, 0.25, 0.5), final(1, 0.15, 0.9)),
    ]
    whole = store(*[row | {"fold": fold} for row, fold in zip(rows, folds, strict=True)], test_folds=2, repeats="1")
    assert whole.folds == [1, 2]
    assert whole.winner is None
    first, second = (whole.of_fold(fold) for fold in whole.folds)
    assert first is whole.of_fold(1)
    assert [study.trials()["value"].tolist() for study in (first, second)] == [[0.4, 0.2], [0.1, 0.3]]
    assert [int(study.winner["trial"]) for study in (first, second)] == [1, 0]
    assert [len(study.finals) for study in (first, second)] == [1, 1]
    assert first.optimism["value"].tolist() == pytest.approx([0.2, 0.25, 0.5])
    assert second.optimism["value"].tolist() == pytest.approx([0.1, 0.15, 0.9])
