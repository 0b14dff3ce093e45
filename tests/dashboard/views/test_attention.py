"""The view of attention over time, on a study of the bench with a network that attends."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tests.dashboard.looking import look, offered
from training import cli

VIEW = "Attention over time"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention")
    words = "study fusion/fusion_self_attention --dataset synthetic_embeddings --name attends --set window_s=1"
    words += " --trials 1 --repeats 1 --epochs 1 --threads 1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTORY_STORE", str(folder))
        for name in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE"):
            patch.delenv(name, raising=False)
        ran = CliRunner().invoke(cli.app, words.split())
    assert ran.exit_code == 0, ran.output
    return folder


def test_a_recording_is_shown_with_its_trace_and_a_map_for_each_modality(store):
    assert VIEW in offered(store, "run", "attends")
    shown = look(store, "run", "attends", view=VIEW)
    assert not shown.messages("error", "warning")
    (figure,) = shown.figures
    assert [trace["type"] for trace in figure["data"]].count("heatmap") == 2
    assert "test samples" in shown.said
    assert shown.tables[-1]["share"].sum() == pytest.approx(1)


def test_every_head_can_be_chosen(store):
    mean, first = (look(store, "run", "attends", view=VIEW, **of).tables[0] for of in ({}, {"head": "1"}))
    assert len(mean) == len(first)
    assert (mean["weight"] != first["weight"]).any()
