import dataclasses

import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests.training.evaluation import toy_meshes
from training import registry
from training.evaluation import separation


def test_it_applies_to_classifiers_alone():
    applied = {m for m in registry.methods() if separation.applies(registry.method(m).METHOD)}
    assert "motion/lma_to_pad" not in applied
    assert {m for m in registry.methods() if m.startswith("meshes/")} <= applied


def test_distances_are_between_centres_and_over_the_spread_within():
    codes = np.array([[0.0, 0], [0, 2], [10, 0], [10, 2], [0, 100], [0, 100]])
    label = np.array(["a", "a", "b", "b", "c", "c"])
    found = {(one, other): row for one, other, *row in separation.distances(codes, label)}
    assert found["a", "b"] == [10, 10]  # each spread is 1
    assert found["a", "c"] == [99, pytest.approx(99 / 0.5)]
    assert np.isnan(separation.distances(codes[4:], np.array(["c", "d"]))[0][3])


def test_each_code_of_the_test_part_is_measured():
    fitted = toy_meshes.fitted()
    upright = fitted.outcome.embeddings["penultimate"]
    codes = {"penultimate": upright, "penultimate_rotated": {"test": 0 * upright["test"]}, "other": {"train": upright}}
    outcome = dataclasses.replace(fitted.outcome, embeddings=codes)
    table = separation.evaluate(dataclasses.replace(fitted, outcome=outcome)).tables[Artifact.SEPARATION]
    assert tuple(table.columns) == record.COLUMNS[Artifact.SEPARATION]
    assert table["code"].value_counts().to_dict() == {"penultimate": 3, "penultimate_rotated": 3}
    assert (table.loc[table["code"] == "penultimate", "over_spread"] > 5).all()
    assert not separation.evaluate(
        dataclasses.replace(fitted, outcome=dataclasses.replace(outcome, embeddings={}))
    ).tables
