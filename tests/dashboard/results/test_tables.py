from __future__ import annotations

import io
import math

import numpy as np
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


MIXED = pd.DataFrame(
    {
        "method": ["one", "two"],
        "score": np.array([0.123456, np.nan], np.float32),
        "seeds": [2.0, 3.0],
        "clips": pd.array([8, None], "Int64"),
        "ended": pd.to_datetime(["2025-10-09 09:07:20.775", None], utc=True),
    }
)


def test_counts_are_whole_times_are_utc_without_fractions_and_nothing_is_nothing():
    shown = tables.texts(MIXED)
    assert shown.iloc[0].tolist() == ["one", "0.123", "2", "8", "2025-10-09 09:07"]
    assert shown.iloc[1].tolist() == ["two", "", "3", "", ""]
    assert list(shown.columns)[-1] == "ended (UTC)"
    for text in (tables.latex(MIXED), tables.csv(MIXED)):
        assert not any(odd in text for odd in ("NaT", "nan", "+00:00", "<NA>"))


def test_rounding_leaves_no_digits_in_a_download():
    assert tables.csv(pd.DataFrame({"sd": [1.4e-16, 0.5]})) == "sd\n0.0\n0.5\n"


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (0.357, 0.004, "0.357 ± 0.004"),
        (0.099, 0.000114, "0.099 ± <0.001"),
        (0.5, 1e-17, "0.500 ± 0"),
        (0.5, math.nan, "0.500"),
        (math.nan, math.nan, ""),
    ],
)
def test_a_spread_has_the_decimals_of_its_mean(value, sd, text):
    assert tables.spread(value, sd) == text


def test_the_bold_cells_of_a_latex_table_are_bold_and_its_label_is_there():
    text = tables.latex(FRAME, "a caption", label="tab:x", bold=[(0, 1)])
    assert r"\bfseries 0.123" in text
    assert r"\label{tab:x}" in text
    assert text.count(r"\bfseries") == 1


def test_columns_of_one_name_are_both_there():
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    assert r"x & x \\" in tables.latex(twice)
