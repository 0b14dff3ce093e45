from __future__ import annotations

import math

import pandas as pd
import pytest

from affect.published import published
from affect.statistics import Paired
from dashboard.results import board, card
from tests.dashboard.run_table import child, study, table

NOW = pd.Timestamp("2026-01-01 03:10", tz="UTC")
FIGURES = {
    "test.sd/mae/all": 0.004,
    "test.low/mae/all": 0.33,
    "test.high/mae/all": 0.38,
    "test.groups/mae/all": 14,
    "test.mean/mae/all": 0.45,
}


def make(*rows: dict, run: str = "a") -> card.Card:
    return card.make(table(*rows), run, published().iloc[:0], NOW)


def test_a_studys_card_has_the_headline_its_spread_and_what_stands_beside():
    parent = study("a", 0.357, **FIGURES)
    found = make(parent, *(child(parent, "final", s) for s in range(3)))
    assert found.title == "one · latent size 1"
    assert found.headline_label == "test MAE, mean over 2 targets"
    assert found.headline == 0.357
    assert found.spread == "± 0.004 sd over 3 seeds; 95 % interval 0.3300 – 0.3800 over 14 clips; lower is better"
    assert [(b.label, b.value) for b in found.beside] == [("always the mean", 0.45)]
    facts = dict(found.facts)
    assert facts["Data"].startswith("lma, REAL")
    assert facts["Split"] == "by clip: 32 train, 9 validation, 8 test clips; persons unknown"
    assert facts["Predicts"] == "p, a from features"
    assert facts["Made"] == "by ada, 3 hours ago, took 10 min, commit 0123456789 (uncommitted changes)"


def test_synthetic_data_is_called_so():
    found = make(study("a", 0.3, synthetic=True, dataset="synthetic_motion"))
    assert found.synthetic is True
    assert "SYNTHETIC" in dict(found.facts)["Data"]


def test_a_trial_shows_validation_only_and_stands_beside_nothing():
    parent = study("a", 0.357, **FIGURES)
    trial = child(parent, "trial", 4, **{"val/mae/all": 0.5, "test/mae/all": 0.1})
    found = make(parent, trial, run="a-trial-4")
    assert found.headline_label.startswith("validation MAE")
    assert found.headline == 0.5
    assert found.beside == ()
    assert found.kind == "trial 4"


def test_a_running_study_shows_its_best_so_far_and_says_where():
    found = make(study("a", state="running", best_value=0.31, end=pd.NaT))
    assert found.headline == 0.31
    assert "best validation MAE so far" in found.headline_label


def test_without_an_interval_the_number_of_groups_is_said():
    found = make(study("a", 0.3, **{"test.groups/mae/all": 8}))
    assert "8 clips: too few for an interval" in found.spread


def test_the_linear_baseline_is_that_of_the_same_settings_and_not_the_newest():
    def baseline(rotations: str) -> card.Beside:
        settings = '{"features":"xyz","rotations":"%s"}'
        mine = study("a", 0.6, method="meshes/dgcnn", settings=settings % rotations)
        upright = study("u", 0.8, method="meshes/linear", settings=settings % "none", end=NOW)
        turned = study("t", 0.2, method="meshes/linear", settings=settings % "train", end=NOW + pd.Timedelta("1h"))
        return next(b for b in make(mine, upright, turned).beside if b.label.startswith("linear"))

    assert (baseline("none").label, baseline("none").value) == ("linear baseline", 0.8)
    assert baseline("train").value == 0.2
    assert (baseline("else").label, baseline("else").value) == ("linear baseline, other settings", 0.2)


def test_the_linear_baseline_and_what_was_published_for_these_settings_stand_beside():
    mine = study("a", 0.3, method="motion/lma_vae", targets='["max_hand_distance"]')
    linear = study("l", 0.4, method="motion/linear")
    found = card.make(table(mine, linear), "a", published(), NOW)
    beside = {b.label: b for b in found.beside}
    assert beside["linear baseline"].value == 0.4
    assert beside["published, split not stated"].value == pytest.approx(0.1567, abs=1e-4)
    other = card.make(table(mine | {"settings": '{"latent_size":2}'}, linear), "a", published(), NOW)
    assert not [b.label for b in other.beside if b.label.startswith("published")]


def test_a_run_of_another_program_has_a_card_too():
    found = make({"run_id": "x", "name": "somebody's", "status": "FINISHED", "start": NOW, "end": NOW}, run="x")
    assert found.title == "somebody's"
    assert not found.known
    assert found.kind == "run that Affectory did not write"


def test_a_run_is_found_by_the_first_letters_of_its_id_where_they_are_enough():
    runs = table(study("abcd1234"), study("abcd5678"), study("ffff0000"))
    assert card.find(runs, "ffff") == "ffff0000"
    assert card.find(runs, "abcd1234") == "abcd1234"
    assert card.find(runs, "abcd") is None
    assert card.find(runs, "f") is None
    assert card.find(runs, "") is None


def test_standing_names_the_second_best_and_whether_they_can_be_told_apart():
    rows = board.measured(table(study("a", 0.30), study("b", 0.35, settings='{"latent_size":2}')), "mae", "all")
    surely = card.standing(rows, "a", lambda a, b: Paired(-0.05, -0.08, -0.02, 0.004, 14), "mae")
    assert surely.startswith(
        "best of 2 studies; second is one · latent size 2 (0.3500); told apart: difference -0.0500"
    )
    assert "p = 0.004 over 14 groups" in surely
    unsure = card.standing(rows, "b", lambda a, b: Paired(0.05, math.nan, math.nan, 0.3, 8), "mae")
    assert unsure.startswith("number 2 of 2 studies; best is one · latent size 1 (0.3000); cannot be told apart")
    assert "95 %" not in unsure
    assert "not compared" in card.standing(rows, "a", lambda a, b: None, "mae")
    assert card.standing(rows.iloc[:1], "a", lambda a, b: None, "mae") == "the only study of this protocol so far"
    assert card.standing(rows, "elsewhere", lambda a, b: None, "mae") == ""


def test_parameters_are_told_from_settings():
    run = table(study("a", **{"param.depth": 5.0, "param.rate": 0.01, "param.other": math.nan})).iloc[0]
    assert card.parameters(run).to_numpy().tolist() == [
        ["depth", "5", "searched"],
        ["rate", "0.01", "searched"],
        ["latent_size", "1", "setting"],
    ]


def test_scores_have_a_column_a_metric_and_test_comes_first():
    figures = {"test/ccc/all": 0.5, "test/mae/p": 0.2, "val/mae/all": 0.4, "test.mean/mae/all": 0.6}
    run = table(study("a", 0.3, **figures))
    found = card.scores(run.iloc[0])
    assert found[["part", "row", "target"]].to_numpy().tolist() == [
        ["test", "method", "all"],
        ["test", "always the mean", "all"],
        ["test", "method", "p"],
        ["validation", "method", "all"],
    ]
    assert found["MAE"].tolist() == [0.3, 0.6, 0.2, 0.4]
    assert found["CCC"].iloc[0] == 0.5


def test_finals_stand_above_trials_each_by_their_numbers():
    parent = study("a", 0.3)
    trials = [child(parent, "trial", n, state="failed" if n == 10 else "complete") for n in (10, 2)]
    finals = [child(parent, "final", s, **{"test/mae/all": 0.3}) for s in (1, 0)]
    found = card.below(table(parent, *trials, *finals), "a")
    assert found["run"].tolist() == ["final run, seed 0", "final run, seed 1", "trial 2", "trial 10"]
    assert found["test MAE"].isna().tolist() == [False, False, True, True]
