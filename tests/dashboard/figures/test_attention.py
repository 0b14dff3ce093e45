"""The map of attention shows every weight at its time, under the trace of its recording."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dashboard.figures import attention


@pytest.fixture
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    predicted = pd.DataFrame(
        {
            "sample": ["a1", "a0", "b0"],
            "sequence": ["a", "a", "b"],
            "time": [0.2, 0.0, 0.0],
            "true_valence": [0.1, 0.0, 0.5],
            "pred_valence": [0.2, 0.1, 0.4],
        }
    )
    rows = []
    for sample in ("a0", "a1", "b0"):
        for head in (-1, 0):
            rows += [
                (sample, head, "video", 0.2, 0.25),
                (sample, head, "video", 0.0, 0.25),
                (sample, head, "audio", 0.0, 0.25),
                (sample, head, "nothing", np.nan, 0.25),
            ]
    return pd.DataFrame(rows, columns=["sample", "head", "modality", "before_s", "weight"]), predicted


def test_the_weights_of_one_recording_and_head_have_the_times_of_their_samples(tables):
    weights = attention.in_recording(*tables, "a", attention.MEAN)
    assert set(weights["sample"]) == {"a0", "a1"}
    assert len(weights) == 8
    assert weights["time"].is_monotonic_increasing


def test_the_share_of_each_modality_adds_up_to_1(tables):
    shares = attention.shares(attention.in_recording(*tables, "a", 0)).set_index("modality")["share"]
    assert shares.to_dict() == {"audio": 0.25, "nothing": 0.25, "video": 0.5}


def test_the_trace_is_in_time_order(tables):
    assert attention.trace(tables[1], "a", ["valence"])["sample"].tolist() == ["a0", "a1"]


def test_there_is_a_map_for_each_modality_and_none_for_nothing(tables):
    weights = attention.in_recording(*tables, "a", attention.MEAN)
    fig = json.loads(attention.draw(weights, attention.trace(tables[1], "a", ["valence"]), ["valence"]).to_json())
    maps = [trace for trace in fig["data"] if trace["type"] == "heatmap"]
    assert len(maps) == 2
    assert {len(one["y"]) for one in maps} == {1, 2}
    assert [trace["name"] for trace in fig["data"] if trace["type"] == "scatter"] == [
        "valence, annotated",
        "valence, predicted",
    ]


def test_audio_windows_are_in_the_second_in_which_they_ended():
    of = pd.DataFrame(
        {
            "sample": ["a", "a", "b", "b"],
            "time": [2.4, 2.4, 2.6, 2.6],
            "before_s": [0.4, 1.4, 0.6, 1.6],
            "weight": [0.1, 0.2, 0.3, 0.4],
        }
    )
    wide = attention.by_step(of)
    assert wide.index.tolist() == ["0–1", "1–2"]
    assert wide.to_numpy().tolist() == [[0.1, 0.3], [0.2, 0.4]]


def test_frames_stand_at_their_own_seconds():
    of = pd.DataFrame({"sample": "a", "time": 3.0, "before_s": [0.0, 0.2, 0.4, 0.6], "weight": 0.25})
    assert attention.by_step(of).index.tolist() == ["0", "0.2", "0.4", "0.6"]
