"""Labels on another scale than −1 … 1 are told, with the sum that brings them there."""

from __future__ import annotations

import numpy as np
import pytest

from tests import face_trees
from training.contract import UserError
from training.datasets import _scales, labelled_folder


@pytest.mark.parametrize(
    ("low", "high", "sum_"),
    [
        (1, 9, "(v − 5) / 4"),
        (1, 5, "(v − 3) / 2"),
        (1.5, 6.8, "(v − 4) / 3"),
        (-10, 10, "v / 10"),
        (-3.5, 4, "v / 4"),
        (3, 97, "(v − 50) / 50"),
        (-88, 90, "v / 100"),
        (0, 9.5, "(v − 5) / 5"),
    ],
)
def test_a_scale_is_guessed_from_where_the_values_lie(low, high, sum_):
    values = np.linspace(low, high, 30).reshape(15, 2)
    assert _scales.hint(values, -1, 1).endswith(f"if that is their scale, write {sum_}")


def test_no_scale_is_guessed_of_values_that_are_on_none():
    assert _scales.hint(np.array([[-3.0, 7000.0]]), -1, 1) == ""
    assert _scales.hint(np.array([[11.0]]), -10, 10) == ""


def test_values_in_range_may_be_of_another_scale():
    n = 30
    notes = _scales.notes(np.column_stack([np.linspace(0, 1, n), np.linspace(-0.05, 0.05, n)]), ("valence", "arousal"))
    assert "valence is never below 0 (0 … 1), and −1 … 1 is expected: if its scale is 0 … 1, write 2·v − 1" in notes[0]
    assert "is it divided twice?" in notes[1]
    assert _scales.notes(np.column_stack([np.linspace(-1, 1, n)] * 2), ("valence", "arousal")) == []


def test_a_labelled_folder_in_sam_ratings_is_refused_with_the_sum(tmp_path):
    folder = face_trees.labelled_folder(tmp_path, n=20, va=True)
    lines = (folder / "legend.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    scaled = [",".join([*row[:-2], str(5 + 4 * float(row[-2])), str(5 + 4 * float(row[-1]))]) for row in rows]
    (folder / "legend.csv").write_text("\n".join([lines[0], *scaled]))
    with pytest.raises(UserError, match=r"expected valence in \[-1, 1\], found .*write \(v − 5\) / 4"):
        labelled_folder.read(folder, {"labels": "continuous"})
