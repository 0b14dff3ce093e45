from __future__ import annotations

import math

import pandas as pd
import pytest

from affect.published import published
from dashboard.results import card
from tests.dashboard.run_table import child, index, study

NOW = pd.Timestamp("2026-01-01 03:10", tz="UTC")
FIGURES = {
    "test.sd/mae/all": 0.004,
    "test.low/mae/all": 0.33,
    "test.high/mae/all": 0.38,
    "test.groups/mae/all": 14,
    "test.mean/mae/all": 0.45,
}


def make(*rows: dict, run: str = "a") -> card.Card:
    return card.make(index(*rows), run, NOW, paper=published().iloc[:0])


def test_a_studys_card_has_the_headline_its_spread_and_what_stands_beside():
    parent = study("a", 0.357, **FIGURES)
    found = make(parent, *(child(parent, "final", s) for s in range(3)))
    assert found.title == "one · latent size 1"
    assert found.headline_label == "test MAE, mean over 2 targets"
    assert found.headline == 0.357
    assert found.spread == "± 0.004 sd over 3 seeds; 95 % interval 0.3300 – 0.3800 over 14 clips; lower is better"
    assert [(b.label, b.value) for b in found.references] == [("predicting the train mean", 0.45)]
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
    assert found.references == ()
    assert found.kind == "trial 4"


def test_a_running_study_shows_its_best_so_far_and_says_where():
    found = make(study("a", state="running", best_value=0.31, end=pd.NaT))
    assert found.headline == 0.31
    assert "best validation MAE so far" in found.headline_label


def test_without_an_interval_the_number_of_groups_is_said():
    found = make(study("a", 0.3, **{"test.groups/mae/all": 8}))
    assert "8 clips, no interval" in found.spread


def test_the_linear_baseline_is_that_of_the_same_settings_and_not_the_newest():
    def baseline(rotations: str) -> card.Reference:
        settings = '{"features":"xyz","rotations":"%s"}'
        mine = study("a", 0.6, method="meshes/dgcnn", settings=settings % rotations)
        upright = study("u", 0.8, method="meshes/linear", settings=settings % "none", end=NOW)
        turned = study("t", 0.2, method="meshes/linear", settings=settings % "train", end=NOW + pd.Timedelta("1h"))
        return next(b for b in make(mine, upright, turned).references if b.label.startswith("linear"))

    assert (baseline("none").label, baseline("none").value) == ("linear baseline", 0.8)
    assert baseline("train").value == 0.2
    assert (baseline("else").label, baseline("else").value) == ("linear baseline, other settings", 0.2)


def test_the_linear_baseline_and_what_was_published_for_these_settings_stand_beside():
    mine = study("a", 0.3, method="motion/lma_vae", targets='["max_hand_distance"]')
    linear = study("l", 0.4, method="motion/linear")
    found = card.make(index(mine, linear), "a", NOW)
    references = {one.label: one for one in found.references}
    assert references["linear baseline"].value == 0.4
    paper = references["published (latent size 1)"]
    assert paper.value == pytest.approx(0.1567, abs=1e-4)
    assert paper.why == "its split is not stated"
    assert "The published 0.157 is not comparable: its split is not stated." in found.sentence
    other = card.make(index(mine | {"settings": '{"latent_size":2}'}, linear), "a", NOW)
    assert not [one.label for one in other.references if one.label.startswith("published")]


def test_an_archived_linear_baseline_is_no_reference():
    hidden = study("l", 0.99, method="motion/linear", archived=True)
    assert not make(study("a", 0.3), hidden).references
    shown = study("m", 0.4, method="motion/linear")
    assert [one.value for one in make(study("a", 0.3), hidden, shown).references] == [0.4]


def test_the_sentence_says_what_from_what_how_good_and_against_what():
    parent = study("a", 0.36, **FIGURES, method_title="Boosted trees from LMA features to PAD")
    assert make(parent).sentence == (
        "Boosted trees from LMA features to PAD predicts p, a on lma (REAL data). Test MAE is 0.360 (95 % interval "
        "0.330 to 0.380), 20 % better than predicting the train mean."
    )
    assert (
        make(study("a", state="running", end=pd.NaT)).sentence == "one predicts p, a from features on lma (REAL data)."
    )


@pytest.mark.parametrize(
    ("value", "other", "metric", "words"),
    [
        (0.36, 0.45, "mae", "20 % better than"),
        (0.9, 0.45, "mae", "100 % worse than"),
        (0.6, 0.2, "f1", "0.400 better than"),
        (0.1, 0.2, "ccc", "0.100 worse than"),
        (0.2, 0.2, "mae", "the same as"),
        (0.2, 0.0, "mae", "0.200 worse than"),
    ],
)
def test_how_much_better_is_said_as_the_metric_needs_it(value, other, metric, words):
    assert card.difference(value, other, metric) == words


def test_badges_and_caveats_name_what_limits_a_score():
    parent = study("a", 0.3, protocol="faces · by person · valence arousal transferred", repeats=3)
    runs = index(parent, child(parent, "final", 1), child(parent, "final", 2, state="failed"))
    summary = {"notes": ["157 windows recur in another group: test is not wholly unseen", "persons unknown: maybe"]}
    found = card.make(runs, "a", NOW, summary, published().iloc[:0])
    assert found.badges == (
        "REAL data",
        "TRANSFERRED LABELS",
        "persons unknown",
        "copies across the split",
        "code not committed",
    )
    assert found.caveats[-1] == "157 windows recur in another group: test is not wholly unseen."
    assert "1 of 3 seeds (1 failed): the scores leave those out." in found.caveats
    assert sum("ersons" in text for text in found.caveats) == 1
    assert ("Read this first", found.caveats[0]) in found.frame().itertuples(index=False, name=None)


@pytest.mark.parametrize("summary", [None, [], "text", {"notes": "text"}, {"notes": None}, 3])
def test_an_odd_data_summary_has_no_notes(summary):
    assert card.make(index(study("a", 0.3)), "a", NOW, summary, published().iloc[:0]).badges[0] == "REAL data"


def test_an_odd_record_still_has_a_card_that_says_so():
    odd = study("a", 0.3, settings="[1]", groups="3", targets="5", labels="3", machine="[]", weights="[1]")
    found = make(odd)
    assert found.title == "one"
    assert len([text for text in found.caveats if text.startswith("Not readable")]) == 6


def test_a_run_of_another_program_has_a_card_too():
    found = make({"run_id": "x", "name": "somebody's", "status": "FINISHED", "start": NOW, "end": NOW}, run="x")
    assert found.title == "somebody's"
    assert not found.known
    assert found.kind == "run that Affectory did not write"


def test_parameters_are_told_from_settings():
    run = index(study("a", **{"param.depth": 5.0, "param.rate": 0.01, "param.other": math.nan}))
    assert card.parameters(run, "a").to_numpy().tolist() == [
        ["depth", "5", "searched"],
        ["rate", "0.01", "searched"],
        ["latent_size", "1", "setting"],
    ]


def test_scores_have_their_spread_and_baselines_beside_them_and_test_comes_first():
    figures = {"test/ccc/all": 0.5, "test/mae/p": 0.2, "val/mae/all": 0.4, "test.mean/mae/all": 0.6}
    figures |= {"test.sd/mae/all": 0.01, "test.low/mae/all": 0.2, "test.high/mae/all": 0.35}
    found = card.scores(index(study("a", 0.3, **figures)), "a")
    assert found[["part", "target", "metric", "score"]].to_numpy().tolist() == [
        ["test", "mean over all targets", "MAE", 0.3],
        ["test", "mean over all targets", "CCC", 0.5],
        ["test", "p", "MAE", 0.2],
        ["validation", "mean over all targets", "MAE", 0.4],
    ]
    beside = ["± sd over seeds", "95 % low", "95 % high", "predicting the train mean"]
    assert found.columns.tolist() == ["part", "target", "metric", "score", *beside]
    assert found[beside].iloc[0].tolist() == [0.01, 0.2, 0.35, 0.6]
    assert found[beside].iloc[1:].isna().all(axis=None)


def test_finals_stand_above_trials_each_by_their_numbers():
    parent = study("a", 0.3)
    trials = [child(parent, "trial", n, state="failed" if n == 10 else "complete") for n in (10, 2)]
    finals = [child(parent, "final", s, **{"test/mae/all": 0.3}) for s in (1, 0)]
    found = card.below(index(parent, *trials, *finals), "a")
    assert found["run"].tolist() == ["final run, seed 0", "final run, seed 1", "trial 2", "trial 10"]
    assert found["test MAE"].isna().tolist() == [False, False, True, True]
