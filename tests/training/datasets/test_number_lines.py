"""Texts of a few numbers in each line (their messages are tested with the traces that they hold)."""

from __future__ import annotations

import pytest

from training.contract import UserError
from training.datasets import _number_lines


def test_rows_and_their_lines(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("valence,arousal\n\n0.5, -1\n-5\t-5\n")
    values, lines = _number_lines.read(file, ("valence", "arousal"), "0.25 -0.1")
    assert values.tolist() == [[0.5, -1], [-5, -5]]
    assert lines.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.5 0.1\n0.5\n", "line 2: expected two numbers, valence and arousal, found '0.5'"),
        ("0.5 0.1 0.2\n", "line 1: expected two numbers"),
        ("0.5 " + "9" * 100 + "x\n", "found '0.5 9{56}…'"),
        ("\n\n", "has no row of numbers: expected lines of valence and arousal, such as 0.25 -0.1"),
    ],
)
def test_other_lines_are_refused(tmp_path, text, message):
    file = tmp_path / "labels.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        _number_lines.read(file, ("valence", "arousal"), "0.25 -0.1")


def test_one_number_a_line(tmp_path):
    file = tmp_path / "valence.txt"
    file.write_text("0.5\n")
    assert _number_lines.read(file, ("valence",), "0.25")[0].tolist() == [[0.5]]
    file.write_text("0.5 1\n")
    with pytest.raises(UserError, match=r"expected one number, valence, found '0\.5 1'"):
        _number_lines.read(file, ("valence",), "0.25")
