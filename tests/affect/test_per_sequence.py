"""Scores of each recording by itself."""

import numpy as np
import pandas as pd
import pytest

from affect import metrics
from affect.per_sequence import per_sequence


def test_a_long_sequence_counts_no_more_than_a_short_one():
    true = np.zeros(100)
    pred = np.r_[np.ones(90), np.full(10, 3.0)]
    sequence = np.array(["long"] * 90 + ["short"] * 10)
    found = per_sequence("mae", true, pred, sequence)
    assert found.mean == 2.0
    assert metrics.mae(true, pred) == pytest.approx(1.2)
    expected = pd.DataFrame({"sequence": ["long", "short"], "n": [90, 10], "value": [1.0, 3.0], "constant": True})
    pd.testing.assert_frame_equal(found.table, expected, check_dtype=False)


def test_rows_of_a_sequence_need_not_stand_together():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.3, 500)
    pred = 0.5 * true + rng.normal(0, 0.1, 500)
    sequence = np.array(["a", "b"] * 250)
    shuffled = np.random.default_rng(1).permutation(500)
    found = per_sequence("ccc", true[shuffled], pred[shuffled], sequence[shuffled])
    assert found.table["value"].tolist() == pytest.approx(
        [metrics.ccc(true[::2], pred[::2]), metrics.ccc(true[1::2], pred[1::2])]
    )


def test_pooled_ccc_is_flattered_by_levels_that_per_sequence_ccc_ignores():
    rng = np.random.default_rng(3)
    level = np.repeat([-0.8, 0.0, 0.8], 100)
    true, pred = level + rng.normal(0, 0.05, 300), level + rng.normal(0, 0.05, 300)
    sequence = np.repeat(["a", "b", "c"], 100)
    assert metrics.ccc(true, pred) > 0.95
    assert abs(per_sequence("ccc", true, pred, sequence).mean) < 0.3


def test_a_sequence_that_never_changes_is_marked_and_can_be_left_out():
    true, pred = np.array([0.0, 1.0, 0.5, 0.5]), np.array([0.0, 1.0, 0.2, 0.4])
    found = per_sequence("ccc", true, pred, ["a", "a", "b", "b"])
    assert found.table["constant"].tolist() == [False, True]
    assert (found.mean, found.changing) == (0.5, 1.0)
    assert np.isnan(per_sequence("ccc", true[2:], pred[2:], ["b", "b"]).changing)


def test_constant_sequences_and_classes():
    assert per_sequence("ccc", [1.0, 1.0], [0.0, 2.0], ["a", "b"]).mean == 0
    assert per_sequence("accuracy", ["x", "y"], ["x", "x"], ["a", "b"]).mean == 0.5
    with pytest.raises(ValueError, match="one length"):
        per_sequence("mae", [1.0], [1.0], ["a", "b"])
