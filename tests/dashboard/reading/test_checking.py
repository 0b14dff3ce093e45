"""A table of the right name and the wrong content is named, in words, before a page draws it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect.record import Artifact
from dashboard.reading import checking
from tests import fake_faces, fake_meshes
from tests import fake_results as made

PREDICTIONS = pd.DataFrame(
    {
        "sample": ["a", "b"],
        "group": ["g", "g"],
        "sequence": ["s", None],
        "time": [0.0, 1.0],
        "part": ["test", "train"],
        "true_p": [0.1, 0.2],
        "pred_p": [0.1, 0.3],
    }
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="part"), "no column part"),
        (lambda t: t.head(0), "no rows"),
        (lambda t: t.drop(columns="pred_p"), "no column true_… with its pred_…"),
        (lambda t: t.assign(pred_p="x"), "numbers and texts for p"),
        (lambda t: t.assign(true_p=[0.1, np.nan]), "1 missing values of p"),
        (lambda t: t.assign(sample=["a", None]), "1 missing values in the column sample"),
        (lambda t: pd.concat([t, t]), "2 rows twice, the first is a"),
        (lambda t: t.set_axis([*t.columns[:-1], "true_p"], axis=1), "the column 'true_p' twice"),
    ],
)
def test_wrong_predictions_are_named(change, words):
    assert words in checking.problem(Artifact.PREDICTIONS, change(PREDICTIONS))


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name, columns in checking.NUMBERS.items() for column in columns],
)
def test_texts_where_numbers_are_expected_are_named(name, column):
    frame = pd.DataFrame({c: ["x"] for c in checking.COLUMNS[name]})
    frame = frame.assign(**{c: [1.0] for c in checking.NUMBERS[name] if c != column})
    assert f"in the column {column}; expected numbers" in checking.problem(name, frame)


def test_a_file_that_the_record_does_not_know_is_nobodys_business():
    assert checking.problem("mine.parquet", pd.DataFrame()) == ""


@pytest.mark.parametrize("spec", [made.STUDIES[0], made.STUDIES[4], fake_faces.STUDIES[1], fake_meshes.STUDIES[0]])
def test_what_the_bench_writes_passes(spec):
    for name, frame in made.tables(spec, made.predict(spec, 1), 1, first=True).items():
        assert checking.problem(name, frame) == "", name
