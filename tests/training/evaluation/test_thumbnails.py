"""Small images of test samples and meshes of some, under the names that the data gives them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from affect.record import COLUMNS, Artifact
from tests import small_data
from training import registry
from training.contract import Outcome
from training.evaluation import _test_samples, thumbnails


def test_it_applies_to_methods_that_see_images_or_meshes():
    names = ("faces/face_vae", "frames/cnn_rnn", "meshes/linear", "motion/lma_to_pad", "fusion/bayesian_ridge")
    assert [thumbnails.applies(registry.method(name).METHOD) for name in names] == [True, True, True, False, False]


def of(name: str):
    """Return what an evaluation of a method is handed, without a fit: it predicts 0 but for one sample."""
    declared = registry.method(name).METHOD
    chosen = small_data.default_settings(declared)
    protocol = small_data.protocol(declared)
    split = protocol.split(declared, chosen, test=True)
    truth = protocol.truth()
    wide = len(split.classes) or len(split.targets)
    predicted = np.full((len(split.test), wide), 1 / wide) if split.classes else np.array(truth["test"], float)
    return thumbnails.Fitted(
        declared,
        protocol.data,
        split,
        truth,
        protocol.labels(),
        protocol.data.sample[protocol.rows("test")],
        small_data.job(chosen),
        Outcome(model=None, predictions={"test": predicted}),
        lambda other: Outcome(model=None, predictions={}),
    )


@pytest.mark.parametrize("name", ["faces/face_vae", "frames/cnn_rnn"])
def test_every_test_image_has_a_small_one(name):
    fitted = of(name)
    table = thumbnails.evaluate(fitted).tables[Artifact.THUMBNAILS]
    assert tuple(table.columns) == COLUMNS[Artifact.THUMBNAILS]
    assert table["sample"].tolist() == fitted.test_sample.tolist()
    image = np.asarray(Image.open(io.BytesIO(table["png"][3])))
    own = _test_samples.last(fitted.split.test.inputs["images"], np.array([3]))[0]
    assert max(image.shape) <= thumbnails.SIDE
    if max(own.shape) <= thumbnails.SIDE:
        np.testing.assert_array_equal(np.moveaxis(image, -1, 0), own)


def test_of_many_test_images_the_worst_are_kept(monkeypatch):
    monkeypatch.setattr(thumbnails, "WORST", 1)
    monkeypatch.setattr(thumbnails, "OTHERS", 2)
    fitted = of("faces/face_vae_continuous")
    predicted = np.array(fitted.outcome.predictions["test"])
    predicted[5] += 3
    fitted = replace(fitted, outcome=replace(fitted.outcome, predictions={"test": predicted}))
    kept = thumbnails.evaluate(fitted).tables[Artifact.THUMBNAILS]["sample"].tolist()
    assert kept == fitted.test_sample[[0, 5, len(predicted) - 1]].tolist()


def test_meshes_are_those_of_the_data():
    fitted = of("meshes/linear")
    table = thumbnails.evaluate(fitted).tables[Artifact.TEST_MESHES]
    name = table["sample"].iloc[0]
    row = fitted.data.sample.tolist().index(name)
    mesh = table[table["sample"] == name].sort_values("vertex")[["x", "y", "z"]].to_numpy()
    np.testing.assert_allclose(mesh, fitted.data.blocks["landmarks"].values[row], rtol=1e-5)


def test_a_classifier_errs_by_the_probability_it_does_not_give_to_the_truth():
    fitted = of("meshes/linear")
    np.testing.assert_allclose(_test_samples.error(fitted), 1 - 1 / len(fitted.split.classes))
