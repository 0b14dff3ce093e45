from __future__ import annotations

import shutil
import sqlite3

import pandas as pd
import pytest

from affect.record import Artifact
from dashboard.figures import pictures
from tests import fake_faces, fake_store
from tests.dashboard.looking import index_of, look

REGULARISED = fake_faces.STUDIES[1].name
VANILLA = fake_faces.STUDIES[0].name
VAE = "lma-vae-latent_size-1-lma"


@pytest.fixture(autouse=True)
def _hidden(monkeypatch):
    monkeypatch.delenv(pictures.SHOW, raising=False)


def test_drawn_images_are_shown_and_the_card_says_what_was_searched_and_reconstructed(faces):
    shown = look(faces, "run", REGULARISED, view="Images")
    assert "Real and reconstructed" in shown.headings
    assert not any("png" in table for table in shown.tables)
    assert all(section.private for section in shown.sections if section.fig is not None)
    said = look(faces, "run", REGULARISED, top=True).said
    assert "0.25 × MSE of valence, arousal (mean) + 1 × MSE of the reconstructed image" in said
    assert "test MSE of images" in said


def test_real_people_stay_hidden_until_somebody_asks_and_the_page_says_how(faces, monkeypatch, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "real")
    with sqlite3.connect(folder / "mlflow.db") as connection:
        connection.execute("UPDATE tags SET value = 'false' WHERE key LIKE '%synthetic'")
    shown = look(folder, "run", REGULARISED, view="Images")
    assert pictures.COMMAND in shown.said
    assert not shown.figures
    files = look(folder, "run", REGULARISED, view="Files", file=Artifact.SAMPLES)
    assert not any("png" in table for table in files.tables)

    monkeypatch.setenv(pictures.SHOW, "1")
    index, _ = index_of(folder)
    run = index.final_ids(index.asked([REGULARISED])[0][0])[0]
    file = next(folder.rglob(f"{run}/artifacts/{Artifact.SAMPLES}"))
    table = pd.read_parquet(file)
    table.at[0, "png"] = b"<script>alert(1)</script>"
    table.to_parquet(file)
    shown = look(folder, "run", REGULARISED, view="Images")
    assert "1 stored images are left out" in shown.said
    assert len(shown.figures) == 4


def test_the_seven_tasks_stand_beside_another_study_and_the_published_ones(faces):
    shown = look(faces, "run", REGULARISED, VANILLA, view="Seven tasks", judged="2 Alignment")
    columns = list(shown.tables[-1].columns)
    assert columns[:4] == ["of", "predictor", REGULARISED, VANILLA]
    assert set(columns[4:]) == {"face_vae, published on imfdb", "face_vae_continuous, published on imfdb"}
    assert "not comparable" in shown.said
    emotion = look(faces, "run", REGULARISED, view="Seven tasks", judged="3 Emotion").tables[-1]
    assert {"chance", "most frequent class"} <= set(emotion["predictor"])


def test_one_seed_stands_under_its_own_name_beside_its_study(faces):
    shown = look(faces, "run", f"{REGULARISED} · seed 1", REGULARISED, view="Seven tasks")
    assert list(shown.tables[-1].columns)[2:4] == [f"{REGULARISED} · seed 1", REGULARISED]


def test_parameters_of_two_runs_show_what_differs(filled):
    shown = look(filled, "run", VAE, "lma-vae-latent_size-2-lma", view="Parameters")
    differ = shown.tables[0].set_index("parameter")
    assert differ.loc["latent_size"].tolist() == ["1", "2"]
    assert (differ.nunique(axis=1) > 1).all()


def test_a_card_begins_with_a_sentence_and_says_what_to_read_first(filled):
    said = look(filled, "run", VAE, top=True).said
    assert "predicts" in said
    assert "Persons are unknown" in said
    assert "code not committed" in said
    assert "not comparable" in said  # what was published


def test_one_odd_tag_never_takes_the_page_away(filled, tmp_path):
    folder = shutil.copytree(filled, tmp_path / "odd")
    study = fake_store.ids("study", VAE, 0)
    for key, value in (("settings", "[1]"), ("groups", "[1]"), ("labels", "3"), ("machine", "5"), ("targets", "7")):
        with sqlite3.connect(folder / "mlflow.db") as connection:
            connection.execute(
                "UPDATE tags SET value = ? WHERE key = ? AND run_uuid = ?", (value, f"affectory.{key}", study)
            )
        shown = look(folder, "run", VAE, top=True)
        assert "predicts" in shown.said, key
        for page, view in (("overview", "Newest results"), ("leaderboard", "Ranking")):
            assert not look(folder, page, view=view).messages("error"), (key, page)
