from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from affect.record import Artifact
from tests import fake_faces
from tests.dashboard.conftest import FEW
from tests.dashboard.looking import look

RUNNING = "lma-to-pad-features-with_jerk-synthetic-motion"
VAE, OTHER = "lma-vae-latent_size-1-lma", "lma-vae-latent_size-2-lma"


@pytest.fixture
def copied(filled, tmp_path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "copied"))


def test_the_newest_study_is_chosen_and_written_into_the_address(visit, filled, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(filled))
    page = visit("study")
    assert not page.exception
    assert page.multiselect(key="runs box").value[0].startswith(page.query_params["runs"][0])


def test_a_study_whose_process_died_is_not_called_running(filled):
    shown = look(filled, "study", RUNNING, top=True)
    assert any("No activity for" in text for text in shown.messages("warning"))
    assert "Time left, about" not in shown.said
    assert "\nRunning\n" not in shown.said


def test_the_summary_says_method_protocol_and_settings(filled):
    said = look(filled, "study", VAE, top=True).said
    assert "lma_vae on lma · by clip · 27 features reconstructed" in said
    assert "latent size 1" in said


def test_the_best_trial_is_held_against_the_defaults(filled):
    shown = look(filled, "study", VAE)
    best = next(section for section in shown.sections if section.heading == "Best trial")
    assert list(best.frame.columns)[1] == "default (trial 0)"
    assert "on validation" in best.text
    trials = look(filled, "study", VAE, view="Trials").tables[0]
    number = int(str(best.frame.columns[2]).removeprefix("best (trial ").rstrip(")"))
    assert trials.loc[trials["best"] != "", "trial"].tolist() == [number]
    assert trials["trial"].iloc[0] == number  # the best comes first


def test_the_search_score_stands_beside_its_refits(filled):
    optimism = next(t for t in look(filled, "study", VAE).tables if "stage" in t)
    assert optimism["stage"].tolist() == ["search, validation", "refitted, validation", "refitted, test"]
    assert optimism["fits"].tolist() == [1, 2, 2]


@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        ("Progress", ["History", "Share of trials that reach a score", "Timeline"]),
        ("Parameters", ["Importance", "All parameters at once", "One parameter at a time", "Two parameters together"]),
        ("Trials", ["Failed trials"]),
    ],
)
def test_every_view_has_its_parts(filled, view, wanted):
    shown = look(filled, "study", VAE, view=view)
    assert [heading for heading in shown.headings if heading in wanted] == wanted


@pytest.mark.parametrize("view", ["Epochs", "Trade-off"])
def test_two_studies_are_both_drawn(filled, view):
    shown = look(filled, "study", VAE, OTHER, view=view)
    assert len(shown.figures) == 2
    assert [heading for heading in shown.headings if heading in (VAE, OTHER)] == [VAE, OTHER]


def test_the_importance_evaluator_is_named_in_the_figure(filled):
    titles = [
        look(filled, "study", VAE, view="Parameters", evaluator=evaluator).figures[0]["layout"]["xaxis"]["title"][
            "text"
        ]
        for evaluator in ("PED-ANOVA", "mean decrease impurity")
    ]
    assert titles == ["share of importance (PED-ANOVA)", "share of importance (mean decrease impurity)"]


def test_a_page_says_how_many_of_the_parameters_it_draws(filled):
    shown = look(filled, "study", VAE, view="Parameters")
    text = next(section.text for section in shown.sections if "parameters" in section.text and " of " in section.text)
    assert text.split(" parameters")[0].replace(" of ", " ").split()[0].isdigit()


def test_parameters_are_called_ordered_only_where_their_importance_is_known(faces, filled):
    assert "the most important first" not in look(faces, "study", fake_faces.STUDIES[0].name, view="Parameters").said
    assert "the most important first" in look(filled, "study", "lma-to-pad-synthetic-motion", view="Parameters").said


def test_a_failed_trial_shows_its_reason_and_traceback_as_text(filled):
    shown = look(filled, "study", VAE, view="Trials", failed="3")
    assert "<b>neck_speed</b>" in shown.messages("error")[0]
    assert "Traceback" in shown.said


def test_a_damaged_space_is_named_and_the_parameters_are_shown_nevertheless(copied):
    for file in copied.rglob(Artifact.SPACE):
        file.write_text('{"distributions": {"depth": {"name": "Nonsense"}}}')
    shown = look(copied, "study", VAE, view="Parameters")
    assert "parameter 'depth'" in shown.said
    assert len(shown.figures) == 4


def test_values_outside_the_space_are_said_and_drawn(copied):
    choices = '{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "iqr"]}}'
    for file in copied.rglob(Artifact.SPACE):
        file.write_text(f'{{"distributions": {{"outliers": {choices}}}}}')
    assert any("outliers" in text for text in look(copied, "study", VAE, view="Parameters").messages("warning"))


def test_a_missing_log_leaves_the_reason(copied):
    for file in copied.rglob(Artifact.LOG):
        file.unlink()
    assert "neck_speed" in look(copied, "study", VAE, view="Trials", failed="3").said


def test_a_failed_study_says_why_on_its_page(copied):
    import sqlite3

    from tests import fake_store

    study = fake_store.ids("study", VAE, 0)
    with sqlite3.connect(copied / "mlflow.db") as store:
        store.execute("UPDATE tags SET value = 'failed' WHERE key = 'affectory.state' AND run_uuid = ?", (study,))
        store.execute(
            "INSERT OR REPLACE INTO tags (key, value, run_uuid) VALUES ('affectory.reason', 'five in a row', ?)",
            (study,),
        )
    assert any("five in a row" in text for text in look(copied, "study", VAE, top=True).messages("error"))
    assert "five in a row" in str(look(copied, "overview", view="Needs attention").tables[0].to_dict())


def test_of_two_objectives_the_front_and_its_winner_are_drawn_and_said(faces):
    assert "smallest sum of ranks" in look(faces, "study", "face-vae-discrete-synthetic-faces", top=True).said
    figure = look(faces, "study", "face-vae-discrete-synthetic-faces", view="Trade-off").figures[0]
    assert figure["layout"]["xaxis"]["title"]["text"] == "MSE, reconstructed image, on validation"
    assert figure["layout"]["yaxis"]["title"]["text"] == "MSE, mean over all targets, on validation"


def test_a_weighted_objective_is_said_and_every_view_draws_it(faces):
    study = "face-vae-continuous-synthetic-faces"
    said = look(faces, "study", study, top=True).said
    assert "0.25 × MSE of valence, arousal (mean) + 1 × MSE of the reconstructed image" in said
    shown = look(faces, "study", study)
    assert "MSE, weighted sum, on validation" in json.dumps(shown.figures[0]["layout"], ensure_ascii=False)
    assert look(faces, "study", study, view="Epochs").figures[0]["data"]
    trials = look(faces, "study", study, view="Trials").tables[0]
    done = trials[trials["state"] == "complete"]
    parts = done["MSE, mean over all targets, on validation"] / 4 + done["MSE, reconstructed image, on validation"]
    assert parts.tolist() == pytest.approx(done["MSE, weighted sum, on validation"].tolist())


def test_a_fragment_that_fails_says_so_in_its_place(visit, filled, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(filled))
    from dashboard.figures import search

    def broken(*_: object) -> None:
        raise RuntimeError("the store is locked")

    monkeypatch.setattr(search, "timeline", broken)
    page = visit("study", runs=VAE)
    assert not page.exception
    assert any("the store is locked" in error.value for error in page.error)
    assert page.get("plotly_chart")  # what stands before it is there


def test_a_clicked_dot_shows_its_trial(filled):
    shown = look(filled, "study", FEW[0].name, trial="2")
    history = next(section for section in shown.sections if section.key == "history")
    history.picks({"points": [{"x": 3, "y": 0.1}]})
    assert shown.ask.answers["trial"] == "3"
    trial = next(section for section in shown.sections if section.heading == "Trial 2")
    assert set(trial.frame.columns) == {"parameter", "value"}
    assert len(trial.frame)
