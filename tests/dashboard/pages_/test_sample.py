"""The panel of a sample: the same truth and predictions wherever it is opened, and people stay hidden."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from affect import record
from dashboard.figures import pictures
from dashboard.views.items import Images
from tests import fake_faces, fake_meshes
from tests.dashboard.conftest import FEW
from tests.dashboard.looking import index_of, look

VANILLA, REGULARISED = (spec.name for spec in fake_faces.STUDIES)
FACE = "person40/0.png"


def images(shown) -> list[tuple[bytes, str]]:
    return [one for item in shown.items if isinstance(item, Images) for one in item.images]


def test_truth_and_prediction_are_those_of_the_files_and_other_studies_stand_beside(faces):
    shown = look(faces, "sample", REGULARISED, sample_name=FACE)
    assert shown.headings[0] == FACE
    numbers = next(section.frame for section in shown.sections if section.key == "sample_numbers")
    index, store = index_of(faces)
    (study,) = index.asked([REGULARISED])[0]
    table = store.table(index.final_ids(study)[0], "predictions.parquet").set_index("sample")
    row = numbers[(numbers["target"] == "valence") & (numbers["run"] == index.title(study))].iloc[0]
    assert row["truth"] == pytest.approx(table.loc[FACE, "true_valence"])
    assert row["error"] == pytest.approx(table.loc[FACE, "pred_valence"] - table.loc[FACE, "true_valence"])
    (other,) = index.asked([VANILLA])[0]
    assert index.title(other) in set(numbers["run"])


def test_a_sample_without_a_stored_reconstruction_has_its_small_image(faces):
    w = fake_faces.world("synthetic_faces")
    last = str(w.sample[w.part == "test"][-1])
    shown = look(faces, "sample", REGULARISED, sample_name=last)
    assert (fake_faces.png(*w.pad[w.sample == last][0][:2]), last) in images(shown)
    near = next(section for section in shown.sections if section.key == "sample_near")
    assert near.frame["distance"].tolist() == [0.5, 1.0]
    assert near.opens[0].query["sample_name"] == near.frame["sample"].iloc[0]


def test_without_a_name_the_worst_sample_is_shown_and_an_unknown_name_is_said(faces):
    worst = look(faces, "errors", REGULARISED, view="Samples").tables[0]["sample"].iloc[0]
    assert look(faces, "sample", REGULARISED).headings[0] == worst
    assert "None of these samples has nobody" in look(faces, "sample", REGULARISED, sample_name="nobody").said


def test_a_mesh_can_be_turned_and_a_classifier_has_its_probabilities(meshes):
    name = fake_meshes.STUDIES[0].name
    w = fake_meshes.world("synthetic_meshes")
    shown = look(meshes, "sample", name, sample_name=str(w.sample[w.part == "test"][1]))
    assert "mesh3d" in {trace["type"] for figure in shown.figures for trace in figure["data"]}
    classes = next(section.frame for section in shown.sections if section.key == "sample_classes")
    assert classes["probability of it"].between(0, 1).all()


def test_people_stay_hidden_without_leave(faces, tmp_path, monkeypatch):
    folder = shutil.copytree(faces, tmp_path / "people")
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("update tags set value = 'false' where key = ?", (record.tag("synthetic"),))
    monkeypatch.delenv(pictures.SHOW, raising=False)
    hidden = look(folder, "sample", REGULARISED, sample_name=FACE)
    assert not images(hidden)
    assert "Images of people are hidden" in hidden.said
    assert not images(look(folder, "errors", REGULARISED, view="Samples"))
    monkeypatch.setenv(pictures.SHOW, "1")
    assert images(look(folder, "sample", REGULARISED, sample_name=FACE))
    assert images(look(folder, "errors", REGULARISED, view="Samples"))


def test_rows_of_worst_samples_open_the_sample(filled):
    shown = look(filled, "errors", FEW[0].name, view="Samples")
    section = next(section for section in shown.sections if section.key == "worst_0")
    assert [link.query["sample_name"] for link in section.opens] == section.frame["sample"].tolist()
    by = section.frame["sequence"].fillna(section.frame["group"])
    assert by.value_counts().max() <= 2


def test_a_clicked_dot_opens_its_sample_on_the_page_itself(faces):
    name = look(faces, "run", REGULARISED, top=True).tables[0]["sample"].iloc[3]
    shown = look(faces, "run", REGULARISED, top=True, run_sample=name)
    assert name in shown.headings
    picks = next(section.picks for section in shown.sections if section.key == "truth")
    picks({"points": [{"customdata": ["another"]}]})
    assert shown.ask.answers["run_sample"] == "another"
