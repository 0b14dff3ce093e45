"""Videos: which sequences belong together, which frames have a face, and how many are lost."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.contract import UserError
from training.datasets import _videos


@pytest.mark.parametrize(
    ("name", "recording"),
    [
        ("video55_left", "video55"),
        ("video55", "video55"),
        ("video45_7", "video45"),
        ("video45_12", "video45"),
        ("video10_1_right", "video10"),
        ("video_5", "video_5"),
        ("105", "105"),
        ("10_1", "10"),
        ("anna_left", "anna"),
        ("anna", "anna"),
        ("P1_V1", "P1_V1"),
        ("video59_rights", "video59_rights"),
    ],
)
def test_faces_and_parts_are_of_one_recording(name, recording):
    assert _videos.recording(name) == recording


def test_names_are_sorted_as_people_count():
    names = ["video10", "video2", "video1_10", "video1_9", "a", "10", "9"]
    assert sorted(names, key=_videos.in_order) == ["9", "10", "a", "video1_9", "video1_10", "video2", "video10"]


def test_lost_frames_are_those_before_the_last_face():
    assert _videos.lost(np.array([2, 3, 7])) == 4
    assert _videos.lost(np.array([1, 2, 3])) == 0
    assert _videos.lost(np.array([], np.int64)) == 0


def test_a_folder_of_frames(tmp_path):
    for name in ("0000010.png", "2.jpg", "cover.png", "0.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    skipped: dict[str, list[str]] = {}
    numbers, files = _videos.images(tmp_path, skipped)
    assert numbers.tolist() == [2, 10]
    assert [file.name for file in files] == ["2.jpg", "0000010.png"]
    assert {why: sorted(names) for why, names in skipped.items()} == {
        "files that are no image": [f"{tmp_path.name}/notes.txt"],
        "images whose name is no frame number from 1": [f"{tmp_path.name}/0.png", f"{tmp_path.name}/cover.png"],
    }
    Image.new("L", (4, 4)).save(tmp_path / "02.png")
    with pytest.raises(UserError, match=r"expected one image of each frame, found frame 2 in"):
        _videos.images(tmp_path, {})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("video1,0,3", r"line 2, column first_frame: expected a frame number from 1, found '0'"),
        ("video1,5,3", r"line 2, column last_frame: expected a frame number from 5, found '3'"),
        ("video1,1,2.5", "column last_frame: expected a frame number"),
        ("video1,1,3\nvideo1,3,4", r"line 3, column first_frame: expected a run that no other run of video1 overlaps"),
    ],
)
def test_runs_that_are_none_are_refused(tmp_path, rows, message):
    file = tmp_path / "runs.csv"
    file.write_text(f"video,first_frame,last_frame\n{rows}\n")
    with pytest.raises(UserError, match=message):
        _videos.with_face(file, {})


@pytest.mark.realdata
def test_the_lost_frames_of_the_published_videos(real_data):
    """As the counts were made apart from this code: 561,350 frames with a face, 6.1 % between 1 and the last lost."""
    frames = _videos.with_face(real_data / "frames" / "affwild_frames" / "detected_runs_source_videos.csv", {})
    assert len(frames) == 108
    with_face = {name: len(of) for name, of in frames.items()}
    lost = {name: _videos.lost(of) for name, of in frames.items()}
    assert sum(with_face.values()) == 561_350
    assert sum(lost.values()) / (sum(lost.values()) + 561_350) == pytest.approx(0.061, abs=5e-4)
    test = [name for name in frames if _videos.recording(name)[5:] in {"7", "19", "25", "45", "48", "62", "72", "73"}]
    assert (len(test), sum(with_face[name] for name in test)) == (14, 23_663)
    assert sum(of for name, of in with_face.items() if 75 <= int(_videos.recording(name)[5:]) <= 96) == 80_613
    assert (lost["video55_left"], lost["video55_right"], lost["video7"]) == (10, 4_982, 0)
    faces = {video: of for video, of in _videos.shared(frames).items() if any(_videos.FACE.search(n) for n in of)}
    assert [*faces] == [f"video{n}" for n in (2, 5, 10, 29, 49, 55, 59, 74)]
    assert all(len(of) == 2 for of in faces.values())
