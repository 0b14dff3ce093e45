"""Paths of images that were written on another machine find their files, and it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import face_trees
from training.contract import UserError
from training.datasets import _paths, affectnet, labelled_folder


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("faces/a.png", "faces/b c.png", "other/a.png", "top.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name", "ways"),
    [
        ("faces/a.png", "faces/a.png", []),
        ("./faces/a.png", "faces/a.png", []),
        ("faces\\a.png", "faces/a.png", [_paths.BACKSLASHES]),
        ("faces/b%20c.png", "faces/b c.png", [_paths.ENCODED]),
        ("faces%2Fa.png", "faces/a.png", [_paths.ENCODED]),
        ("file:///home/other/faces/a.png", "faces/a.png", [_paths.ENDS]),
        ("C:\\Users\\me\\other\\a.png", "other/a.png", [_paths.BACKSLASHES, _paths.ENDS]),
        ("/home/other/data/faces/a.png", "faces/a.png", [_paths.ENDS]),
        ("data/faces/a.png", "faces/a.png", [_paths.ENDS]),
        ("Faces/A.png", "faces/a.png", [_paths.CASE]),
        ("top.png", "top.PNG", [_paths.CASE]),
    ],
)
def test_a_path_is_found_however_it_is_written(folder, text, name, ways):
    found = _paths.resolve([text], [folder])
    assert found.path == [folder / name]
    assert found.name == [name]
    assert [*found.ways] == ways
    assert found.notes() == [f"1 of 1 {way}" for way in ways]


def test_an_image_that_is_missing_from_its_folder_is_not_taken_from_another(folder):
    (folder / "a.png").write_bytes(b"")
    (folder / "faces" / "a.png").unlink()
    assert _paths.resolve(["faces/a.png"], [folder]).path == [folder / "faces/a.png"]


def test_the_nearest_name_is_told(folder):
    assert _paths.nearest(folder / "faces" / "aa.png").startswith("; nearest: 'a.png'")
    assert _paths.nearest(folder / "nowhere" / "aa.png") == ""


@pytest.mark.parametrize("write", ["faces\\{}", "C:\\data\\faces\\{}", "/home/other/faces/{}", "faces%2F{}"])
def test_a_labelled_folder_of_another_machine_is_the_same_data(tmp_path, write):
    rows = [
        {"image": f"faces/p{i}.png", "emotion": emotion, "person": who, "valence": va[0], "arousal": va[1]}
        for i, (_, emotion, who, va) in enumerate(face_trees.faces(12))
    ]
    for i, (image, *_) in enumerate(face_trees.faces(12)):
        face_trees.save(image, tmp_path / "faces" / f"p{i}.png")
    here = labelled_folder.read(face_trees.table(tmp_path / "here.csv", rows), {"labels": "continuous"})
    there = face_trees.table(
        tmp_path / "there.csv", [{**row, "image": write.format(Path(row["image"]).name)} for row in rows]
    )
    data = labelled_folder.read(there, {"labels": "continuous"})
    assert data.version == here.version
    assert data.sample.tolist() == here.sample.tolist()
    assert any(note.startswith("12 of 12 paths are") for note in data.summary["notes"])
    (tmp_path / "faces" / "p3.png").rename(tmp_path / "faces" / "q3.png")
    with pytest.raises(
        UserError, match=r"there.csv, line 5: expected an image .*p3\.png, found no file .*nearest: 'q3.png'"
    ):
        labelled_folder.read(there, {"labels": "continuous"})


def test_affectnet_of_another_machine_is_the_same_data(tmp_path):
    csv = face_trees.affectnet(tmp_path, n=6)
    here = affectnet.read(csv, {})
    csv.write_text(csv.read_text().replace("0/", "D:\\AffectNet\\images\\0\\"))
    assert affectnet.read(csv, {}).version == here.version
