"""Frames of new recordings: their folder is the recording, their number the time."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.contract import UserError
from training.datasets import _frames, afew_va, synthetic_frames


def folder(path, names):
    path.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        Image.new("RGB", (64, 64), (10 * k, 20, 30)).save(path / name)
    return path


def test_numbers_are_frames_and_a_missing_one_is_a_gap(tmp_path):
    file = folder(tmp_path / "clip", ["0000003.png", "0000004.png", "0000010.png"])
    new = _frames.read_frames(file, ("images",), {}, 5, whole=True)
    assert new.sequence.tolist() == ["clip"] * 3
    np.testing.assert_allclose(new.time, [0.0, 0.2, 1.4])
    assert new.names["time"].tolist() == ["0.0", "0.2", "1.4"]
    assert new.names["image"].tolist() == ["0000003.png", "0000004.png", "0000010.png"]
    assert new.blocks["images"].values.shape == (3, 3, 64, 64)


def test_other_names_follow_each_other(tmp_path):
    new = _frames.read_frames(folder(tmp_path / "clip", ["b.png", "a.png", "10.png"]), ("images",), {}, 5, whole=True)
    assert dict(zip(new.names["image"].tolist(), new.time.tolist(), strict=True)) == {
        "10.png": 0.0,
        "a.png": 0.2,
        "b.png": 0.4,
    }


def test_each_folder_is_a_recording(tmp_path):
    for name in ("clips/a", "clips/b"):
        folder(tmp_path / name, ["0000001.png", "0000002.png"])
    new = synthetic_frames.read_inputs(tmp_path / "clips", ("images",), {})
    assert new.sequence.tolist() == ["clips/a", "clips/a", "clips/b", "clips/b"]
    assert new.time.tolist() == [0.0, 0.2, 0.0, 0.2]


def test_one_image_is_a_recording_of_one_frame(tmp_path):
    file = folder(tmp_path, ["0000007.png"]) / "0000007.png"
    new = synthetic_frames.read_inputs(file, ("images",), {})
    assert (new.sequence.tolist(), new.time.tolist()) == (["0000007"], [0.0])


def test_two_images_of_one_frame_are_refused(tmp_path):
    file = folder(tmp_path / "clip", ["1.png", "01.png", "2.png"])
    with pytest.raises(UserError, match="clip: expected one image of each frame, found 2 of frame 1"):
        _frames.read_frames(file, ("images",), {}, 5, whole=True)


def test_the_rate_is_the_sets(tmp_path):
    file = folder(tmp_path / "001", ["00000.png", "00001.png"])
    assert afew_va.read_inputs(file, ("images",), {}).time.tolist() == [0.0, 0.04]
    assert synthetic_frames.read_inputs(file, ("images",), {}).time.tolist() == [0.0, 0.2]


def test_another_block_is_refused(tmp_path):
    with pytest.raises(UserError, match="landmarks"):
        synthetic_frames.read_inputs(tmp_path, ("landmarks",), {})
