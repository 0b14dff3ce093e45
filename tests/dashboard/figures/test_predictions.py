from __future__ import annotations

import pandas as pd
import pytest

from dashboard.figures import predictions, theme

LOOKS = theme.of_methods(["one", "two"], {"run": "one", "other": "two"})


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": list("abcd"),
            "group": ["one", "one", "two", "two"],
            "sequence": ["one", "one", "two", "two"],
            "time": [1.0, 0.0, 0.0, 1.0],
            "part": ["train", "test", "test", "test"],
            "true_p": [0.0, 1.0, 0.5, 0.0],
            "pred_p": [0.1, 0.5, 0.5, 0.3],
            "true_volume": [0.0, 100.0, 50.0, 0.0],
            "pred_volume": [0.0, 100.0, 90.0, 0.0],
            "true_still": [0.3] * 4,
            "pred_still": [0.9] * 4,
        }
    )


def test_targets_are_those_with_truth_and_prediction_in_numbers():
    words = table().assign(true_emotion="sad", pred_emotion="happy", true_lonely=1.0)
    assert predictions.targets(words) == ["p", "volume", "still"]
    assert predictions.classes(words) == ["emotion"]


def test_worst_samples_of_one_target_are_in_its_own_unit():
    found = predictions.worst(table(), "p", limit=2)
    assert found["sample"].tolist() == ["b", "d"]
    assert found["error"].tolist() == pytest.approx([0.5, 0.3])
    assert found.loc[0, ["true", "predicted"]].tolist() == [1.0, 0.5]


def test_worst_over_all_targets_weighs_each_by_its_range_and_leaves_constants_out():
    found = predictions.worst(table(), "all")
    assert found["sample"].tolist() == ["b", "c", "d", "a"]
    assert found["error"].tolist() == pytest.approx([25, 20, 15, 5])
    assert found.loc[1, "worst_target"] == "volume"


def test_a_trace_is_in_the_order_of_time():
    found = predictions.trace(table(), "one", ["p"])
    assert found["time"].tolist() == [0, 1]
    assert found["sample"].tolist() == ["b", "a"]
    assert found.attrs["unit"] == "s"


def test_a_trace_without_times_counts_samples():
    found = predictions.trace(table().assign(time=float("nan")), "two", ["p"])
    assert found["time"].tolist() == [0, 1]
    assert found.attrs["unit"] == "sample"
    figure = predictions.draw_traces({"run": found}, ["p"], LOOKS)
    assert "sample" in figure.layout.xaxis.title.text


def test_a_marked_sample_is_pointed_at_in_every_panel():
    found = predictions.trace(table(), "one", ["p", "volume"])
    figure = predictions.draw_traces({"run": found}, ["p", "volume"], LOOKS, {"run": "a"})
    assert [shape.x0 for shape in figure.layout.shapes] == [1, 1]
    assert [trace.name for trace in figure.data] == ["truth", "prediction"] * 2


def test_several_runs_are_one_figure_with_one_truth_and_a_line_in_each_ones_colour():
    one, other = (predictions.trace(table(), "one", ["p"]) for _ in "ab")
    figure = predictions.draw_traces({"run": one, "other": other.assign(pred_p=0.2)}, ["p"], LOOKS)
    assert [(trace.name, trace.line.color) for trace in figure.data] == [
        ("truth", theme.NEUTRAL),
        ("run", LOOKS["run"].colour),
        ("other", LOOKS["other"].colour),
    ]
    assert list(figure.data[2].y) == [0.2, 0.2]


def test_a_truth_that_differs_is_a_line_of_its_own_and_named():
    one, other = (predictions.trace(table(), "one", ["p"]) for _ in "ab")
    figure = predictions.draw_traces({"run": one, "other": other.assign(true_p=[0.9, 0.1])}, ["p"], LOOKS)
    names = [trace.name for trace in figure.data]
    assert names == ["truth, run", "truth, other", "run", "other"]
    assert len({trace.line.dash for trace in figure.data[:2]}) == 2


def test_a_run_without_a_target_is_left_out_of_its_panel_alone():
    both, few = predictions.trace(table(), "one", ["p", "volume"]), predictions.trace(table(), "one", ["p"])
    figure = predictions.draw_traces({"run": few, "other": both}, ["p", "volume"], LOOKS)
    assert [(trace.name, trace.yaxis) for trace in figure.data if trace.name != "truth"] == [
        ("run", "y"),
        ("other", "y"),
        ("other", "y2"),
    ]
    assert predictions.most_off([few, both], ["p", "volume"], 1) == ["p"]


def test_runs_that_do_not_all_know_the_time_share_the_samples_order():
    timed = predictions.trace(table(), "one", ["p"])
    blank = predictions.trace(table().assign(time=float("nan")), "one", ["p"])
    found = predictions.in_one_unit({"run": timed, "other": blank})
    assert {trace.attrs["unit"] for trace in found.values()} == {"sample"}
    for trace in found.values():
        assert dict(zip(trace["sample"], trace["time"], strict=True)) == {"b": 0, "a": 1}


def test_density_counts_every_sample_once():
    found = predictions.density(table(), "p", bins=4)
    assert found["count"].sum() == 4
    assert found["true"].between(0, 1).all()


def test_density_of_a_constant_that_is_hit_exactly_is_one_cell():
    same = table().assign(pred_still=0.3)
    assert predictions.density(same, "still")["count"].tolist() == [4]


def test_confusion_counts_true_by_predicted_over_all_classes():
    words = table().assign(true_emotion=["sad", "sad", "happy", "sad"], pred_emotion=["sad", "calm", "happy", "sad"])
    found = predictions.confusion(words, "emotion")
    assert list(found.columns) == ["calm", "happy", "sad"] == list(found.index)
    assert found.loc["sad"].tolist() == [1, 0, 2]
    assert found.loc["calm"].sum() == 0
    share = predictions.draw_confusion(found).data[0].z
    assert share[2][2] == pytest.approx(2 / 3)
