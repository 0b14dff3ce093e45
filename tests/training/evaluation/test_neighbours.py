"""The nearest samples in the inputs: a copy in train is found first, and no sample is its own neighbour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affect.record import COLUMNS, Artifact
from tests.training.evaluation.test_thumbnails import of
from training import views
from training.evaluation import neighbours


def test_a_copy_in_train_is_the_first_neighbour_and_nothing_is_its_own():
    fitted = of("motion/lma_to_pad")
    values = np.array(np.asarray(fitted.split.test.x))
    values[4] = np.asarray(fitted.split.train.x)[7]
    test = replace(fitted.split.test, inputs=views.single(values, "features"))
    table = neighbours.evaluate(replace(fitted, split=replace(fitted.split, test=test))).tables[Artifact.NEIGHBOURS]
    assert tuple(table.columns) == COLUMNS[Artifact.NEIGHBOURS]
    first = table[(table["sample"] == fitted.test_sample[4]) & (table["rank"] == 1)].iloc[0]
    assert (first["neighbour"], first["part"]) == (fitted.split.train.sample[7], "train")
    assert first["distance"] == pytest.approx(0, abs=1e-3)
    assert not (table["sample"] == table["neighbour"]).any()
    assert set(table["sample"]) == set(fitted.test_sample)
    assert (table.groupby("sample")["distance"].apply(lambda d: d.is_monotonic_increasing)).all()


def test_distances_are_over_the_standard_deviation_on_train():
    fitted = of("motion/lma_to_pad")
    table = neighbours.evaluate(fitted).tables[Artifact.NEIGHBOURS]
    row = table[table["part"] == "train"].iloc[0]
    train, test = (np.asarray(part.x, float) for part in (fitted.split.train, fitted.split.test))
    spread = train.std(axis=0)
    a = test[fitted.test_sample.tolist().index(row["sample"])]
    b = train[fitted.split.train.sample.tolist().index(row["neighbour"])]
    assert row["distance"] == pytest.approx(np.linalg.norm((a - b) / np.where(spread > 0, spread, 1)), rel=1e-3)


@pytest.mark.parametrize("name", ["faces/face_vae", "meshes/linear", "fusion/bayesian_ridge"])
def test_images_meshes_and_windows_of_two_blocks_have_neighbours(name):
    table = neighbours.evaluate(of(name)).tables[Artifact.NEIGHBOURS]
    assert (table["distance"] >= 0).all()
    assert set(table["rank"]) == set(range(1, neighbours.NEAREST + 1))
