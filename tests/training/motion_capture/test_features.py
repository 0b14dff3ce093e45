"""The published features come out to their last digit; the plain ones do not see where or how a body is turned."""

from __future__ import annotations

import ast
import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.training.motion_capture.recordings import write
from training.contract import UserError
from training.datasets import lma
from training.motion_capture import bvh, features, humanoid, skeletons

TABLE_DIGITS = 5.5e-6
"""Six digits, as the published table has them."""


def made(file: Path, preset: str, window: float = 1.0, hop: float | None = None) -> features.Windows:
    recording = bvh.read(file)
    return features.windows(recording, skeletons.of(recording, None, file), preset, window, hop or window, file)


@pytest.mark.parametrize("turn", [0.0, 73.0, -160.0])
def test_turning_and_moving_a_recording_changes_no_plain_feature(tmp_path, turn):
    here = made(write(tmp_path, "here.bvh"), "plain")
    there = made(write(tmp_path, "there.bvh", turn=turn, shift=(12.5, -3.0, 400.0)), "plain")
    np.testing.assert_allclose(there.values, here.values, atol=1e-9)


def test_plain_features_are_the_same_in_another_unit(tmp_path):
    inches, centimetres = (made(write(tmp_path, f"{unit}.bvh", unit=unit), "plain") for unit in (1.0, 2.54))
    np.testing.assert_allclose(centimetres.values, inches.values, atol=1e-9)


def test_plain_features_have_true_windows_and_paths_no_shorter_than_net_displacement(tmp_path):
    found = made(write(tmp_path, frames=361), "plain")
    assert found.names == lma.PLAIN
    assert found.time.tolist() == pytest.approx([0, 1, 2])
    table = dict(zip(found.names, found.values.T, strict=True))
    for mover in ("l_hand", "r_hand", "l_foot", "r_foot", "neck"):
        assert (table[f"{mover}_path_speed"] >= table[f"{mover}_speed"] - 1e-12).all()
    # it walks 45 units a second and is about 60 units tall
    assert table["neck_speed"].mean() == pytest.approx(
        45 / features.height(*with_places(tmp_path / "walk.bvh")), rel=0.05
    )
    overlapping = made(tmp_path / "walk.bvh", "plain", hop=0.5)
    assert overlapping.time.tolist() == pytest.approx([0, 0.5, 1, 1.5, 2])
    np.testing.assert_array_equal(overlapping.values[::2], found.values)


def with_places(file: Path) -> tuple[bvh.Recording, dict[str, int]]:
    recording = bvh.read(file)
    return recording, skeletons.PRESETS["walk"].places(recording, file)


def test_published_windows_hold_as_many_samples_as_the_recording_has_frames_a_second(tmp_path):
    found = made(write(tmp_path, frames=240), "published")
    # 240 frames and half a second held are 2.5 s: 374 samples, of which 120 make a window
    assert found.frame.tolist() == [120, 240, 360]
    assert found.names == lma.FEATURES
    chest_pelvis = found.values[:, found.names.index("avg_chest_pelvis_distance")]
    np.testing.assert_allclose(chest_pelvis, 0.286151, atol=1e-9)
    first = dict(zip(found.names, found.values[0], strict=True))
    assert first["neck_acceleration_magnitude"] == pytest.approx(first["neck_speed"])


@pytest.mark.parametrize("degrees", [0.0, 1e-9])
def test_a_straight_limb_has_a_rotation(tmp_path, degrees):
    """Where toe and end site, or two bones, lie in line, the rotation about the bone is anybody's, and never nan."""
    along = np.tile([0.0, -1.0, 0.0], (2, 1))
    bent = Rotation.from_euler("x", degrees, degrees=True).apply(along)
    for foot in (False, True):
        assert np.isfinite(humanoid._limb(along, bent, foot=foot).as_quat()).all()


def test_published_windows_do_not_overlap(tmp_path):
    with pytest.raises(UserError, match=r"published windows follow one another: expected --hop 1, found 0.5"):
        made(write(tmp_path), "published", hop=0.5)


@pytest.mark.parametrize("preset", features.PRESETS)
@pytest.mark.parametrize("frames", [1, 100])
def test_a_recording_shorter_than_a_window_is_refused(tmp_path, preset, frames):
    with pytest.raises(UserError, match=rf"expected at least one window of 1 s, found {frames} frame"):
        made(write(tmp_path, frames=frames), preset)


# ------------------------------------------------------------------------------------------------- the real ones


@pytest.fixture
def raw(real_data: Path) -> Path:
    return real_data / "motion_raw"


@pytest.mark.realdata
def test_the_published_rows_come_out_to_their_last_digit(raw):
    with (raw / "expected_rows.csv").open() as file:
        expected = list(csv.DictReader(file))
    checked = {"all": 0, "all_but_acceleration": 0}
    for clip in dict.fromkeys(row["clip"] for row in expected):
        found = made(next(raw.glob(f"*/{clip}.bvh.gz")), "published")
        for row in (row for row in expected if row["clip"] == clip and row["reproducible"] in checked):
            names = lma.FEATURES if row["reproducible"] == "all" else lma.columns("no_acceleration")
            place = found.frame.tolist().index(int(row["frame_counter"]))
            values = dict(zip(found.names, found.values[place], strict=True))
            gaps = [abs(values[name] - float(row[name])) for name in names]
            assert max(gaps) < TABLE_DIGITS, (clip, row["window"], names[int(np.argmax(gaps))])
            checked[row["reproducible"]] += 1
    assert checked == {"all": 44, "all_but_acceleration": 6}


@pytest.mark.realdata
def test_the_retargeted_poses_are_the_authors_own(raw):
    frames = np.array(json.loads(gzip.decompress((raw / "mocap/angry_0_walk.mocap.json.gz").read_bytes()))["Frames"])
    file = raw / "walk/angry_0_walk.bvh.gz"
    recording = bvh.read(file)
    poses = humanoid.retarget(recording, skeletons.PRESETS["walk"], file)
    np.testing.assert_allclose(poses.root, frames[:, 1:4], atol=1e-6)
    at = {"root": 4, "chest": 8, "neck": 12, "right_hip": 16, "right_ankle": 21, "right_shoulder": 25}
    at |= {"left_hip": 30, "left_ankle": 35, "left_shoulder": 39}
    for name, column in at.items():
        found = poses.turns[name].as_quat()[:, [3, 0, 1, 2]]
        theirs = frames[:, column : column + 4]
        found *= np.sign((found * theirs).sum(axis=1))[:, None]
        np.testing.assert_allclose(found, theirs, atol=1e-6, err_msg=name)
    for name, column in {"right_knee": 20, "right_elbow": 29, "left_knee": 34, "left_elbow": 43}.items():
        np.testing.assert_allclose(poses.angles[name], frames[:, column], atol=1e-6, err_msg=name)


@pytest.mark.realdata
def test_the_features_of_another_data_set_come_out_too(raw):
    text = gzip.decompress((raw / "bandai/neutral_bandai1_1_walk.lma_05sec.txt.gz").read_bytes()).decode()
    rows = [ast.literal_eval(line)["lma_features"] for line in text.splitlines() if line.strip()]
    theirs = np.array([[*row[:10], *row[10], row[11], *row[14:]] for row in rows])
    found = made(raw / "bandai/dataset-1_walk_normal_002.bvh.gz", "published", window=0.5)
    np.testing.assert_allclose(found.values, theirs, atol=1e-5)
