from __future__ import annotations

import json
from pathlib import Path

import pytest

from affect.record import Artifact

RUNNING = "lma-to-pad-features-with_jerk-synthetic-motion"
VAE = "lma-vae-latent_size-1-lma"


@pytest.fixture
def shared(filled, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(filled))


def words(page) -> str:
    kinds = (page.title, page.subheader, page.caption, page.markdown, page.info, page.warning, page.error, page.text)
    return "\n".join(str(element.value).replace("\\", "") for kind in kinds for element in kind)


def charts(page) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def test_an_empty_store_says_which_command_fills_it(visit):
    page = visit("study")
    assert not page.exception
    assert "python -m training demo" in page.code[0].value


@pytest.mark.usefixtures("shared")
def test_the_newest_study_is_chosen_and_written_into_the_address(visit):
    page = visit("study")
    assert not page.exception
    assert page.query_params["study"] == RUNNING
    metrics = {m.label: m.value for m in page.metric}
    assert metrics["State"] == "running"
    assert metrics["Trials done"].endswith("/ 14")
    assert "Time left, about" in metrics


@pytest.mark.usefixtures("shared")
def test_the_summary_says_method_protocol_settings_and_kind_of_data(visit):
    page = visit("study", study=VAE)
    said = words(page)
    assert "motion/lma_vae" in said
    assert "lma · by clip · 27 features reconstructed" in said
    assert "latent_size=1" in said
    assert "REAL data" in said
    assert "SYNTHETIC data" in words(visit("study", study=RUNNING))


@pytest.mark.usefixtures("shared")
def test_the_winners_search_value_stands_beside_its_refits(visit):
    table = visit("study", study=VAE).dataframe
    optimism = next(t.value for t in table if "stage" in t.value.columns)
    assert optimism["stage"].tolist() == ["search, validation", "refitted, validation", "refitted, test"]
    assert optimism["fits"].tolist() == [1, 2, 2]


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        ("Progress", ["History", "Share of trials that reach a value", "Timeline"]),
        ("Parameters", ["Importance", "All parameters at once", "One parameter at a time", "Two parameters together"]),
        ("Trials", ["Failed trials"]),
    ],
)
def test_every_view_is_reached_by_its_address(visit, view, wanted):
    page = visit("study", study=VAE, view=view)
    assert not page.exception
    assert [s.value for s in page.subheader if s.value in wanted] == wanted


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("view", ["Epochs", "Trade-off"])
def test_views_of_one_figure_draw_it(visit, view):
    page = visit("study", study=VAE, view=view)
    assert not page.exception
    assert len(charts(page)) == 1


@pytest.mark.usefixtures("shared")
def test_the_importance_evaluator_of_the_address_is_named_in_the_figure(visit):
    titles = []
    for evaluator in ("PED-ANOVA", "mean decrease impurity"):
        page = visit("study", study=VAE, view="Parameters", evaluator=evaluator)
        titles.append(charts(page)[0]["layout"]["xaxis"]["title"]["text"])
    assert titles == ["share of importance (PED-ANOVA)", "share of importance (mean decrease impurity)"]


@pytest.mark.usefixtures("shared")
def test_the_contour_shows_the_two_parameters_of_the_address(visit):
    page = visit("study", study=VAE, view="Parameters", x="depth", y="learning_rate")
    layout = charts(page)[-1]["layout"]
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("depth", "learning_rate")


@pytest.mark.usefixtures("shared")
def test_a_failed_trial_shows_its_reason_and_traceback_as_text(visit):
    page = visit("study", study=VAE, view="Trials", failed="3")
    assert "<b>neck_speed</b>" in page.text[0].value
    assert "Traceback" in page.code[0].value


@pytest.mark.usefixtures("shared")
def test_an_address_with_a_study_that_is_not_there_says_so(visit):
    page = visit("study", study="no such study")
    assert not page.exception
    assert "no such study" in words(page)


def test_a_damaged_space_is_named_and_the_parameters_are_shown_nevertheless(own: Path, visit):
    for file in own.rglob(Artifact.SPACE):
        file.write_text('{"distributions": {"depth": {"name": "Nonsense"}}}')
    page = visit("study", study=VAE, view="Parameters")
    assert not page.exception
    assert "parameter 'depth'" in words(page)
    assert len(charts(page)) == 4


def test_values_outside_the_space_are_said_and_drawn(own: Path, visit):
    choices = '{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "iqr"]}}'
    for file in own.rglob(Artifact.SPACE):
        file.write_text(f'{{"distributions": {{"outliers": {choices}}}}}')
    page = visit("study", study=VAE, view="Parameters")
    assert not page.exception
    assert "outliers" in " ".join(w.value for w in page.warning)


def test_a_missing_log_leaves_the_reason(own: Path, visit):
    for file in own.rglob(Artifact.LOG):
        file.unlink()
    page = visit("study", study=VAE, view="Trials", failed="3")
    assert not page.exception
    assert "neck_speed" in page.text[0].value


def test_of_two_objectives_the_front_and_its_winner_are_drawn_and_said(faces, visit, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(faces))
    page = visit("study", study="face-vae-discrete-synthetic-faces", view="Trade-off")
    assert not page.exception
    assert "smallest sum of ranks" in words(page)
    figure = charts(page)[0]
    assert figure["layout"]["xaxis"]["title"]["text"] == "MSE, reconstructed image, on validation"
    assert figure["layout"]["yaxis"]["title"]["text"] == "MSE, mean over all targets, on validation"
    assert any(trace["name"].startswith("winner, trial") for trace in figure["data"])


def test_a_weighed_objective_is_said_and_every_view_draws_it(faces, visit, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(faces))
    page = visit("study", study="face-vae-continuous-synthetic-faces")
    assert "0.25 × MSE of valence, arousal (mean) + 1 × MSE of the reconstructed image" in words(page)
    assert charts(page)[0]["layout"]["yaxis"]["title"]["text"] == "MSE, weighted sum, on validation"
    optimism = next(d.value for d in page.dataframe if "stage" in d.value)
    assert optimism["stage"].tolist() == ["search, validation", "refitted, validation", "refitted, test"]
    assert charts(visit("study", study="face-vae-continuous-synthetic-faces", view="Epochs"))[0]["data"]
    trials = visit("study", study="face-vae-continuous-synthetic-faces", view="Trials").dataframe[0].value
    done = trials[trials["state"] == "complete"]
    parts = done["MSE, mean over all targets, on validation"] / 4 + done["MSE, reconstructed image, on validation"]
    assert parts.tolist() == pytest.approx(done["MSE, weighted sum, on validation"].tolist())
