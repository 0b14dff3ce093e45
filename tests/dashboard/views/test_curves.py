"""The curves of a run that the bench has made itself, under the name of a method with published curves."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from affect import record
from tests.dashboard.looking import index_of, look

VAE = "lma-vae-latent_size-1-lma"


@pytest.fixture
def of_ccc(filled: Path, tmp_path: Path) -> Path:
    """Return a store whose validation curves are of a CCC."""
    folder = Path(shutil.copytree(filled, tmp_path / "ccc"))
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("update metrics set key = replace(key, ?, ?)", (record.curve("val/mae"), record.curve("val/ccc")))
        store.execute(
            "update tags set value = 'frames/cnn_m' where key = ? and value = 'motion/lma_vae'", (record.tag("method"),)
        )
    return folder


def test_every_curve_has_its_numbers(filled):
    shown = look(filled, "run", VAE, view="Curves")
    numbers = shown.tables[-1]
    assert list(numbers) == ["curve", "run", "epochs", "min", "mean", "sd", "max", "last"]
    index, store = index_of(filled)
    (study,) = index.asked([VAE])[0]
    final = index.final_ids(study)[0]
    curve = store.curves([final])
    one = curve[curve["metric"] == "val/mae"]["value"]
    row = numbers[numbers["curve"] == "validation MAE"].iloc[0]
    assert row[["min", "mean", "sd"]].tolist() == pytest.approx([one.min(), one.mean(), one.std()])
    assert "1 − CCC" not in shown.said


def test_one_minus_ccc_stands_beside_what_was_published_when_a_person_asks(of_ccc):
    plain = look(of_ccc, "run", VAE, view="Curves")
    (losses,) = [t for s in plain.sections if s.key == "losses" and (t := s.frame) is not None]
    assert not losses["run"].str.startswith("published").any()
    shown = look(of_ccc, "run", VAE, view="Curves", **{"run published losses": True})
    (losses,) = [t for s in shown.sections if s.key == "losses" and (t := s.frame) is not None]
    paper = losses[losses["run"].str.startswith("published")]
    assert paper["min"].tolist() == pytest.approx([0.04, 0.58])
    assert paper["note"].str.contains("one training").all()
    assert pd.isna(paper["epochs"]).all()
    assert "not comparable" in shown.said
