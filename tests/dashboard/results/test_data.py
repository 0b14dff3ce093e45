"""The tables of a protocol's data: counts by part, rates and lost samples, and what stands in two parts."""

from __future__ import annotations

import pandas as pd

from dashboard.results import data

SPLIT = pd.DataFrame(
    {
        "sample": ["a0", "a1", "b0", "c0"],
        "group": ["ann", "ann", "bo", "cy"],
        "part": ["train", "train", "validation", "test"],
        "label": ["joy", "", "joy", "fear"],
    }
)


def annotations(sequence: list[str], time: list[float]) -> pd.DataFrame:
    about = {"sample": SPLIT["sample"], "sequence": sequence, "time": time, "annotator": ""}
    return pd.DataFrame(about | {"valence": [0.0, 0.5, 1.0, -1.0]})


def test_a_part_has_its_samples_and_persons():
    counted = data.parts(SPLIT, "persons").set_index("part")
    assert counted.loc["train"].to_dict() == {"samples": 2, "persons": 1}
    assert list(counted.index) == ["train", "validation", "test"]


def test_a_sample_without_a_class_is_counted_as_one_without():
    counted = data.classes(SPLIT).set_index(["label", "part"])["samples"]
    assert counted[(data.NO_CLASS, "train")] == 1
    assert counted[("joy", "validation")] == 1


def test_shares_of_a_part_are_one_in_all():
    values = data.targets(SPLIT, annotations(["x", "x", "y", "z"], [0, 1, 0, 0]), None)
    table = data.distribution(values, "valence", bins=4)
    assert table.groupby("part")["share"].sum().round(9).eq(1).all()
    assert table["samples"].sum() == 4


def test_a_step_of_three_frames_has_lost_two():
    found = data.frames(annotations(["x"] * 4, [0.0, 0.2, 0.4, 1.0])).iloc[0]
    assert found["lost samples"] == 2
    assert round(found["samples per second"], 6) == 5


def test_a_split_that_divides_nothing_has_no_leak():
    assert data.leaks(SPLIT, annotations(["x", "x", "y", "z"], [0, 1, 0, 0]), "person").empty


def test_a_person_and_a_recording_in_two_parts_are_named():
    divided = SPLIT.assign(group=["ann", "ann", "bo", "ann"])
    found = data.leaks(divided, annotations(["x", "x", "y", "y"], [0, 1, 0, 1]), "person")
    assert found.to_numpy().tolist() == [
        ["person", "ann", "test, train", 3],
        ["recording", "y", "test, validation", 2],
    ]


def test_what_was_skipped_is_counted_and_named():
    summary = {"skipped_rows": {"images without a label": {"count": 3, "first": ["a.png", "b.png"]}}}
    assert data.skipped(summary).to_numpy().tolist() == [["images without a label", 3, "a.png, b.png"]]


def test_nested_counts_become_rows():
    found = data.others({"image_sizes": {"64 × 64": 3}, "notes": ["shown elsewhere"]})
    assert found.to_numpy().tolist() == [["image sizes, 64 × 64", "3"]]
