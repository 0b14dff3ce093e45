"""Synthetic motion: shaped like the captured table, learnable from clip to clip, and what caused what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.contract import UserError
from training.datasets import _synthetic, lma, synthetic_motion


@pytest.fixture(scope="module")
def data():
    return synthetic_motion.generate("with_jerk")


def column(data, name: str) -> np.ndarray:
    block = data.blocks["features"]
    return block.values[:, block.columns.index(name)]


def halves(data) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves of the clips."""
    clips = np.unique(data.group)
    first = np.random.default_rng(0).permutation(clips)[: len(clips) // 2]
    inside = np.isin(data.group, first)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def linear(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Least squares of y on x with a constant, at new."""
    weights = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    return np.c_[new, np.ones(len(new))] @ weights


@pytest.mark.parametrize(("features", "width"), [("all", 27), ("no_acceleration", 22), ("with_jerk", 42)])
def test_settings_choose_columns_of_one_and_the_same_world(data, features, width):
    chosen = synthetic_motion.read(None, {"features": features})
    assert chosen.blocks["features"].columns == lma.columns(features)
    assert chosen.blocks["features"].values.shape == (len(data.sample), width)
    assert np.array_equal(chosen.blocks["pad"].values, data.blocks["pad"].values)
    assert np.array_equal(column(chosen, "neck_speed"), column(data, "neck_speed"))


def test_it_is_called_synthetic_wherever_it_shows(data):
    assert data.synthetic
    assert data.name.startswith("synthetic")
    assert "synthetic" in synthetic_motion.READER.title.lower()
    assert data.summary["notes"][0].startswith("synthetic:")


def test_it_has_the_size_and_the_awkwardness_of_captured_data(data):
    assert data.summary["groups"] == 240
    assert 1_700 < len(data.sample) < 2_200
    assert data.summary["groups_by_label"]["bored"] == 2
    assert data.summary["constant_features"] == ["avg_chest_pelvis_distance"]
    assert data.group_kind == "clip"
    assert not data.persons_known, "as in the captured table, clips are told apart and persons are not"


def test_a_file_cannot_be_given():
    with pytest.raises(UserError, match="reads no file"):
        synthetic_motion.read(Path("motion.csv"), {"features": "all"})


def test_features_have_plausible_ranges(data):
    """Between half and twice the captured table's means; a quaternion has length 1."""
    captured = {
        "max_hand_distance": 0.657, "avg_l_hand_hip_distance": 0.362, "max_stride_length": 0.430,
        "avg_r_hand_chest_distance": 0.431, "avg_l_elbow_hip_distance": 0.339, "avg_neck_chest_distance": 0.277,
        "avg_total_body_volume": 0.338, "avg_triangle_area_hands_neck": 0.122, "avg_triangle_area_feet_hips": 0.143,
        "l_hand_speed": 0.429, "r_foot_speed": 0.332, "neck_speed": 0.323, "l_hand_acceleration_magnitude": 0.656,
    }  # fmt: skip
    for name, mean in captured.items():
        values = column(data, name)
        assert values.min() > 0, name
        assert mean / 2 < values.mean() < mean * 2, name
    rotation = np.column_stack([column(data, f"avg_neck_rotation_{axis}") for axis in "wxyz"])
    assert np.linalg.norm(rotation, axis=1) == pytest.approx(1, abs=1e-5)
    assert abs(np.mean([column(data, name) for name in lma.JERK])) < 0.05


def test_outliers_are_few_and_far_out(data):
    outlier = data.truth["outlier"]
    assert 0.005 < outlier.mean() < 0.03
    fastest = np.argsort(np.maximum(column(data, "l_hand_speed"), column(data, "r_hand_speed")))[-10:]
    assert outlier[fastest].mean() > 0.8


def test_pad_is_learned_from_features_of_other_clips_but_not_wholly(data):
    x, y = data.blocks["features"].values[:, :27], data.blocks["pad"].values
    one, other = halves(data)
    mae = np.abs(linear(x[one], y[one], x[other]) - y[other]).mean(axis=0)
    mean = np.abs(y[one].mean(axis=0) - y[other]).mean(axis=0)
    assert (mae < 0.85 * mean).all()
    assert (mae > 0.2 * mean).all()


def explained(feature: np.ndarray, pad: np.ndarray, axes: list[int], one: np.ndarray, other: np.ndarray) -> float:
    """Share of a feature's variance in the clips `other` that `axes` of PAD explain, learned from the clips `one`."""
    at = pad[:, axes]
    predicted = linear(at[one], feature[one], at[other])
    return 1 - ((predicted - feature[other]) ** 2).sum() / ((feature[other] - feature[one].mean()) ** 2).sum()


@pytest.mark.parametrize("name", [n for n in lma.FEATURES if synthetic_motion.causes(n)])
def test_the_causes_of_a_feature_explain_it_and_the_other_axes_add_nothing(name):
    """In a world whose axes move independently, that is: emotions tie them to one another."""
    rng = np.random.default_rng(5)
    pad = rng.uniform(-1, 1, (6000, 3))
    drivers = np.tanh(pad @ np.array(list(synthetic_motion.DRIVERS.values())).T)
    feature = np.log(np.abs(synthetic_motion._features(rng, drivers)[0][name]) + 1)
    one, other = np.arange(3000), np.arange(3000, 6000)
    causes = [_synthetic.AXES.index(axis) for axis in synthetic_motion.causes(name)]
    share = explained(feature, pad, causes, one, other)
    assert share > 0.02
    assert explained(feature, pad, [0, 1, 2], one, other) - share < 0.005


@pytest.mark.parametrize("name", [n for n in lma.FEATURES + lma.JERK if not synthetic_motion.causes(n)])
def test_what_has_no_cause_follows_nothing(data, name):
    values = column(data, name)
    assert all(abs(np.corrcoef(values, axis)[0, 1]) < 0.08 for axis in data.blocks["pad"].values.T if np.ptp(values))


def test_a_persons_style_is_in_the_motion(data):
    """Persons are hidden by the data set, not absent: what PAD leaves of a driver differs between them."""
    drivers, person = data.truth["drivers"], data.truth["person"]
    caused = np.tanh(data.blocks["pad"].values @ np.array(list(synthetic_motion.DRIVERS.values())).T)
    rest = drivers - caused
    means = np.array([rest[person == name].mean(axis=0) for name in np.unique(person)])
    shuffled = np.random.default_rng(1).permutation(person)
    chance = np.array([rest[shuffled == name].mean(axis=0) for name in np.unique(person)])
    assert means.std() > 2 * chance.std()
