from __future__ import annotations

import shutil
import sqlite3

import pandas as pd
import pytest

from affect.record import Artifact
from dashboard.figures import pictures
from dashboard.store import Store, locate
from tests import fake_faces, fake_store

REGULARISED = fake_store.ids("study", fake_faces.STUDIES[1].name, 0)
VANILLA = fake_faces.STUDIES[0].name


@pytest.fixture
def stored(faces, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(faces))
    monkeypatch.delenv(pictures.SHOW, raising=False)


def said(page) -> str:
    kinds = (page.subheader, page.caption, page.markdown, page.info, page.warning, page.error)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "").replace("\u2060", "")


@pytest.mark.usefixtures("stored")
def test_drawn_pictures_are_shown_and_the_card_says_what_was_searched_and_reconstructed(visit):
    page = visit("run", run=REGULARISED, tab="pictures")
    assert not page.exception
    assert not page.error
    assert "Real and reconstructed" in said(page)
    assert "0.25 × MSE of valence, arousal (mean) + 1 × MSE of the reconstructed image" in said(page)
    assert "test MSE of pictures" in said(page)
    assert not any("png" in frame.value for frame in page.dataframe)


def test_real_people_stay_hidden_until_somebody_asks_and_the_page_says_how(faces, visit, monkeypatch, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "real")
    with sqlite3.connect(folder / "mlflow.db") as connection:
        connection.execute("UPDATE tags SET value = 'false' WHERE key LIKE '%synthetic'")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    monkeypatch.delenv(pictures.SHOW, raising=False)
    page = visit("run", run=REGULARISED, tab="pictures")
    assert "pictures of real people" in said(page)
    assert any(pictures.COMMAND in block.value for block in page.code)
    assert len(page.get("plotly_chart")) == 1  # truth against prediction alone
    files = visit("run", run=REGULARISED, tab="files", file=Artifact.SAMPLES)
    assert not any("png" in frame.value for frame in files.dataframe)

    monkeypatch.setenv(pictures.SHOW, "1")
    run = Store(locate()).runs().query("kind == 'final' and parent == @REGULARISED").index[0]
    file = next(folder.rglob(f"{run}/artifacts/{Artifact.SAMPLES}"))
    table = pd.read_parquet(file)
    table.at[0, "png"] = b"<script>alert(1)</script>"
    table.to_parquet(file)
    page = visit("run", run=REGULARISED, tab="pictures")
    assert "1 kept pictures are left out" in said(page)
    assert len(page.get("plotly_chart")) == 5


@pytest.mark.usefixtures("stored")
def test_the_seven_tasks_stand_beside_another_study_and_the_published_ones(visit):
    query = {"judged": "2 Alignment", "judged beside": VANILLA}
    page = visit("run", run=REGULARISED, tab="seven tasks", **query)
    assert not page.exception
    table = page.dataframe[-1].value
    assert list(table.columns) == [
        "of",
        "predictor",
        fake_faces.STUDIES[1].name,
        VANILLA,
        "face_vae, published on imfdb",
        "face_vae_continuous, published on imfdb",
    ]
    assert "no comparison" in said(page)
    emotion = visit("run", run=REGULARISED, tab="seven tasks", judged="3 Emotion").dataframe[-1].value
    assert {"chance", "most frequent class"} <= set(emotion["predictor"])


@pytest.mark.usefixtures("stored")
def test_one_seed_stands_under_its_own_name_beside_its_study(visit):
    runs = Store(locate()).runs()
    final = str(runs.index[(runs["parent"] == REGULARISED) & (runs["kind"] == "final")][0])
    name = fake_faces.STUDIES[1].name
    page = visit("run", run=final, tab="seven tasks", **{"judged beside": name})
    assert not page.exception
    columns = list(page.dataframe[-1].value.columns)
    assert columns[2:4] == [f"{name} · seed 1", name]
