"""The view of what a modality adds, on three studies of synthetic recordings that the bench itself has run."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tests.dashboard.looking import look, offered
from training import cli


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modalities")
    words = "study fusion/bayesian_ridge --dataset synthetic_embeddings --name m --over modality=video,audio,both"
    words += " --set window_s=2 --trials 1 --repeats 1 --threads 1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTORY_STORE", str(folder))
        for name in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE"):
            patch.delenv(name, raising=False)
        ran = CliRunner().invoke(cli.app, words.split())
    assert ran.exit_code == 0, ran.output
    return folder


def names(store) -> list[str]:
    return [f"m modality={one}" for one in ("both",)]


def test_it_is_offered_where_a_run_has_the_table(store):
    assert "What a modality adds" in offered(store, "errors", *names(store))


def test_studies_that_differ_in_modality_alone_are_compared(store):
    shown = look(store, "errors", *names(store), view="What a modality adds")
    assert not shown.messages("error")
    pairs, masked = shown.tables[:2]
    assert len(pairs) == 3
    assert set(masked["masked"]) == {"none", "video", "audio"}
    assert "later than video" in shown.said
    assert len(shown.figures) == 1


def test_the_leaderboards_table_shows_validation_beside_test(store):
    asked = {"view": "As a table", "rows": "method", "columns": "modality"}
    plain = look(store, "leaderboard", **asked)
    beside = look(store, "leaderboard", validation=True, **asked)
    cell, both = (shown.tables[0]["both"].iloc[0] for shown in (plain, beside))
    assert both.endswith(f" | {cell}")
    assert 0 < float(both.split(" | ")[0]) < 1
