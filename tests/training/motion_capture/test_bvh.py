from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.training.motion_capture.recordings import bvh as made
from tests.training.motion_capture.recordings import write
from training.contract import UserError
from training.motion_capture import bvh

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Arm
  {
    OFFSET 2 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.01
1 2 3 0 0 0 0 0 0
1 2 3 90 0 0 90 0 0
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.bvh"
    file.write_text(SMALL)
    return file


def test_positions_are_offsets_turned_by_all_joints_above(small):
    recording = bvh.read(small)
    assert recording.names == ("Hips", "Arm", "Arm end")
    assert (len(recording), recording.frame_time, recording.seconds) == (2, 0.01, 0.01)
    positions, rotations = recording.poses()
    np.testing.assert_allclose(positions[0], [[1, 3, 3], [3, 3, 3], [4, 3, 3]], atol=1e-12)
    np.testing.assert_allclose(positions[1], [[1, 3, 3], [1, 5, 3], [0, 5, 3]], atol=1e-12)
    np.testing.assert_allclose(rotations[1].as_euler("ZXY", degrees=True)[1], [180, 0, 0], atol=1e-9)


def test_rotations_are_multiplied_in_the_order_of_the_channels(tmp_path):
    file = tmp_path / "order.bvh"
    file.write_text(SMALL.replace("1 2 3 90 0 0 90 0 0", "0 0 0 90 90 0 0 0 0"))
    positions, _ = bvh.read(file).poses()
    # Z·X: the arm along x is turned about x first, which leaves it, then about z
    np.testing.assert_allclose(positions[1, 1] - positions[1, 0], [0, 2, 0], atol=1e-12)


def test_joints_above_the_root_are_left_out(small):
    recording = bvh.read(small)
    positions, _ = recording.poses(recording.names.index("Arm"))
    np.testing.assert_allclose(positions[1], [[0, 0, 0], [2, 0, 0], [2, 1, 0]], atol=1e-12)


def test_a_packed_file_is_the_same(small, tmp_path):
    packed = tmp_path / "small.bvh.gz"
    packed.write_bytes(gzip.compress(SMALL.encode()))
    np.testing.assert_array_equal(bvh.read(packed).values, bvh.read(small).values)


def test_other_line_ends_and_tabs_are_the_same(small, tmp_path):
    other = tmp_path / "other.bvh"
    other.write_bytes(SMALL.replace("\n", "\r\n").replace("Frames: 2", "Frames:\t2").encode())
    np.testing.assert_array_equal(bvh.read(other).values, bvh.read(small).values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("MOTION", ""), r"line 17: expected JOINT, .* or MOTION, found Frames: 2"),
        ((SMALL[SMALL.index("MOTION") :], ""), r"line 15: expected MOTION, .*, found the end of the file"),
        (("Frames: 2", "Frames: 3"), r"line 20: expected 3 frames, as Frames: says, found 2"),
        (("Frame Time: 0.01", "Frame Time: 0"), r"line 18: expected a frame time above 0 s, found 0"),
        (("Frame Time: 0.01", "Frame Time: nan"), r"line 18: expected a frame time above 0 s, found nan"),
        (("Frame Time: 0.01\n", ""), r"line 18: expected Frame Time: and seconds, found 1 2 3"),
        (("90 0 0 90 0 0", "90 0 nan 90 0 0"), r"line 20: expected 9 numbers, .*, found nan as number 6"),
        (("90 0 0 90 0 0", "90 0 x 90 0 0"), r"line 20: expected 9 numbers, .*, found x"),
        (("90 0 0 90 0 0", "90 0 0 90 0"), r"line 20: expected 9 numbers, .*, found 8"),
        (("3 Zrotation Xrotation Yrotation\n    End", "3 Zrotation Xrotation Zrotation\n    End"), r"joint Arm once"),
        (("3 Zrotation Xrotation", "3 Wrotation Xrotation"), r"expected a channel of Xposition.*, found Wrotation"),
        (("CHANNELS 3 Z", "CHANNELS 4 Z"), r"expected CHANNELS, how many, and their names"),
        (("JOINT Arm", "JOINT Hips"), r"line 6: expected each joint once, found Hips again"),
        (("OFFSET 2 0 0", "OFFSET 2 0"), r"line 8: expected three numbers after OFFSET, found 2"),
        (("HIERARCHY", "x"), r"line 1: expected HIERARCHY"),
        (("ROOT Hips\n{", "ROOT Hips\n"), r"expected { after the name of a joint"),
    ],
    ids=lambda value: value[0][:20] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_with_its_line(small, change, message):
    small.write_text(SMALL.replace(*change, 1))
    with pytest.raises(UserError, match=message):
        bvh.read(small)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, gzip.compress(b"HIERARCHY", mtime=0)[:-4]])
def test_what_is_no_recording_is_refused(tmp_path, content):
    file = tmp_path / ("x.bvh.gz" if content[:2] == b"\x1f\x8b" else "x.bvh")
    file.write_bytes(content)
    with pytest.raises(UserError, match=str(file)):
        bvh.read(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.bvh: there is no such file"):
        bvh.read(tmp_path / "none.bvh")


def test_the_made_up_walk_is_a_recording(tmp_path):
    recording = bvh.read(write(tmp_path, frames=10))
    assert len(recording) == 10
    assert made(frames=10).count("JOINT") == 18
