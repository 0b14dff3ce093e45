"""What a data set's summary says of samples without a label."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from training.protocols import LEFT_OUT, UNLABELLED
from training.study import plan


def protocol(sequence: str, time: list[float], part: list[str]) -> SimpleNamespace:
    data = SimpleNamespace(sequence=np.array(list(sequence)), time=np.array(time))
    return SimpleNamespace(data=data, part=np.array(part, dtype="<U10"))


def test_samples_without_a_label_that_follow_each_other_are_one_stretch():
    made = protocol("aaaaaa", [0, 0.2, 0.4, 0.6, 0.8, 1.0], ["test", LEFT_OUT, LEFT_OUT, "test", LEFT_OUT, "test"])
    assert plan.unlabelled_times(made) == {"a": [[0.2, 0.4], [0.8, 0.8]]}


def test_a_gap_in_the_data_parts_a_stretch():
    made = protocol("aaaaa", [0, 0.2, 0.4, 2.0, 2.2], ["train", UNLABELLED, UNLABELLED, UNLABELLED, "train"])
    assert plan.unlabelled_times(made) == {"a": [[0.2, 0.4], [2.0, 2.0]]}


def test_rows_need_not_be_in_the_order_of_time():
    made = protocol("aaa", [0.4, 0.0, 0.2], ["test", "test", LEFT_OUT])
    assert plan.unlabelled_times(made) == {"a": [[0.2, 0.2]]}


def test_recordings_without_any_label_are_never_predicted_and_not_listed():
    made = protocol("aabb", [0, 1, 0, 1], [UNLABELLED, UNLABELLED, "test", "test"])
    assert plan.unlabelled_times(made) == {}
