"""AffectNet: the published CSV, faces cut by its boxes; rows without a face, emotion or rating skipped and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import face_trees
from training import protocols
from training.contract import UserError
from training.datasets import _annotations, _images, affectnet


@pytest.fixture
def csv(tmp_path) -> Path:
    return face_trees.affectnet(tmp_path / "affectnet")


def add(csv: Path, *rows: dict) -> Path:
    with csv.open("a", encoding="utf-8") as stream:
        stream.writelines(",".join(map(str, row.values())) + "\n" for row in rows)
    return csv


def test_the_published_table_is_read_and_its_known_rows_are_skipped(csv):
    data = affectnet.read(csv, {})
    assert len(data.sample) == 20
    assert data.summary["skipped"] == 3
    assert data.summary["skipped_rows"] == {
        "of expression 8 (none)": {"count": 1, "first": ["0/none.png"]},
        "of expression 10 (no face)": {"count": 1, "first": ["0/noface.png"]},
        "not rated (-2)": {"count": 1, "first": ["0/unrated.png"]},
    }
    assert {*data.label.tolist()} <= {*affectnet.EXPRESSIONS[: affectnet.EMOTIONS]}
    assert np.allclose(data.blocks["va"].values, [va for *_, va in face_trees.faces(20)])
    assert data.summary["valence_and_arousal"] == "annotated"
    assert not data.persons_known
    assert data.group_kind == "image"


def test_faces_are_cut_by_the_sets_boxes(csv):
    data = affectnet.read(csv, {})
    assert data.summary["faces"] == {_images.BOX: 20}
    faces = [np.asarray(image).transpose(2, 0, 1) for image, *_ in face_trees.faces(20)]
    assert np.array_equal(data.blocks["images"].values, faces)


def test_other_boxes_are_another_version_of_the_data(csv):
    """The same files cut otherwise are other images: their results are not to be compared."""
    before = affectnet.read(csv, {}).version
    assert affectnet.read(csv, {}).version == before
    csv.write_text(csv.read_text().replace(",40,20,64,64,", ",30,20,64,64,"))
    assert affectnet.read(csv, {}).version != before


def test_missing_and_damaged_images_are_known_of_it(csv):
    Image.new("L", (10, 10)).save(csv.parent / "images" / "0" / "tiny.png")
    (csv.parent / "images" / "0" / "text.jpg").write_text("no image")
    rows = [face_trees.affectnet_row(f"0/{name}", 1, 0.5, 0.5) for name in ("gone.jpg", "text.jpg", "tiny.png")]
    data = affectnet.read(add(csv, *rows), {})
    assert len(data.sample) == 20
    counts = {why: of["first"] for why, of in data.summary["skipped_rows"].items()}
    assert counts["images that cannot be read: no file of that name"] == ["0/gone.jpg"]
    assert counts["images that cannot be read: 8 bytes that are no image"] == ["0/text.jpg"]
    assert counts["images that cannot be read: a face box"] == ["0/tiny.png"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("0/x.png", 1, 1.5, 0), r"line 25: expected valence in \[-1, 1\], found 1.5"),
        (("0/x.png", 11, 0, 0), "line 25, column expression: expected a whole number 0 … 10, found '11'"),
        (("0/x.png", 1, "high", 0), "line 25, column valence: expected a number, found 'high'"),
    ],
)
def test_what_is_not_known_of_it_is_refused(csv, row, message):
    with pytest.raises(UserError, match=message):
        affectnet.read(add(csv, face_trees.affectnet_row(*row)), {})


@pytest.mark.parametrize("edge", ["NULL", "nan", "inf"])
def test_a_box_that_is_none_is_refused_for_a_row_that_is_used_and_only_then(csv, edge):
    box = {"face_x": edge}
    unused = {**face_trees.affectnet_row("0/y.png", 10, -2, -2), **box}
    assert len(affectnet.read(add(csv, unused), {}).sample) == 20
    used = {**face_trees.affectnet_row("0/x.png", 1, 0, 0), **box}
    with pytest.raises(UserError, match=r"line 26: expected face_x, face_y, .* as numbers, found '" + edge):
        affectnet.read(add(csv, used), {})


def test_training_and_validation_are_the_published_split_and_copies_do_not_cross_it(tmp_path):
    training = face_trees.affectnet(tmp_path, n=20)
    validation = face_trees.affectnet(tmp_path, n=5, name="validation.csv", start=20)
    copied = Image.open(next((tmp_path / "images").glob("*/va0.png")))
    copied.save(tmp_path / "images" / "0" / "copy.jpg", quality=80)
    add(training, face_trees.affectnet_row("0/copy.jpg", 1, 0.5, 0.5))
    data = affectnet.read(tmp_path, {})
    assert len(data.sample) == 25
    assert "0/copy.jpg" not in data.sample
    assert any("1 train images are left out: copies" in note for note in data.summary["notes"])
    made = protocols.make(data, "va")
    tested = data.sample[made.part == "test"].tolist()
    assert tested == affectnet.read(validation, {}).sample.tolist()


def test_a_folder_of_neither_table_is_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"expected training.csv and validation.csv, or train_set and val_set .* found nothing"
    ):
        affectnet.read(tmp_path, {})
    csv = face_trees.affectnet(tmp_path)
    for image in (tmp_path / "images").rglob("*.png"):
        image.unlink()
    with pytest.raises(UserError, match="affectnet: no image is left to learn from"):
        affectnet.read(csv, {})


def annotated(folder: Path, n: int = 16, start: int = 0) -> Path:
    """Write images/ and annotations/ as the set is handed out now, labels as texts in .npy files."""
    order = affectnet.EXPRESSIONS
    (folder / "annotations").mkdir(parents=True)
    for i, (image, emotion, _, va) in enumerate(face_trees.faces(start + n)[start:], start):
        face_trees.save(image.resize((224, 224)), folder / "images" / f"{i}.jpg")
        code = order.index(emotion) if emotion in order else 0
        for label, value in {"exp": str(code), "val": f"{va[0]:.6f}", "aro": f"{va[1]:.6f}"}.items():
            np.save(folder / "annotations" / f"{i}_{label}.npy", value)
        np.save(folder / "annotations" / f"{i}_lnd.npy", np.zeros(136))
    return folder


def test_the_layout_of_today_is_read(tmp_path):
    data = affectnet.read(annotated(tmp_path / "train_set"), {})
    assert data.sample.tolist() == [f"train_set/{i}.jpg" for i in range(16)], "in the order of their numbers"
    assert np.allclose(data.blocks["va"].values, [va for *_, va in face_trees.faces(16)], atol=1e-6)
    assert data.summary["faces"] == {_images.WHOLE: 16}
    assert data.summary["skipped"] == 0


def test_both_folders_of_today_are_train_and_test(tmp_path):
    annotated(tmp_path / "train_set", 12)
    annotated(tmp_path / "val_set", 4, start=12)
    data = affectnet.read(tmp_path, {})
    assert sorted({*data.published_split.values()}) == ["test", "train"]
    tested = [
        name for name, group in zip(data.sample, data.group, strict=True) if data.published_split[group] == "test"
    ]
    assert tested == [f"val_set/{i}.jpg" for i in range(12, 16)]
    with pytest.raises(UserError, match=r"they are in .*: give that as --root"):
        affectnet.read(tmp_path.parent, {})


def test_a_second_read_of_todays_layout_opens_no_annotation(tmp_path, monkeypatch):
    folder = annotated(tmp_path / "train_set")
    before = affectnet.read(folder, {}).version
    monkeypatch.setattr(_annotations, "number", lambda file: pytest.fail(f"{file} was opened again"))
    assert affectnet.read(folder, {}).version == before
    monkeypatch.undo()
    np.save(folder / "annotations" / "3_val.npy", "0.125000")
    assert affectnet.read(folder, {}).version != before


def test_what_is_incomplete_in_todays_layout_is_counted(tmp_path):
    folder = annotated(tmp_path / "train_set")
    (folder / "images" / "0.jpg").unlink()
    (folder / "annotations" / "1_aro.npy").unlink()
    for label in ("exp", "val", "aro"):
        (folder / "annotations" / f"2_{label}.npy").unlink()
        (folder / "annotations" / f"._3_{label}.npy").write_bytes(b"Mac")
    (folder / "annotations" / "readme.txt").write_text("")
    np.save(folder / "annotations" / "4_exp.npy", "8")
    data = affectnet.read(folder, {})
    assert len(data.sample) == 12
    assert {why: of["first"] for why, of in data.summary["skipped_rows"].items()} == {
        "files of macOS or Windows": ["._3_aro.npy", "._3_exp.npy", "._3_val.npy"],
        "files that are no annotation": ["readme.txt"],
        "images without annotations": ["2"],
        "images without all of exp, val, aro": ["1"],
        "annotations without an image": ["0"],
        "of expression 8 (none)": ["4"],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array("high"), "4_val.npy: expected an .npy file of one number or text, found: could not convert"),
        (np.zeros(3), r"4_val.npy: expected one number, found an array \(3,\)"),
        (np.array("7.5"), "image 4: expected valence in .* found 7.5"),
        (np.array([{}], object), "4_val.npy: expected an .npy file .*(allow_pickle|Object arrays)"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((\n", "4_val.npy: expected an .npy file of one number or text"),
        (b"text", "4_val.npy: expected an .npy file of one number or text"),
        (np.array([0x7FFFFFFF], np.uint32).view("<U1"), "4_val.npy: expected an .npy file of one number or text"),
    ],
)
def test_an_annotation_that_is_none_is_refused(tmp_path, content, message):
    folder = annotated(tmp_path / "train_set")
    file = folder / "annotations" / "4_val.npy"
    with file.open("wb") as stream:
        stream.write(content) if isinstance(content, bytes) else np.lib.format.write_array(stream, content)
    with pytest.raises(UserError, match=message):
        affectnet.read(folder, {})


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("train.h5", "HDF5 is not read: write its images"),
        ("part.7z.001", "unpack the archives"),
        ("a.parquet", "inside of tables"),
    ],
)
def test_another_layout_is_named_with_a_way(tmp_path, name, way):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"found {name}.*{way}.*--dataset labelled_folder"):
        affectnet.read(tmp_path, {})
