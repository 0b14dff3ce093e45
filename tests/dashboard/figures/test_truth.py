from __future__ import annotations

import pandas as pd

from dashboard.figures import truth

TABLE = pd.DataFrame(
    {
        "sample": ["s0", "s1", "s2"],
        "group": ["<i>c0</i>", "c1", "c1"],
        "part": ["test", "test", "train"],
        "true_p": [0.0, 1.0, 5.0],
        "pred_p": [0.5, 0.5, 5.0],
        "label": ["happy", "sad", "sad"],
    }
)


def test_points_are_those_of_the_part_with_their_error():
    found = truth.points(TABLE, "p")
    assert found["error"].tolist() == [0.5, -0.5]
    assert found["label"].tolist() == ["happy", "sad"]
    assert truth.points(TABLE.drop(columns="label"), "p")["label"].tolist() == ["", ""]


def test_a_class_is_a_trace_and_the_dotted_line_is_where_a_prediction_is_right():
    fig = truth.draw(truth.points(TABLE, "p"), "p")
    line, *dots = fig.data
    assert line.x == line.y == (0.0, 1.0)
    assert [d.name for d in dots] == ["happy", "sad"]
    assert "&lt;i&gt;" in dots[0].text[0]


def test_of_many_samples_some_are_drawn_and_the_caption_says_so(monkeypatch):
    monkeypatch.setattr(truth, "MAX_DOTS", 10)
    many = truth.points(pd.concat([TABLE.iloc[:1]] * 25), "p")
    assert len(truth.drawn(many)) == 9
    assert truth.caption(many, "test", "clip").startswith("25 test samples of 1 clip; 9 of 25 samples drawn; ")
