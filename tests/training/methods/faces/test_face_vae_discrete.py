import numpy as np
import pytest

from search_spaces.faces.face_vae_discrete import TINY
from tests import small_data
from training.methods.faces import face_vae_discrete as method


@pytest.fixture(scope="module")
def outcome():
    split = small_data.split(method.METHOD, test=True)
    return method.fit(TINY, split, small_data.lent("faces/face_vae_discrete", {"loss": "ce"}))


def test_predictions_are_expected_tenths(outcome):
    codes = {code: parts["test"] for code, parts in outcome.embeddings.items()}
    probabilities = outcome.model.probabilities(codes)
    assert probabilities.shape == (len(codes["z_v"]), 2, 21)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1, rtol=1e-5)
    found = outcome.predictions["test"]
    np.testing.assert_allclose(found, probabilities @ np.linspace(-1, 1, 21), atol=1e-6)
    assert np.abs(found).max() <= 1


def test_probabilities_lie_nearer_the_label_than_chance(outcome):
    true = np.round(10 * small_data.protocol(method.METHOD).truth()["test"]).astype(int) + 10
    codes = {code: parts["test"] for code, parts in outcome.embeddings.items()}
    of_true = np.take_along_axis(outcome.model.probabilities(codes), true[..., None], axis=2)
    assert -np.log(of_true).mean() < 0.9 * np.log(21)
