from __future__ import annotations

import numpy as np
import pytest

from affect.body import BONES, JOINTS
from tests.training.motion_capture.recordings import write
from training.motion_capture import bvh, figures, puppet, skeletons


@pytest.fixture
def moving(tmp_path):
    file = write(tmp_path, frames=300)
    recording = bvh.read(file)
    places = skeletons.PRESETS["walk"].places(recording, file)
    return figures.of_recording(recording, places, np.array([0.0, 1.0]), 1.0)


def at(moving: np.ndarray, joint: str) -> np.ndarray:
    return moving[:, :, JOINTS.index(joint)]


def test_a_figure_stands_on_the_floor_over_its_origin_and_is_one_high(moving):
    assert moving.shape == (2, figures.FRAMES, 15, 3)
    np.testing.assert_allclose(moving[..., 1].min(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(at(moving, "root")[:, figures.FRAMES // 2, [0, 2]], 0, atol=1e-6)
    assert 0.8 < moving[..., 1].max() < 1.05


def test_bones_keep_their_lengths(moving):
    for a, b in BONES:
        length = np.linalg.norm(at(moving, a) - at(moving, b), axis=-1)
        np.testing.assert_allclose(length, length[0, 0], atol=1e-4, err_msg=f"{a} {b}")


def test_figures_beside_a_table_come_back(tmp_path, moving):
    table = tmp_path / "clips.csv.gz"
    assert figures.read(table) is None
    figures.write(table, ["a:0", "a:1"], moving)
    names, found = figures.read(table)
    assert names == {"a:0": 0, "a:1": 1}
    np.testing.assert_allclose(found, moving, atol=2e-3)


@pytest.mark.parametrize("damage", [lambda c: c[:-20], lambda c: b"PK\x03\x04" + b"x" * 50, lambda c: b""])
def test_damaged_figures_are_said_and_cost_nothing_else(tmp_path, moving, damage):
    table = tmp_path / "clips.csv"
    figures.write(table, ["a:0", "a:1"], moving)
    file = figures.file_of(table)
    file.write_bytes(damage(file.read_bytes()))
    assert "moving figures in clips.figures.npz" in figures.read(table)


def test_the_synthetic_figure_is_moved_by_its_drivers():
    def hands(expansion: float) -> float:
        moving = puppet.move(np.array([[expansion, 0.0, 0.0, 0.0]]), np.zeros(1))
        return float(np.linalg.norm(at(moving, "left_wrist") - at(moving, "right_wrist"), axis=-1).max())

    def stride(energy: float) -> float:
        moving = puppet.move(np.array([[0.0, energy, 0.0, 0.0]]), np.zeros(1))
        return float(np.linalg.norm(at(moving, "left_ankle") - at(moving, "right_ankle"), axis=-1).max())

    assert hands(1.5) > hands(0.0) > hands(-1.5)
    assert stride(1.5) > stride(0.0) > stride(-1.5)
    head = [at(puppet.move(np.array([[0, 0, h, 0.0]]), np.zeros(1)), "neck") for h in (-1.0, 1.0)]
    assert np.isfinite(head).all()
