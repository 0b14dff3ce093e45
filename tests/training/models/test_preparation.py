import json

import numpy as np
import pytest

from training.models.preparation import Scaling, inliers, scaling, within_fences


@pytest.fixture
def table() -> np.ndarray:
    """Return 1,000 normal rows of three columns, the last of which is constant; row 0 is far away in column 1."""
    values = np.random.default_rng(0).normal([5.0, -2.0, 0.0], [2.0, 0.1, 0.0], (1000, 3))
    values[:, 2] = 0.286151
    values[0, 1] = 40.0
    return values


def test_none_keeps_every_row(table):
    assert inliers(table, {"outliers": "none"}, 0).all()


def test_iqr_removes_what_lies_outside_the_fences(table):
    kept = inliers(table, {"outliers": "iqr", "iqr_factor": 3.0}, 0)
    assert not kept[0]
    assert kept.mean() > 0.99


def test_a_wider_fence_keeps_all_that_a_narrow_one_does(table):
    narrow = inliers(table, {"outliers": "iqr", "iqr_factor": 1.5}, 0)
    wide = inliers(table, {"outliers": "iqr", "iqr_factor": 3.0}, 0)
    assert (wide | ~narrow).all()
    assert wide.sum() > narrow.sum()


def test_fences_of_a_known_table():
    """Quartiles of 0 … 8 are 2 and 6, so Tukey's fences are −4 and 12, and a value on a fence stays."""
    reference = np.arange(9.0)[:, None]
    assert within_fences(np.array([[-4.0], [12.0], [-4.01], [12.01]]), reference).tolist() == [True, True, False, False]


def test_a_column_without_spread_between_quartiles_makes_no_outliers():
    """Four fifths zeros: every other value would be one, which says nothing of it."""
    column = np.r_[np.zeros(80), np.ones(20)][:, None]
    assert within_fences(column, column).all()


def test_the_isolation_forest_removes_its_share_and_the_far_row(table):
    params = {"outliers": "isolation_forest", "contamination": 0.05}
    kept = inliers(table, params, seed=3)
    assert not kept[0]
    assert kept.sum() == 950
    assert (kept == inliers(table, params, seed=3)).all()


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match=r"outliers is 'zscore', expected one of none, iqr, isolation_forest"):
        inliers(np.zeros((3, 1)), {"outliers": "zscore"}, 0)
    with pytest.raises(ValueError, match=r"scaling is 'minmax', expected one of none, standard, robust"):
        scaling(np.zeros((3, 1)), "minmax")


def test_a_removal_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="keeps 0 of 2 train rows"):
        inliers(np.array([[0.0, 1.0], [1.0, 0.0]]), {"outliers": "iqr", "iqr_factor": -0.6}, 0)


def test_standard_scaling_has_mean_0_and_deviation_1(table):
    scaled = scaling(table, "standard").apply(table)
    assert scaled[:, :2].mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert scaled[:, :2].std(axis=0) == pytest.approx(1)


def test_robust_scaling_hardly_sees_the_outlier(table):
    """The scale of a normal column is its standard deviation, with one row far away or without."""
    assert scaling(table, "robust").scale[1] == pytest.approx(0.1, rel=0.05)
    assert scaling(table, "standard").scale[1] > 1.0


def test_none_is_the_identity(table):
    np.testing.assert_array_equal(scaling(table, "none").apply(table), table)


@pytest.mark.parametrize("kind", ["none", "standard", "robust"])
def test_a_constant_column_stays_finite_and_comes_back(kind, table):
    """Equal values have a deviation of 5e-17 when their mean is rounded: dividing by it would make noise of them."""
    made = scaling(table, kind)
    assert made.scale[2] == 1
    np.testing.assert_allclose(made.undo(made.apply(table)), table, rtol=1e-12)
    assert np.ptp(made.apply(table)[:, 2]) < 1e-12


def test_robust_scaling_of_a_column_that_is_mostly_equal_takes_its_deviation():
    column = np.r_[np.zeros(80), np.ones(20)][:, None]
    assert scaling(column, "robust").scale[0] == pytest.approx(0.4)


def test_a_scaling_survives_json_without_loss(table):
    made = scaling(table, "standard")
    again = Scaling.from_state(json.loads(json.dumps(made.state())))
    np.testing.assert_array_equal(again.apply(table), made.apply(table))
