from __future__ import annotations

import numpy as np
import pytest

from training.contract import UserError
from training.facemesh import images


def test_the_official_tree_gives_the_last_frames_of_labelled_sequences(tree):
    found, notes = images.find(tree, 0.2)
    assert [one.name for one in found] == [
        "S005_001_00000009.png",
        "S005_001_00000010.png",
        "S010_002_00000004.png",  # at least one of each
    ]
    first = found[0]
    assert (first.person, first.sequence, first.frame, first.label) == ("S005", "S005_001", 9, "disgust")
    assert found[2].label == "happy"
    assert notes == ["1 sequences have no emotion and are left out"]
    assert len(images.find(tree, 1.0)[0]) == 14


def test_a_label_that_is_no_emotion_is_refused(tree):
    file = next((tree / "Emotion/S005/001").glob("*.txt"))
    for text in ("9", "disgust"):
        file.write_text(text, "utf-8")
        with pytest.raises(UserError, match=f"emotion.txt: expected the number of an emotion, 1 … 7, found '{text}'"):
            images.find(tree)


def test_a_tree_without_labels_is_refused(tree):
    (tree / "Emotion").rename(tree / "Emotions")
    with pytest.raises(UserError, match="expected the folder Emotion beside cohn-kanade-images"):
        images.find(tree)


def test_folders_and_names_tell_what_they_can(tmp_path, draw_image):
    draw_image(tmp_path / "Anger/S010_004_00000017.png")
    draw_image(tmp_path / "holiday/beach.JPG")
    draw_image(tmp_path / "holiday/me.png")
    (tmp_path / "holiday/notes.txt").write_text("no image", "utf-8")
    named, first, second = images.find(tmp_path)[0]
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
    assert images.read(tmp_path / "wide.bmp") is None
    assert images.read(tmp_path / "broken.png") is None
    assert images.read(tmp_path / "empty.png") is None


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
