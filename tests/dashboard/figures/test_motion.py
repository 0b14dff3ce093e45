from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from affect.body import JOINTS
from dashboard.figures import motion
from training.motion_capture import figures, puppet

DRIVERS = np.array([[0.5, 0.2, 0.1, -0.3], [-1.0, 1.0, 0.0, 1.0]])


def table() -> pd.DataFrame:
    moving = puppet.move(DRIVERS, np.array([0.0, 3.0]))
    rows = [
        (sample, frame, joint, *moving[k, frame, j].tolist())
        for k, sample in enumerate(("a:0", "b:3"))
        for frame in range(figures.FRAMES)
        for j, joint in enumerate(JOINTS)
    ]
    return pd.DataFrame(rows, columns=["sample", "frame", "joint", "x", "y", "z"])


def test_the_places_of_a_sample_are_those_of_the_table_whatever_its_order():
    joints, places = motion.of_sample(table().sample(frac=1, random_state=0), "b:3")
    expected = puppet.move(DRIVERS, np.array([0.0, 3.0]))[1]
    np.testing.assert_allclose(places[:, [joints.index(name) for name in JOINTS]], expected, atol=1e-6)


def test_a_joint_that_is_missing_in_a_frame_is_said():
    with pytest.raises(ValueError, match=r"not every joint of a:0 in every frame"):
        motion.of_sample(table().drop(index=5), "a:0")


def test_every_frame_has_the_same_traces_and_the_lines_of_the_feature():
    joints, places = motion.of_sample(table(), "a:0")
    fig = json.loads(motion.draw(joints, places, motion.DISTANCES["max_hand_distance"]).to_json())
    assert len(fig["frames"]) == figures.FRAMES
    assert {len(frame["data"]) for frame in fig["frames"]} == {len(fig["data"])} == {3}
    line = fig["data"][2]
    hands = places[figures.FRAMES // 2, [joints.index("left_wrist"), joints.index("right_wrist")]]
    np.testing.assert_allclose([line["x"][:2], line["z"][:2]], hands[:, [0, 1]].T, atol=1e-6)
    head = fig["data"][1]
    assert head["text"][-1] == "head"
    assert head["z"][-1] <= fig["layout"]["scene"]["zaxis"]["range"][1]


def test_the_joints_of_every_distance_are_on_the_figure():
    assert {joint for lines in motion.DISTANCES.values() for pair in lines for joint in pair} <= set(JOINTS)
