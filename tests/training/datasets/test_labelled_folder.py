"""A labelled folder: columns in any case, labels transferred and called so, mistakes named by file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from affect import circumplex
from tests import face_trees
from training import protocols
from training.contract import UserError
from training.datasets import labelled_folder
from training.methods.faces import face_vae

DEFAULTS = {"labels": "continuous"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return face_trees.labelled_folder(tmp_path_factory.mktemp("labelled"))


@pytest.fixture
def small(tmp_path) -> Path:
    return face_trees.labelled_folder(tmp_path / "faces", n=6)


def rewrite(folder: Path, old: str, new: str) -> Path:
    legend = folder / "legend.csv"
    text = legend.read_text()
    assert old in text
    legend.write_text(text.replace(old, new, 1))
    return folder


def test_columns_are_found_in_any_case_and_emotions_are_one_class_however_spelt(folder):
    data = labelled_folder.read(folder, DEFAULTS)
    assert labelled_folder.READER.data == "faces"
    assert data.blocks["images"].values.shape == (20, 3, 64, 64)
    assert data.sample[0] == "face_000.png"
    assert all(name == name.lower() for name in data.label)
    assert data.summary["rows_by_label"] == {str(k): int((data.label == k).sum()) for k in np.unique(data.label)}
    assert data.summary["ignored_columns"] == ["user.id"], "who annotated is not who is seen"
    assert not data.persons_known
    assert data.group_kind == "image"


def test_the_csv_itself_may_be_the_root(folder):
    by_file, by_folder = (labelled_folder.read(root, DEFAULTS) for root in (folder / "legend.csv", folder))
    assert by_file.version == by_folder.version


@pytest.mark.parametrize("labels", ["continuous", "discrete"])
def test_labels_are_transferred_where_there_are_none_and_called_so(folder, labels):
    data = labelled_folder.read(folder, {"labels": labels})
    va = data.blocks["va"]
    assert (va.columns, va.low, va.high) == (("valence", "arousal"), -1, 1)
    for emotion in np.unique(data.label):
        assert circumplex.contains(circumplex.find(emotion), va.values[data.label == emotion]).all()
    assert data.summary["valence_and_arousal"].startswith(f"transferred: {labels}")
    assert any("transferred, not annotated" in note for note in data.summary["notes"])
    assert protocols.make(data, "va").name == "labelled_folder · by image · V A transferred"
    assert (np.round(va.values * 10) == va.values * 10).all() == (labels == "discrete")


def test_what_is_read_is_the_version(folder):
    continuous, again, discrete = (
        labelled_folder.read(folder, {"labels": of}).version for of in (*["continuous"] * 2, "discrete")
    )
    assert continuous == again != discrete


def test_annotated_labels_are_taken_as_they_are(tmp_path):
    data = labelled_folder.read(face_trees.labelled_folder(tmp_path, va=True), DEFAULTS)
    assert np.allclose(data.blocks["va"].values, [va for *_, va in face_trees.faces(20)])
    assert data.summary["valence_and_arousal"] == "annotated"
    assert protocols.make(data, "va").name.endswith("V A")
    assert not any("transferred" in note for note in data.summary["notes"])


def test_known_persons_are_groups_and_never_parted(tmp_path):
    data = labelled_folder.read(face_trees.labelled_folder(tmp_path, n=60, person=True), DEFAULTS)
    assert data.persons_known
    assert data.group_kind == "person"
    parts = protocols.make(data, "va").split(face_vae.METHOD, {}, test=False).parts()
    assert not {*parts["train"].group} & {*parts["validation"].group}


def test_copies_of_a_image_are_one_group_where_persons_are_unknown(small):
    image = Image.open(small / "images" / "face_001.png")
    image.resize((100, 100)).save(small / "images" / "copy.jpg", quality=60)
    with (small / "legend.csv").open("a") as stream:
        stream.write("annotator,copy.jpg,fear\n")
    data = labelled_folder.read(small, DEFAULTS)
    assert data.group[data.sample == "copy.jpg"] == data.group[data.sample == "face_001.png"]
    assert data.summary["groups"] == 6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("face_003.png", "face_003.jpg", r"legend\.csv, line 5: expected an image .*face_003\.jpg, found no file"),
        ("face_003.png", ".", r"line 5: expected an image .*, found a folder"),
        ("face_003.png", "face_002.png", r"line 5: expected each image once, found 'face_002\.png' as in .*line 4"),
        ("Image", "Imagge", "found a column 'Imagge', expected 'image'"),
        ("Image", "file", "expected column 'image'; found user.id, file, emotion"),
        ("emotion", "feeling", "expected column 'emotion'; found user.id, Image, feeling; or valence and arousal"),
        ("user.id", "IMAGE", "expected one column 'image', found 'IMAGE', 'Image'"),
        (
            "face_003.png,",
            "face_003.png,zeal",
            r"line 5: no ellipse for the emotion 'zeal.*'; nearest: .*TABLE\.csv",
        ),
    ],
    ids=["missing", "a folder", "twice", "misspelt", "no image", "no emotion", "ambiguous", "no ellipse"],
)
def test_mistakes_are_named_by_file_and_line(small, old, new, message):
    with pytest.raises(UserError, match=message):
        labelled_folder.read(rewrite(small, old, new), DEFAULTS)


def test_a_damaged_image_is_named(small):
    (small / "images" / "face_004.png").write_bytes((small / "images" / "face_004.png").read_bytes()[:500])
    with pytest.raises(UserError, match=r"line 6: expected an image .*face_004.png, found a damaged image"):
        labelled_folder.read(small, DEFAULTS)


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        ("valence,arousal", "0.5,1.2", r"line 2: expected arousal in \[-1, 1\], found 1.2"),
        ("valence,arousal", "-2,-2", r"expected valence in \[-1, 1\], found -2 \(and 1 more like it\)"),
        ("valence,arousal", "0.5,high", "line 2, column arousal: expected a number, found 'high'"),
        ("valence,other", "0.5,0.5", "expected column 'arousal'.*'valence' alone is half a label"),
        ("valance,arousal", "0.5,0.5", "found a column 'valance', expected 'valence'"),
    ],
)
def test_labels_out_of_range_or_half_there_are_refused(tmp_path, columns, row, message):
    face_trees.save(face_trees.faces(1)[0][0], tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(f"image,emotion,{columns}\na.png,fear,{row}\n")
    with pytest.raises(UserError, match=message):
        labelled_folder.read(tmp_path, DEFAULTS)


def test_a_folder_of_no_or_several_tables_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no CSV file: expected one with the columns image and emotion"):
        labelled_folder.read(tmp_path, DEFAULTS)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("image,emotion\n")
    with pytest.raises(UserError, match=r"2 CSV files: give one as --root; there are a\.csv, b\.csv"):
        labelled_folder.read(tmp_path, DEFAULTS)


@pytest.mark.realdata
def test_the_real_photographs_are_read(real_data):
    rows = labelled_folder.read_rows(real_data / "faces")
    assert len(rows) == 930
    assert len({*(rows.emotion or [])}) == 8
    assert rows.person is None
    assert all(path.is_file() for path in rows.path)


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_photographs_are_cut_and_grouped(real_data):
    data = labelled_folder.read(real_data / "faces", DEFAULTS)
    assert data.blocks["images"].values.shape == (930, 3, 64, 64)
    assert data.summary["faces"]["detected"] > 800
    assert 900 < data.summary["groups"] < 930
