from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import pytest

from dashboard import share
from dashboard.results.index import Index
from dashboard.store import Source, Store
from dashboard.views import view
from tests import fake_faces, fake_meshes, fake_store

DEFAULT = [view.load(name) for name in ("run", "circumplex", "latent")]


def opened(folder: Path) -> tuple[Index, Store]:
    store = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    return Index(store.runs()), store


def scored(index: Index) -> str:
    return next(run for run in index.studies if index.finals(run))


def body(text: str) -> str:
    return text.partition("<body>")[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_store.build(tmp_path_factory.mktemp("shared") / "store")


def test_a_run_as_one_file_has_its_card_its_figures_and_where_it_comes_from(folder):
    index, store = opened(folder)
    run = fake_store.ids("study", "lma-to-pad-synthetic-motion", 0)
    text = share.file(index, store, DEFAULT, [run])
    assert "SYNTHETIC data" in text
    assert run in text
    assert index.record(run).protocol in text
    assert "uncommitted changes" in text
    assert "Standing" in body(text)
    assert "Truth and prediction" in body(text)
    assert "Annotated" in body(text)  # the circumplex
    assert "NaT" not in body(text)


@pytest.mark.parametrize("page", ["run", "study", "errors"])
def test_every_page_of_a_study_can_be_shared(folder, page):
    index, store = opened(folder)
    text = share.file(index, store, [view.load(page)], [scored(index)])
    assert body(text).count('class="figure"') >= 2
    assert "cannot be shown" not in text


def test_plotly_is_in_the_file_once_and_nothing_is_fetched(folder):
    index, store = opened(folder)
    finals = [index.final_ids(study)[0] for study in index.studies if index.final_ids(study)][:2]
    text = share.file(index, store, DEFAULT, finals)
    (packed,) = re.findall(r'<script type="text/plain" id="plotly">([^<]+)</script>', text)
    assert gzip.decompress(base64.b64decode(packed)).decode().count("* plotly.js v") == 1
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", text)
    assert "default-src 'none'" in text


def test_a_damaged_file_is_named_and_the_rest_is_there(tmp_path):
    index, store = opened(fake_store.build(tmp_path / "store", fake_faces.STUDIES, trials=1, finals=1))
    run = scored(index)
    Path(store.path(index.final_ids(run)[0], "predictions.parquet")).write_bytes(b"not a table")
    text = share.file(index, store, DEFAULT, [run])
    assert "damaged" in text
    assert "predictions.parquet" in text
    assert "Task 2 Alignment" in text  # the tasks are sound
    assert ">z_v" in body(text) or "trustworthiness" in body(text)  # and so are the projections
    assert "learning_rate" in body(text)  # and the parameters


def test_a_run_that_lost_its_predictions_is_shared_without_them(tmp_path):
    studies = (fake_faces.STUDIES[1], fake_meshes.STUDIES[0])
    folder = fake_store.build(tmp_path / "store", studies, trials=1, finals=1)
    for file in folder.rglob("predictions.parquet"):
        file.unlink()
    index, store = opened(folder)
    face, mesh = (body(share.file(index, store, DEFAULT, [fake_store.ids("study", spec.name, 0)])) for spec in studies)
    assert "Alignment" in face
    assert "trustworthiness" in face
    assert "turned about random axes" in mesh


def test_pictures_of_people_stay_out_of_a_shared_file(tmp_path):
    index, store = opened(fake_store.build(tmp_path / "store", fake_faces.STUDIES, trials=1, finals=1))
    text = share.file(index, store, DEFAULT, [scored(index)])
    assert "iVBORw0KGgo" not in body(text)  # a PNG
    assert "iVBORw0KGgo" in body(share.file(index, store, DEFAULT, [scored(index)], images=True))


def test_the_file_of_a_leaderboard_names_its_runs(folder):
    index, store = opened(folder)
    page = view.load("leaderboard")
    text = share.page_file(index, store, page.title, page.how, share.views(page, index, store, []), [])
    assert "SYNTHETIC data" in text
    assert "evaluated on this test set" in text
    assert "36.0000" not in body(text)
