"""What a GAN's discriminator takes for real is counted on test frames and on as many generated ones."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from affect import record
from training import registry
from training.evaluation import realness
from training.views import single


class Model:
    """Takes bright frames for real, and generates dark ones but for every fourth."""

    def realness(self, inputs):
        return np.asarray(inputs.x).mean(axis=(1, 2, 3)) / 255

    def generate(self, n, seed):
        images = np.zeros((n, 3, 4, 4), np.uint8)
        images[::4] = 255
        return images, np.zeros((n, 2)), images.mean(axis=(1, 2, 3)) / 255


@pytest.fixture
def fitted():
    frames = np.full((8, 3, 4, 4), 250, np.uint8)
    frames[0] = 5
    inputs = single(frames, "images")

    class Part(SimpleNamespace):
        def __len__(self):
            return 8

    test = Part(inputs=inputs)
    return SimpleNamespace(
        outcome=SimpleNamespace(model=Model()),
        split=SimpleNamespace(test=test),
        test_sample=np.array([f"s{i}" for i in range(8)]),
        job=SimpleNamespace(seed=0),
    )


def test_shares_that_are_told_rightly(fitted):
    found = realness.evaluate(fitted)
    assert found.metrics == {"test/accuracy_real/all": 7 / 8, "test/accuracy_generated/all": 6 / 8}
    table = found.tables[record.Artifact.REALNESS]
    assert table["kind"].value_counts().to_dict() == {"real": 8, "generated": 8}
    assert table.loc[table["kind"] == "real", "sample"].tolist() == [f"s{i}" for i in range(8)]


def test_the_scores_can_be_computed_again_from_the_table(fitted):
    found = realness.evaluate(fitted)
    table = found.tables[record.Artifact.REALNESS]
    real, generated = (table.loc[table["kind"] == kind, "probability"] for kind in ("real", "generated"))
    assert (real > 0.5).mean() == found.metrics["test/accuracy_real/all"]
    assert (generated < 0.5).mean() == found.metrics["test/accuracy_generated/all"]


def test_it_applies_to_gans_alone():
    gans = {name for name in registry.methods() if realness.applies(registry.method(name).METHOD)}
    assert gans == {"frames/regression_gan", "frames/ssgan", "frames/capsule_gan"}
