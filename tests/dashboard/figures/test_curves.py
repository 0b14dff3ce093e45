"""Curves over seeds: by known numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.figures import curves, theme

BEGAN = pd.Timestamp("2026-01-01", tz="UTC")


def rows() -> pd.DataFrame:
    """Return two seeds of one run, the second of which stopped an epoch earlier, 2 and 4 seconds an epoch."""
    table = pd.DataFrame({"run_id": list("aaabb"), "step": [0, 1, 2, 0, 1], "value": [4.0, 2.0, 1.0, 2.0, 0.0]})
    seconds = [2, 4, 6, 4, 8]
    return table.assign(time=[BEGAN + pd.Timedelta(seconds=s) for s in seconds])


def test_the_mean_is_over_the_seeds_that_reached_an_epoch():
    table = curves.curves(rows(), {"a": "one", "b": "one"}, {}, curves.EPOCH)
    mean = table[table["run_id"] == ""]
    assert mean["value"].tolist() == [3.0, 1.0, 1.0]
    assert mean["seeds"].tolist() == [2, 2, 1]


def test_by_time_the_mean_stands_at_the_mean_time():
    table = curves.curves(rows(), {"a": "one", "b": "one"}, {"a": BEGAN, "b": BEGAN}, curves.SECONDS)
    assert table.loc[table["run_id"] == "", "x"].tolist() == [3.0, 6.0, 6.0]


def test_a_run_with_one_seed_has_no_mean_and_is_thick():
    table = curves.curves(rows(), {"a": "one", "b": "two"}, {}, curves.EPOCH)
    assert not (table["run_id"] == "").any()
    figure = curves.draw_curves(
        table, "loss", curves.EPOCH, theme.looks(["one", "two"]), {"a": "seed 1", "b": "seed 2"}
    )
    assert [trace.line.width for trace in figure.data] == [3, 3]
    assert "seed 1" in figure.data[0].hovertemplate
    assert figure.data[1].mode == "lines+markers"  # a curve of one epoch would not be seen


def test_smoothing_leaves_a_constant_and_the_first_value_as_they_are():
    assert curves.smooth(pd.Series([2.0] * 5), 0.9).tolist() == pytest.approx([2.0] * 5)
    assert curves.smooth(pd.Series([5.0, 0.0]), 0.5).tolist() == pytest.approx([5.0, 5 / 3])
