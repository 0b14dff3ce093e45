from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard import share
from dashboard.figures import ranking
from dashboard.results import board, scope
from dashboard.store import Source, Store
from tests import fake_faces, fake_meshes, fake_store
from tests.dashboard.run_table import study, table


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = fake_store.build(tmp_path_factory.mktemp("shared") / "store")
    return Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))


def scored(store: Store) -> str:
    runs = store.runs()
    return str(runs.index[(runs["kind"] == "study") & (runs["state"] == "complete")][0])


def test_a_run_as_one_file_has_its_card_its_figures_and_where_it_comes_from(store):
    run = scored(store)
    text = share.runs(store, [run])
    assert "SYNTHETIC data" in text
    assert run in text
    assert store.runs().at[run, "protocol"] in text
    assert "uncommitted changes" in text
    assert text.count("Plotly.newPlot(") == 5  # pleasure, arousal, dominance; annotated and predicted circumplex
    assert "Truth against prediction: pleasure" in text


def test_plotly_is_in_the_file_once_and_nothing_is_fetched(store):
    runs = list(store.runs().index[store.runs()["kind"] == "final"][:2])
    text = share.runs(store, runs)
    assert len(re.findall(r"\* plotly\.js v", text)) == 1
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", text)
    assert "default-src 'none'" in text


def test_what_the_store_says_is_text_never_markup():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    fig = go.Figure(go.Scatter(x=[1], y=[2], name=evil))
    section = share.Section(evil, evil, fig, pd.DataFrame({evil: [evil]}))
    text = share.page(evil, evil, [section], [True], evil)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("</script>") == 2  # Plotly's and the figure's own
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_a_damaged_file_is_named_and_the_rest_is_there(store, tmp_path):
    folder = fake_store.build(tmp_path / "store")
    broken = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    run = scored(broken)
    finals = list(scope.finals(broken.runs(), run).index)
    Path(broken.path(finals[0], "predictions.parquet")).write_bytes(b"not a table")
    text = share.runs(broken, [run])
    assert "Damaged" in text
    assert "predictions.parquet" in text
    assert "Parameters" in text


def test_an_unknown_run_is_an_error(store):
    with pytest.raises(KeyError, match="nothing"):
        share.runs(store, ["nothing"])


def test_a_leaderboard_as_one_file_names_its_runs_and_its_data():
    rows = board.measured(table(study("a", 0.4), study("b", 0.3)), "mae", "all")
    fig = ranking.draw(rows, "mae", "all", "clip")
    text = share.leaderboard(rows, fig, "lma · by clip", "how to read it", [False], "mae", "clip")
    assert "Runs b, a." in text
    assert "REAL data" in text
    assert "how to read it" in text


def test_a_run_with_a_latent_space_has_it_in_its_file(store):
    text = share.runs(store, [fake_store.ids("final", "lma-vae-latent_size-2-synthetic-motion", 1, 0)])
    assert "Latent space: z" in text
    assert "t-SNE, perplexity 30, seed 1 · 288 samples · trustworthiness" in text
    assert '"type":"scattergl"' in text


def test_of_many_runs_no_more_latent_spaces_are_drawn_than_a_browser_can(store):
    names = [f"lma-vae-latent_size-{size}-synthetic-motion" for size in (2, 4, 8)]
    finals = [fake_store.ids("final", name, 1, 0) for name in names]
    text = share.runs(store, [*finals, *finals])
    assert text.count("<h2>Latent space: z</h2>") == share.SHARED_CODES
    assert text.count("The codes z are not in this file") == 2 * len(finals) - share.SHARED_CODES


def test_a_run_that_lost_its_predictions_is_shared_without_them(tmp_path):
    studies = (fake_faces.STUDIES[1], fake_meshes.STUDIES[0])
    folder = fake_store.build(tmp_path / "store", studies, trials=1, finals=1)
    for file in folder.rglob("predictions.parquet"):
        file.unlink()
    bare = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    face, mesh = (share.runs(bare, [fake_store.ids("study", spec.name, 0)]) for spec in studies)
    assert "Tasks that judge the codes" in face
    assert "Latent space: z_v" in face
    assert "Under rotations" in mesh
    assert "Circumplex" not in face
