"""IMFDB: the published tree, what is known to be wrong in it is skipped and counted, and actors are groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affect import circumplex
from tests import face_trees
from training.contract import UserError
from training.datasets import imfdb

DEFAULTS = {"labels": "continuous"}


@pytest.fixture
def folder(tmp_path) -> Path:
    return face_trees.imfdb(tmp_path / "imfdb")


def label_file(folder: Path) -> Path:
    return sorted(folder.glob("*/*/*.txt"))[0]


def test_the_published_tree_is_read(folder):
    data = imfdb.read(folder, DEFAULTS)
    assert len(data.sample) == 24
    assert data.persons_known
    assert data.group_kind == "person"
    assert {*data.group.tolist()} == {path.name for path in folder.iterdir()}
    assert {*data.label.tolist()} <= {name.lower() for name in imfdb.EXPRESSIONS}
    assert data.summary["faces"] == {"the whole image": 24}
    assert data.summary["skipped"] == 0
    for emotion in np.unique(data.label):
        of = data.blocks["va"].values[data.label == emotion]
        assert circumplex.contains(circumplex.find(emotion), of).all()
    assert data.summary["valence_and_arousal"].startswith("transferred")


def test_what_the_set_is_known_for_is_skipped_and_counted(folder):
    file = label_file(folder)
    first = file.read_text().splitlines()[0]
    fields = first.split("\t")
    with file.open("a") as stream:
        stream.write(first + "\n\n")
        stream.write("\t".join([*fields[:2], "gone.jpg", *fields[3:]]) + "\n")
        stream.write("\t".join([*fields[:2], "other.jpg", *fields[3:11], "SAD?", *fields[12:]]) + "\n")
        stream.write("half a line\n")
    truncated = folder / "someone" / "Film" / "images" / "broken.jpg"
    truncated.parent.mkdir(parents=True)
    truncated.write_bytes(b"\xff\xd8\xff")
    (truncated.parent.parent / "other name.txt").write_text("\t".join([*fields[:2], "broken.jpg", *fields[3:]]))
    (folder / "someone" / "Without").mkdir()
    data = imfdb.read(folder, DEFAULTS)
    assert len(data.sample) == 24
    skipped = data.summary["skipped_rows"]
    assert {why: of["count"] for why, of in skipped.items()} == {
        "images named twice": 1,
        "unknown expressions": 1,
        "lines without an image": 1,
        "films without labels": 1,
        "no file of that name": 1,
        "3 bytes that are no image": 1,
    }
    assert skipped["films without labels"]["first"] == ["someone/Without"]
    assert "SAD?" in skipped["unknown expressions"]["first"][0]
    assert data.summary["skipped"] == 6
    assert any("6 rows were skipped" in note for note in data.summary["notes"])


def test_blanks_may_stand_for_tabs(folder):
    before = imfdb.read(folder, DEFAULTS)
    for file in folder.glob("*/*/*.txt"):
        file.write_text(file.read_text().replace("\t", "  "))
    assert imfdb.read(folder, DEFAULTS).version == before.version


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected <actor>/<movie>/<movie>\.txt with lines of labels, found none"):
        imfdb.read(tmp_path, DEFAULTS)
    (tmp_path / "actor" / "movie").mkdir(parents=True)
    with pytest.raises(UserError, match="1 films without labels, such as actor/movie"):
        imfdb.read(tmp_path, DEFAULTS)
    (tmp_path / "labels.csv").write_text("image,emotion\na.png,fear\n")
    with pytest.raises(UserError, match="expected a column 'person'"):
        imfdb.read(tmp_path / "labels.csv", DEFAULTS)
