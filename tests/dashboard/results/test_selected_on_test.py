"""What selection on test would have scored is shown beside the honest score, and stands in no ranking."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from affect.record import SELECTED_ON_TEST, curve
from dashboard.results import selected_on_test
from tests.dashboard.looking import index_of, look

VAE = "lma-vae-latent_size-1-lma"


@pytest.fixture(scope="module")
def shown(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which the finals of one study would have no error at all, had they chosen on test."""
    folder = Path(shutil.copytree(filled, tmp_path_factory.mktemp("selected") / "store"))
    index, _ = index_of(filled)
    (study,) = index.asked([VAE])[0]
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        for place, run_id in enumerate(index.final_ids(study)):
            for name, value in ((f"{SELECTED_ON_TEST}mae", 0.0), (f"{SELECTED_ON_TEST}epoch", 4.0 + 2 * place)):
                for table in ("metrics", "latest_metrics"):
                    store.execute(
                        f"insert into {table} (key, value, timestamp, run_uuid, step, is_nan) "
                        "values (?, ?, 0, ?, 0, 0)",
                        (name, value, run_id),
                    )
            for step in range(1, 9):
                store.execute(
                    "insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, 0, ?, ?, 0)",
                    (curve(f"{SELECTED_ON_TEST}mae"), abs(4 - step) / 10, run_id, step),
                )
    return folder


def test_it_stands_beside_the_honest_score(shown, filled):
    index, _ = index_of(shown)
    (study,) = index.asked([VAE])[0]
    honest = index.score(study, "test/mae/all")
    text = selected_on_test.text(index, study)
    assert text.startswith("selected on test, as some sources did: MAE 0.0000 at epoch 5, mean over 2 final runs")
    assert text.endswith(f"the honest test score is {honest:.4g}")
    assert "at epoch 4;" in selected_on_test.text(index, index.final_ids(study)[0])
    plain, _ = index_of(filled)
    assert selected_on_test.text(plain, study) == ""


def test_run_and_study_pages_mark_it(shown, filled):
    for page in ("run", "study"):
        assert "never ranked" in look(shown, page, VAE, top=True).said
        assert "never ranked" not in look(filled, page, VAE, top=True).said
    curves = look(shown, "run", VAE, view="Curves")
    assert "DIAGNOSTIC, never ranked: test MAE" in curves.headings
    assert "used for no choice" in curves.said


@pytest.mark.parametrize("view", ["Ranking", "Pairs", "As a table", "From predictions", "From curves"])
def test_every_view_of_the_leaderboard_is_as_without_it(shown, filled, view):
    with_it, without = (look(folder, "leaderboard", VAE, view=view) for folder in (shown, filled))
    assert with_it.tables
    for one, other in zip(with_it.tables, without.tables, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert SELECTED_ON_TEST not in with_it.said
