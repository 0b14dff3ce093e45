from __future__ import annotations

import math

import pandas as pd
import pytest

from dashboard.results import study_table as figures

BEGIN = pd.Timestamp("2026-01-01", tz="UTC")


def trial(number: int, state: str, value: float = math.nan, seconds: float | None = 10, **more: object) -> dict:
    start = BEGIN + pd.Timedelta(minutes=number)
    end = pd.NaT if seconds is None else start + pd.Timedelta(seconds=seconds)
    row = {"kind": "trial", "study": "s", "parent": "study", "trial": str(number), "state": state}
    return row | {"val/mae/all": value, "start": start, "end": end} | more


def final(seed: int, val: float, test: float) -> dict:
    row = {"kind": "final", "study": "s", "parent": "study", "seed": str(seed), "state": "complete"}
    return row | {"val/mae/all": val, "test/mae/all": test, "start": BEGIN, "end": BEGIN}


def store(*rows: dict, **tags: object) -> pd.DataFrame:
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
    index = ["study", *(f"run{i}" for i in range(len(rows)))]
    return pd.DataFrame([head | tags, *rows], index=pd.Index(index, name="run_id"))


def test_trials_stand_in_the_order_of_their_numbers_and_failed_ones_have_no_value():
    runs = store(trial(2, "complete", 0.3), trial(0, "complete", 0.4), trial(1, "failed", 0.1, reason="boom"))
    table = figures.trials(runs, runs.loc["study"])
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["value"].isna().tolist() == [False, True, False]
    assert table.loc[1, "reason"] == "boom"
    assert table["seconds"].tolist() == [10, 10, 10]


def test_a_pruned_trial_has_the_last_value_of_its_curve():
    runs = store(trial(0, "pruned"), trial(1, "complete", 0.3))
    curves = pd.DataFrame(
        {"run_id": ["run0"] * 3, "metric": ["val/mae", "val/mae", "train/loss"], "step": [5, 4, 9], "value": [2, 3, 7]}
    )
    table = figures.trials(runs, runs.loc["study"], curves)
    assert table["value"].tolist() == [2, 0.3]
    assert math.isnan(figures.trials(runs, runs.loc["study"]).loc[0, "value"])


def test_trials_of_another_study_are_not_counted():
    other = trial(0, "complete", 0.1) | {"study": "other", "parent": "elsewhere"}
    runs = store(trial(0, "complete", 0.4), other)
    assert figures.trials(runs, runs.loc["study"])["value"].tolist() == [0.4]


@pytest.mark.parametrize(("direction", "number"), [("minimize", 1), ("maximize", 2)])
def test_best_follows_the_direction_and_ignores_pruned_trials(direction, number):
    runs = store(trial(0, "pruned", 0.0), trial(1, "complete", 0.2), trial(2, "complete", 0.5), trial(3, "pruned", 9))
    row = figures.best(figures.trials(runs, runs.loc["study"]), direction)
    assert row is not None
    assert row["trial"] == number


def test_best_of_no_complete_trial_is_none():
    runs = store(trial(0, "failed"))
    assert figures.best(figures.trials(runs, runs.loc["study"]), "minimize") is None


def test_time_left_is_shared_by_the_workers():
    one = store(*(trial(i, "complete", 0.5, seconds=20) for i in range(4)), trial(4, "running", seconds=None))
    two = store(*(trial(i, "complete", 0.5, seconds=20) for i in range(4)), *(trial(i, "running") for i in (4, 5)))
    assert figures.time_left(figures.trials(one, one.loc["study"]), 10) == 6 * 20
    assert figures.time_left(figures.trials(two, two.loc["study"]), 10) == 6 * 20 / 2


def test_time_left_is_unknown_before_the_first_trial_ends_and_zero_when_all_are_done():
    early = store(trial(0, "running", seconds=None))
    done = store(*(trial(i, "complete", 0.5) for i in range(10)))
    assert math.isnan(figures.time_left(figures.trials(early, early.loc["study"]), 10))
    assert figures.time_left(figures.trials(done, done.loc["study"]), 10) == 0


def test_summary_counts_complete_and_pruned_trials_as_done():
    runs = store(
        trial(0, "complete", 0.4),
        trial(1, "pruned", 0.9),
        trial(2, "failed"),
        trial(3, "running", seconds=None),
        final(0, 0.4, 0.5),
        deadline="1767229200",
    )
    found = figures.summary(runs, runs.loc["study"])
    assert (found.done, found.total, found.best, found.best_trial) == (2, 10, 0.4, 0)
    assert found.live
    assert not found.synthetic
    assert found.finals == 1
    assert found.settings == "features=all"
    assert found.deadline == pd.Timestamp("2026-01-01 01:00", tz="UTC")


def test_optimism_sets_the_search_beside_the_refits():
    runs = store(trial(0, "complete", 0.30), final(0, 0.33, 0.40), final(1, 0.35, 0.44), best_value="0.3")
    table = figures.optimism(runs, runs.loc["study"]).set_index("stage")
    assert table.loc["search, validation", ["value", "fits"]].tolist() == [0.3, 1]
    assert table.loc["refitted, validation", "value"] == pytest.approx(0.34)
    assert table.loc["refitted, validation", "difference"] == pytest.approx(0.04)
    assert table.loc["refitted, test", "sd"] == pytest.approx(0.04 / math.sqrt(2))


def test_optimism_is_empty_without_a_winner_and_has_one_row_without_finals():
    none = store(trial(0, "failed"))
    searching = store(trial(0, "complete", 0.4))
    assert figures.optimism(none, none.loc["study"]).empty
    assert figures.optimism(searching, searching.loc["study"])["stage"].tolist() == ["search, validation"]


def test_settings_that_are_no_json_are_shown_as_they_are():
    assert figures.settings(pd.Series({"settings": "{broken"})) == "{broken"
    assert figures.settings(pd.Series({"settings": '{"b":2,"a":1}'})) == "a=1;b=2"


def test_a_killed_run_without_a_state_goes_by_mlflows_status():
    assert figures.state(pd.Series({"status": "KILLED"})) == "failed"
    assert figures.state(pd.Series({"status": "FINISHED", "state": math.nan})) == "complete"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.26, "4.3 s"), (48, "48 s"), (720, "12 min"), (12_000, "3 h 20 min"), (math.nan, "unknown")],
)
def test_durations_read_as_people_say_them(seconds, words):
    assert figures.duration(seconds) == words
