import dataclasses

import numpy as np
import pytest

from tests import small_data
from training import registry
from training.evaluation import latent_error
from training.views import single


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("motion/pad_to_latent")


def test_it_applies_to_methods_that_predict_codes():
    assert [m for m in registry.methods() if latent_error.applies(registry.method(m).METHOD)] == [
        "motion/pad_to_latent"
    ]


def test_it_is_the_distance_to_the_codes_of_real_features(fitted):
    figures = latent_error.evaluate(fitted).metrics
    z = fitted.job.prerequisites["vae"].encode(single(fitted.truth["test"]))
    assert figures["test/mae/latent"] == pytest.approx(np.abs(fitted.outcome.embeddings["z"]["test"] - z).mean())
    assert set(figures) == {"test/mae/latent", "test.mean/mae/latent", "test.label_mean/mae/latent"}


def test_exact_codes_have_no_error_and_mean_codes_that_of_the_mean_row(fitted):
    vae = fitted.job.prerequisites["vae"]

    def error(z: np.ndarray) -> dict[str, float]:
        outcome = dataclasses.replace(fitted.outcome, embeddings={"z": {**fitted.outcome.embeddings["z"], "test": z}})
        return latent_error.evaluate(dataclasses.replace(fitted, outcome=outcome)).metrics

    z = vae.encode(single(fitted.truth["test"]))
    assert error(z)["test/mae/latent"] == 0
    mean = np.tile(vae.encode(single(fitted.truth["train"])).mean(axis=0, dtype=np.float64), (len(z), 1))
    figures = error(mean)
    assert figures["test/mae/latent"] == pytest.approx(figures["test.mean/mae/latent"])


def test_pad_says_something_of_z(fitted):
    figures = latent_error.evaluate(fitted).metrics
    assert figures["test/mae/latent"] < figures["test.mean/mae/latent"]


def test_figures_can_be_computed_again_from_the_table(fitted):
    found = latent_error.evaluate(fitted)
    table = found.tables["latent.parquet"]
    test, train = table[table.part == "test"], table[table.part == "train"]
    assert (test.pred_d0 - test.true_d0).abs().mean() == pytest.approx(found.metrics["test/mae/latent"])
    assert (train.true_d0.mean() - test.true_d0).abs().mean() == pytest.approx(found.metrics["test.mean/mae/latent"])
    assert test["sample"].tolist() == fitted.test_sample.tolist()
