"""The data of a protocol drawn: the label and each annotator can be told apart."""

from __future__ import annotations

import pandas as pd

from dashboard.figures import data


def test_the_label_and_every_annotator_have_a_colour_of_their_own_and_targets_are_spelt_out():
    table = pd.DataFrame({"annotator": ["", "ann", "ben", "cy"], "time": 0.0, "value": 0.1})
    figure = data.draw_trace(table, "head_height")
    assert len({trace.line.color for trace in figure.data}) == 4
    assert figure.data[-1].name == data.LABEL
    assert figure.layout.yaxis.title.text == "head height"
