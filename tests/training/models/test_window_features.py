from __future__ import annotations

import json

import numpy as np
import pytest

from training.contract import UserError
from training.data import Block
from training.models import window_features
from training.views import Inputs, View, single, whole

VALUES = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]])
BLOCKS = {"video": Block(VALUES[:0], ("a", "b")), "audio": Block(VALUES[:0], ("c", "d"))}
WINDOWS = np.array([[-1, 0], [0, 1], [1, 2], [-1, -1]])


def test_padding_does_not_count():
    made, observed = window_features.pooled(View(VALUES, WINDOWS), "mean")
    assert made.tolist() == [[1, 10], [2, 10], [4, 25], [0, 0]]
    assert observed.tolist() == [True, True, True, False]


def test_more_padding_changes_nothing():
    wider = np.concatenate([np.full((4, 3), -1), WINDOWS], axis=1)
    for statistics in window_features.STATISTICS:
        one, other = (window_features.pooled(View(VALUES, rows), statistics)[0] for rows in (WINDOWS, wider))
        np.testing.assert_array_equal(one, other)


def test_deviations_stand_after_means():
    made, _ = window_features.pooled(View(VALUES, WINDOWS), "mean_sd")
    assert made.tolist() == [[1, 10, 0, 0], [2, 10, 1, 0], [4, 25, 1, 15], [0, 0, 0, 0]]


def test_large_windows_are_pooled_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    view = View(rng.normal(size=(50, 3)), rng.integers(-1, 50, (40, 4)))
    at_once = window_features.pooled(view, "mean_sd")
    monkeypatch.setattr(window_features, "AT_ONCE_BYTES", 8 * 4 * 3 * 7)
    for one, other in zip(at_once, window_features.pooled(view, "mean_sd"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_samples_without_windows_have_one_row():
    made, observed = window_features.pooled(whole(VALUES), "mean")
    assert made.tolist() == VALUES.tolist()
    assert observed.all()


def test_unknown_statistics_raise():
    with pytest.raises(ValueError, match="statistics is 'median', expected one of mean, mean_sd"):
        window_features.pooled(whole(VALUES), "median")


class TestMissing:
    """What is not there becomes the train mean, with an indicator where train has such samples."""

    def inputs(self, audio: np.ndarray) -> Inputs:
        return Inputs({"video": View(VALUES, np.array([[0], [1], [2]])), "audio": View(VALUES, audio)})

    def test_train_has_such_samples(self):
        train = self.inputs(np.array([[-1], [0], [1]]))
        features = window_features.fit(train, BLOCKS, "mean")
        assert features.indicated == ("audio",)
        assert features.size == 5
        x = features.of(train)
        np.testing.assert_allclose(x[:, :1], [[-(1.5**0.5)], [0], [1.5**0.5]])
        assert x[:, 2].tolist() == [0, -1, 1], "scaled by the samples that have audio"
        assert x[:, 3].tolist() == [0, 0, 0], "a constant column"
        assert x[:, 4].tolist() == [1, 0, 0]

    def test_only_later_samples_lack_it(self):
        features = window_features.fit(self.inputs(np.array([[0], [1], [2]])), BLOCKS, "mean")
        assert features.size == 4
        assert features.of(self.inputs(np.array([[-1], [1], [2]])))[0, 2:].tolist() == [0, 0]

    def test_train_lacks_it_altogether(self):
        with pytest.raises(UserError, match="no sample of train has any row of audio in its window"):
            window_features.fit(self.inputs(np.full((3, 1), -1)), BLOCKS, "mean")

    def test_it_is_read_back_without_loss(self):
        train = self.inputs(np.array([[-1], [0], [1]]))
        features = window_features.fit(train, BLOCKS, "mean_sd")
        again = window_features.WindowFeatures.from_state(json.loads(json.dumps(features.state())))
        np.testing.assert_array_equal(again.of(train), features.of(train))
        assert again.columns == {"video": ("a", "b"), "audio": ("c", "d")}


def test_other_columns_are_refused():
    features = window_features.fit(single(VALUES, "video"), {"video": Block(VALUES, ("a", "b"))}, "mean")
    with pytest.raises(UserError, match="fitted on 2 columns of video, and these rows have 1"):
        features.of(single(VALUES[:, :1], "video"))


def test_predictions_are_kept_in_the_label_range():
    assert window_features.clipped(np.array([-2.0, 0.5, 3.0]), -1, 1).tolist() == [-1, 0.5, 1]
    assert window_features.clipped(np.array([-2.0, 3.0]), None, None).tolist() == [-2, 3]
