"""Every page of a study whose trials were scored on three folds."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from affect import record
from tests.dashboard.looking import index_of, look

VAE = "lma-vae-latent_size-1-lma"
CURVE = "val/mae"
MEAN = 0.25
"""What a pruned trial has on its one fold."""


@pytest.fixture(scope="module")
def on_folds(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which the trials of one study have three folds, a pruned one its first."""
    folder = Path(shutil.copytree(filled, tmp_path_factory.mktemp("folds") / "store"))
    index, _ = index_of(filled)
    (study,) = index.asked([VAE])[0]
    trials = index.records(str(run) for run in index.runs.index[index.children(study, "trial")])
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        for run in (index.record(study), *index.finals(study), *trials):
            store.execute("insert into tags values (?, ?, ?)", (record.tag("search_folds"), "3", run.run_id))
            store.execute("delete from tags where key = ? and run_uuid = ?", (record.tag("refit"), run.run_id))
            store.execute("insert into tags values (?, ?, ?)", (record.tag("refit"), "all", run.run_id))
        for run in (one for one in trials if one.state in ("complete", "pruned")):
            done = 1 if run.state == "pruned" else 3
            value = MEAN if run.state == "pruned" else index.score(run.run_id, "val/mae/all")
            for fold in range(1, done + 1):
                key = record.curve(record.fold_curve(fold, CURVE))
                store.execute(
                    "insert into metrics (key, value, timestamp, run_uuid, step, is_nan) select ?, value + ?, "
                    "timestamp, run_uuid, step, is_nan from metrics where key = ? and run_uuid = ? and step < ?",
                    (key, fold / 10, record.curve(CURVE), run.run_id, 9 - fold),
                )
                store.execute(
                    "insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, 0, ?, ?, 0)",
                    (record.curve(record.FOLDS + CURVE), value + (fold - (done + 1) / 2) / 10, run.run_id, fold),
                )
            store.execute("delete from metrics where key = ? and run_uuid = ?", (record.curve(CURVE), run.run_id))
            store.execute(
                "update tags set value = ? where key = ? and run_uuid = ? and value like 'pruned at%'",
                (f"pruned after fold 1 of 3: mean validation mae {MEAN}", record.tag("reason"), run.run_id),
            )
    return folder


def section(shown, heading):
    return next(one for one in shown.sections if one.heading == heading)


def trial(folder: Path, state: str) -> str:
    index, _ = index_of(folder)
    (study,) = index.asked([VAE])[0]
    return next(
        run.run_id for run in index.study(study).index.records(index.study(study).trial_ids) if run.state == state
    )


def test_the_study_says_what_scored_its_trials(on_folds):
    said = look(on_folds, "study", VAE, top=True).said
    assert "Each trial is scored on 3 folds by clip" in said


def test_each_trial_has_its_folds_with_their_spread(on_folds):
    table = section(look(on_folds, "study", VAE), "The 3 folds by clip of each trial").frame
    complete = table[table["state"] == "complete"]
    assert (complete.groupby("trial").size() == 3).all()
    assert complete["sd"].tolist() == pytest.approx([0.1] * len(complete))
    assert complete.groupby("trial")["value"].mean().tolist() == pytest.approx(
        complete.groupby("trial")["mean"].first()
    )
    pruned = table[table["state"] == "pruned"]
    assert len(pruned)
    assert pruned["value"].tolist() == [MEAN] * len(pruned)


def test_a_pruned_trial_stands_at_its_mean_so_far_and_after_the_complete_ones(on_folds):
    table = look(on_folds, "study", VAE, view="Trials").tables[0]
    pruned = table[table["state"] == "pruned"]
    assert pruned["folds"].tolist() == ["1 of 3"] * len(pruned)
    assert pruned["MAE on validation"].tolist() == [MEAN] * len(pruned)
    assert (table["state"] == "complete").sum() == table.index[table["state"] == "pruned"][0], (
        "complete ones come first"
    )
    assert "cannot be held against complete trials" in look(on_folds, "study", VAE).said


def test_the_search_score_is_of_as_many_fits_as_folds(on_folds):
    table = section(look(on_folds, "study", VAE), "Search score and score after refitting").frame
    assert table["stage"].iloc[0] == "search, mean over 3 folds by clip"
    assert table["fits"].iloc[0] == 3


def test_the_epochs_of_every_fold_are_drawn_and_their_mean_ends_with_the_shortest(on_folds):
    shown = look(on_folds, "study", VAE, view="Epochs")
    assert len(shown.figures) == 2
    one = shown.tables[1]
    last = one.groupby("fold")["step"].max()
    assert last["1"] > last["3"]
    assert last["mean"] == last["3"]
    at_first = one[one["step"] == one["step"].min()].set_index("fold")["value"]
    assert at_first["mean"] == pytest.approx(at_first[["1", "2", "3"]].mean())


def test_views_of_complete_trials_say_what_they_leave_out(on_folds):
    assert "left out: " in look(on_folds, "study", VAE, view="Parameters").said
    assert " pruned" in section(look(on_folds, "study", VAE), "Share of trials that reach a score").text


def test_the_page_of_a_trial_has_its_folds_and_says_what_it_lacks(on_folds):
    run = trial(on_folds, "complete")
    assert "Predictions, the model and what is computed from them" in look(on_folds, "run", run, top=True).said
    shown = look(on_folds, "run", run, view="Curves")
    assert section(shown, "Score on each fold").frame["fold"].tolist() == [1, 2, 3]
    assert section(shown, "validation MAE").frame["run_id"].nunique() == 4, "three folds and their mean"
    assert not [heading for heading in shown.headings if "fold 1" in heading]
    numbers = shown.tables[-1]
    of_objective = numbers[numbers["curve"] == "validation MAE"]
    assert of_objective["run"].str.rpartition(", ")[2].tolist() == ["search fold 1", "search fold 2", "search fold 3"]


def test_the_page_of_a_pruned_trial_says_when_it_was_pruned(on_folds):
    run = trial(on_folds, "pruned")
    assert "pruned after fold 1 of 3" in look(on_folds, "run", run, top=True).said
    assert "Not every fold has been scored" in look(on_folds, "run", run, view="Curves").said


def test_a_final_that_was_fitted_on_validation_says_so_beside_its_curves(on_folds, filled):
    words = "curves on validation are of samples that the fit has seen"
    assert words in look(on_folds, "run", VAE, view="Curves").said
    assert words not in look(filled, "run", VAE, view="Curves").said


@pytest.mark.parametrize(
    ("page", "view", "words"),
    [
        ("runs", "Trials", "pruned after fold 1 of 3"),
        ("runs", "Studies", "3 folds by clip"),
        ("data", "By part", "1 study on 3 folds by clip"),
        ("leaderboard", "", "search on 3 folds by clip"),
    ],
)
def test_other_pages_name_the_folds(on_folds, page, view, words):
    shown = look(on_folds, page, VAE, view=view)
    assert words in shown.said + "\n".join(table.to_csv() for table in shown.tables)
