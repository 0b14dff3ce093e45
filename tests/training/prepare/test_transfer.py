"""Annotation transfer: ellipses of an annotated set or a table, draws inside them, and readers that take them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from affect import circumplex
from affect.circumplex import ELLIPSES, Ellipse
from tests import face_trees
from training import cli
from training.contract import UserError
from training.datasets import _images, imfdb, labelled_folder
from training.prepare import transfer


@pytest.fixture
def target(tmp_path) -> Path:
    return face_trees.labelled_folder(tmp_path / "faces", n=12)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(rows: list[dict[str, str]], *columns: str) -> np.ndarray:
    return np.array([[float(row[column]) for column in columns] for row in rows])


def test_every_label_lies_in_the_ellipse_of_its_emotion(target, tmp_path):
    done = transfer.run("default", None, target, tmp_path / "labels.csv", seed=3)
    rows = rows_of(done.labels)
    assert len(rows) == sum(done.rows.values()) == 12
    for row in rows:
        ellipse = circumplex.find(row["emotion"])
        assert circumplex.contains(ellipse, numbers([row], "valence", "arousal")).all()
        discrete = numbers([row], "valence_discrete", "arousal_discrete")
        assert np.array_equal(discrete, np.round(discrete))
        assert circumplex.contains(ellipse, discrete / 10).all()
        assert row["va_source"] == "default ellipses, seed 3"
    assert transfer.read_ellipses(done.ellipses) == ELLIPSES


def test_the_seed_decides(target, tmp_path):
    files = [
        transfer.run("default", None, target, tmp_path / f"{i}.csv", seed=seed) for i, seed in enumerate((1, 1, 2))
    ]
    one, same, other = (numbers(rows_of(done.labels), "valence", "arousal") for done in files)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("labels", "columns"), [("continuous", ""), ("discrete", "_discrete")])
def test_the_reader_takes_what_was_written_and_calls_it_transferred(target, tmp_path, labels, columns):
    (tmp_path / "elsewhere").mkdir()
    done = transfer.run("default", None, target, tmp_path / "elsewhere" / "labels.csv")
    data = labelled_folder.read(done.labels, {"labels": labels})
    written = numbers(rows_of(done.labels), f"valence{columns}", f"arousal{columns}")
    assert np.allclose(data.blocks["va"].values, written / (10 if columns else 1))
    assert data.summary["valence_and_arousal"] == "transferred: default ellipses, seed 0"
    assert any("transferred, not annotated" in note for note in data.summary["notes"])


def test_imfdb_keeps_its_actors(tmp_path):
    done = transfer.run("default", None, face_trees.imfdb(tmp_path / "imfdb"), tmp_path / "labels.csv")
    plain, data = (imfdb.read(root, {"labels": "continuous"}) for root in (tmp_path / "imfdb", done.labels))
    assert data.name == "imfdb"
    assert data.persons_known
    assert np.array_equal(data.group, plain.group)
    assert np.array_equal(data.blocks["images"].values, plain.blocks["images"].values)


def test_ellipses_are_an_annotated_sets_means_and_standard_deviations(tmp_path, monkeypatch):
    monkeypatch.setattr(_images, "decode", lambda *_: pytest.fail("labels are enough: no image is decoded"))
    found = transfer.anchors("affectnet", face_trees.affectnet(tmp_path))
    faces = face_trees.faces(20)
    happy = np.array([va for _, emotion, _, va in faces if emotion == "happiness"])
    assert np.allclose(found["happiness"].centre, happy.mean(axis=0))
    assert np.allclose(found["happiness"].axes, happy.std(axis=0))


def test_the_synthetic_world_may_be_the_anchor():
    found = transfer.anchors("synthetic_faces", None)
    assert found["happiness"].valence > 0.4 > 0 > found["sadness"].valence


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ("affectnett", "unknown anchor 'affectnett'; did you mean affectnet"),
        ("labelled_folder", "--from labelled_folder: its valence and arousal are transferred themselves"),
        ("afew_va", "it has no emotions"),
        ("lma", "expected a data set with valence and arousal, found one of motion"),
        ("nowhere.csv", "nowhere.csv does not exist"),
    ],
)
def test_an_anchor_that_is_none_is_refused(tmp_path, anchor, message):
    roots = {
        "labelled_folder": lambda: face_trees.labelled_folder(tmp_path / "faces", n=3),
        "afew_va": lambda: face_trees.afew_va(tmp_path / "afew", clips=1),
    }
    with pytest.raises(UserError, match=message):
        transfer.anchors(anchor, roots[anchor]() if anchor in roots else None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("fear,0.1,0.2,-0.1,0.1", "line 2: expected semi-axes from 0 to 2, found -0.1"),
        ("fear,0.1,0.2,0.1,300", "line 2: expected semi-axes from 0 to 2, found 300"),
        ("fear,1.5,0.2,0.1,0.1", r"line 2: expected valence in \[-1, 1\], found 1.5"),
        ("fear,0,0,0.1,0.1\nAfraid,0,0,0.1,0.1", "line 3: expected each emotion once, found 'Afraid' again"),
    ],
)
def test_a_table_of_ellipses_that_is_none_is_refused(tmp_path, row, message):
    (tmp_path / "table.csv").write_text(f"emotion,valence,arousal,valence_axis,arousal_axis\n{row}\n")
    with pytest.raises(UserError, match=message):
        transfer.read_ellipses(tmp_path / "table.csv")


def test_an_emotion_that_the_anchor_lacks_is_named_by_its_row(target, tmp_path):
    transfer.write_ellipses(tmp_path / "few.csv", {"fear": ELLIPSES["fear"]})
    with pytest.raises(UserError, match=r"legend\.csv, line 2: no ellipse .*there are fear in the anchor"):
        transfer.run(str(tmp_path / "few.csv"), None, target, tmp_path / "labels.csv")
    tiny = {name: Ellipse(name, 0.55, 0.55, 0.001, 0.001) for name in ELLIPSES}
    transfer.write_ellipses(tmp_path / "tiny.csv", tiny)
    with pytest.raises(UserError, match=r"tiny\.csv: the ellipse of .* holds no whole number .*semi-axes are wider"):
        transfer.run(str(tmp_path / "tiny.csv"), None, target, tmp_path / "labels.csv")
    assert not (tmp_path / "labels.csv").exists()


def test_the_command_writes_both_files_once(target, tmp_path):
    command = ["prepare", "transfer", "--from", "default", "--to", str(target), "--out", str(tmp_path / "labels.csv")]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert "happiness" in done.output
    assert (tmp_path / "labels_ellipses.csv").is_file()
    again = CliRunner().invoke(cli.app, command)
    assert isinstance(again.exception, UserError)
    assert "the file is there already" in str(again.exception)
