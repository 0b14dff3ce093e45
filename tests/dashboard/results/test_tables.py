from __future__ import annotations

import io
import math

import pandas as pd
import pytest

from dashboard.results import tables

FRAME = pd.DataFrame({"a_b": ["x & y", "50 %"], "MAE ± sd": [0.123456789, math.nan], "n": [3, 4]})


def test_csv_keeps_every_digit():
    assert pd.read_csv(io.StringIO(tables.csv(FRAME)))["MAE ± sd"].iloc[0] == 0.123456789


def test_latex_escapes_names_and_aligns_figures_right():
    text = tables.latex(FRAME, caption="A_1")
    assert r"\begin{tabular}{lrr}" in text
    assert r"a\_b & MAE $\pm$ sd & n \\" in text
    assert r"x \& y & 0.123 & 3 \\" in text
    assert r"50 \% &  & 4 \\" in text
    assert r"\caption{A\_1}" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "0.123"),
        (1e-16, "0.000"),
        (0.00012, "0.00012"),
        (12, "12"),
        (math.nan, ""),
        (None, ""),
        (1.5e6, "1.5e+06"),
    ],
)
def test_figures_are_short_and_nothing_is_nothing(value, text):
    assert tables.number(value) == text
