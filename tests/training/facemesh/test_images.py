from __future__ import annotations

import shutil

import numpy as np
import pytest

from training.contract import UserError
from training.facemesh import images


def test_the_official_tree_gives_the_last_frames_of_labelled_sequences(tree):
    below = images.find(tree, 0.2)
    found = below.images
    assert [one.name for one in found] == [
        "S005_001_00000009.png",
        "S005_001_00000010.png",
        "S010_002_00000004.png",  # at least one of each
    ]
    first = found[0]
    assert (first.person, first.sequence, first.frame, first.label) == ("S005", "S005_001", 9, "disgust")
    assert found[2].label == "happy"
    assert below.skipped == {
        "files of macOS or Windows": ["cohn-kanade-images/S005/001/._S005_001_00000010.png"],
        "sequences that have no emotion": ["S010_003"],
    }
    assert len(images.find(tree, 1.0).images) == 14


def test_a_label_that_is_no_emotion_is_refused(tree):
    file = next((tree / "Emotion/S005/001").glob("*.txt"))
    for text in ("9", "disgust"):
        file.write_text(text, "utf-8")
        with pytest.raises(UserError, match=f"emotion.txt: expected the number of an emotion, 1 … 7, found '{text}'"):
            images.find(tree)


def test_the_sets_zip_files_may_be_unpacked_each_in_a_folder_of_its_own(tree, tmp_path):
    """As the archives are named: extended-cohn-kanade-images.zip, Emotion_labels.zip, Landmarks.zip."""
    official = images.find(tree, 0.2).images
    known = [(one.name, one.person, one.sequence, one.frame, one.label) for one in official]
    apart = tmp_path / "apart"
    (apart / "extended-cohn-kanade-images").mkdir(parents=True)
    (apart / "Emotion_labels").mkdir()
    (tree / "cohn-kanade-images").rename(apart / "extended-cohn-kanade-images/cohn-kanade-images")
    (tree / "Emotion").rename(apart / "Emotion_labels/Emotion")
    landmarks = apart / "Landmarks/Landmarks/S005/001/S005_001_00000001_landmarks.txt"
    landmarks.parent.mkdir(parents=True)
    landmarks.write_text("1.0 2.0")
    for root in (apart, apart / "extended-cohn-kanade-images"):
        below = images.find(root, 0.2)
        assert [(one.name, one.person, one.sequence, one.frame, one.label) for one in below.images] == known
        assert {*below.skipped} == {"files of macOS or Windows", "sequences that have no emotion"}
    assert "beside" in below.notes[0]
    assert official[0].time == 9 / 30


def test_images_of_ckplus_without_labels_are_known(tree):
    shutil.rmtree(tree / "Emotion")
    below = images.find(tree)
    assert len(below.images) == 19
    assert "have no label; expected its files Emotion/Sxxx" in below.unlabelled


def test_copies_of_a_frame_count_once(tree):
    copy = tree / "cohn-kanade-images" / "copy of S005"
    shutil.copytree(tree / "cohn-kanade-images/S005", copy)
    below = images.find(tree, 1.0)
    assert len(below.images) == 14
    assert len(below.skipped["further copies of a frame"]) == 10


def test_folders_and_names_tell_what_they_can(tmp_path, draw_image):
    draw_image(tmp_path / "Anger/S010_004_00000017.png")
    draw_image(tmp_path / "holiday/beach.JPG")
    draw_image(tmp_path / "holiday/me.png")
    (tmp_path / "holiday/notes.txt").write_text("no image", "utf-8")
    below = images.find(tmp_path)
    named, first, second = below.images
    assert below.skipped == {"files that are no image": ["holiday/notes.txt"]}
    assert (named.person, named.sequence, named.frame, named.label) == ("S010", "S010_004", 17, "anger")
    assert (first.name, first.person, first.sequence, first.frame, first.label) == (
        "holiday/beach.JPG",
        "",
        "holiday",
        0,
        "",
    )
    assert second.frame == 1


def test_images_are_read_as_rgb(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "red.png"), np.full((2, 3, 3), (0, 0, 255), np.uint8))
    assert images.read(tmp_path / "red.png")[1, 2].tolist() == [255, 0, 0]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "wide.bmp"), np.zeros((2, 3, 3), np.uint8))
    content = bytearray((tmp_path / "wide.bmp").read_bytes())
    content[18:22] = (2**31 - 1).to_bytes(4, "little")  # the width that its header tells
    (tmp_path / "wide.bmp").write_bytes(content)
    assert "too large" in images.read(tmp_path / "wide.bmp")
    assert images.read(tmp_path / "broken.png") == "4 bytes that are no image"
    assert images.read(tmp_path / "empty.png") == "0 bytes that are no image"


def test_a_video_is_its_frames(film):
    opened = images.Film(film)
    assert (opened.length, opened.rate) == (6, 25)
    frames = list(opened)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 6
    assert frames[2].mean() < 10 < 150 < frames[3].mean()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "there is no file or folder"),
        ("notes.txt", "expected a folder of images, an image"),
        ("empty", "expected images .* found none"),
    ],
)
def test_what_has_no_images_is_refused(tmp_path, name, message):
    (tmp_path / "notes.txt").write_text("no image", "utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        images.find(tmp_path / name)


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"cannot open .*film\.mp4 as a video"):
        images.Film(tmp_path / "film.mp4")
    with pytest.raises(UserError, match="there is no file"):
        images.Film(tmp_path / "other.mp4")
