"""IMFDB: the published tree, what is known to be wrong in it is skipped and counted, and actors are groups."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import ANY

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
        "images that cannot be read: no file of that name": 1,
        "images that cannot be read: 3 bytes that are no image": 1,
    }
    assert skipped["films without labels"]["first"] == ["someone/Without"]
    assert "SAD?" in skipped["unknown expressions"]["first"][0]
    assert data.summary["skipped"] == 6
    assert "left out, films without labels: 1 (someone/Without)" in data.summary["notes"]


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


def test_files_of_macos_change_nothing_and_are_counted(folder):
    # where a label file does not bear its film's name, the shadow came first
    label_file(folder).rename(label_file(folder).parent / "labels.txt")
    before = imfdb.read(folder, DEFAULTS)
    films = sorted(path for path in folder.glob("*/*") if path.is_dir())
    for film in films:
        (film / f"._{film.name}.txt").write_bytes(b"\x00\x05\x16\x07 a Mac's shadow")
        (film / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        (film / "images" / "._face.jpg").write_bytes(b"\x00\x05\x16\x07")
        (film / "images" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    shadow = folder / "__MACOSX" / "Actor" / "Film"
    shadow.mkdir(parents=True)
    (shadow / "._Film.txt").write_bytes(b"\0")
    data = imfdb.read(folder, DEFAULTS)
    assert data.version == before.version
    assert data.sample.tolist() == before.sample.tolist()
    assert data.summary["skipped_rows"] == {
        "files of macOS or Windows": {"count": 4 * len(films) + 1, "first": ANY},
    }


def test_what_lies_beside_labels_and_images_is_named(folder):
    film = label_file(folder).parent
    (film / "notes.txt").write_text("read me")
    (film / "frames").mkdir()
    (film / "images" / "unnamed.jpg").write_bytes(next(film.glob("images/*")).read_bytes())
    (folder / "README.md").write_text("")
    skipped = {why: of["first"] for why, of in imfdb.read(folder, DEFAULTS).summary["skipped_rows"].items()}
    below = film.relative_to(folder).as_posix()
    assert skipped == {
        "files beside the folders of actors and films": ["README.md"],
        "files and folders beside the label file of a film and its images": [f"{below}/frames"],
        "further label files of a film": [f"{below}/notes.txt"],
        "images without a label": ["images/unnamed.jpg"],
    }
