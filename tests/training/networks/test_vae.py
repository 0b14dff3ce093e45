import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from training.models.preparation import Scaling
from training.networks import vae
from training.views import single

SHAPE = vae.Shape(features=5, latent_size=2, width=16, depth=2, activation="silu")


def test_kl_of_a_standard_normal_is_0():
    assert vae.kl(torch.zeros(3, 4), torch.zeros(3, 4)).tolist() == [0, 0, 0]


def test_kl_is_that_of_torch_distributions_summed_over_z():
    mean, log_variance = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=-1)
    torch.testing.assert_close(vae.kl(mean, log_variance), expected)


def test_kl_grows_with_the_distance_of_the_mean():
    """Half a square: 0.5 for a mean of 1, 2 for a mean of 2."""
    assert vae.kl(torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)).tolist() == [0.5, 2.0]


def test_draws_have_the_mean_and_the_deviation_asked_for():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z = vae.draw(torch.full((100_000, 1), 3.0), torch.full((100_000, 1), 2 * np.log(0.5)))
    assert z.mean() == pytest.approx(3.0, abs=0.01)
    assert z.std() == pytest.approx(0.5, abs=0.01)


def test_sizes_are_as_asked_for():
    module = vae.Vae(SHAPE)
    x = torch.randn(7, 5)
    mean, log_variance = module.encode(x)
    assert mean.shape == log_variance.shape == (7, 2)
    assert module(x)[0].shape == (7, 5)
    assert sum(isinstance(layer, torch.nn.Linear) for layer in module.encoder) == SHAPE.depth + 1


def test_the_variance_of_a_far_sample_does_not_overflow():
    _, log_variance = vae.Vae(SHAPE).encode(1e6 * torch.ones(1, 5))
    assert log_variance.exp().isfinite().all()


def fitted() -> vae.FittedVae:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = vae.Vae(SHAPE).eval()
    return vae.FittedVae(module, SHAPE, Scaling(np.arange(5.0), np.array([1.0, 10.0, 0.1, 1.0, 2.0])))


def test_a_prediction_is_the_decoded_code_and_draws_nothing():
    model, x = fitted(), np.random.default_rng(0).normal(size=(6, 5))
    np.testing.assert_array_equal(model.predict(single(x)), model.decode(model.encode(single(x))))
    np.testing.assert_array_equal(model.predict(single(x)), model.predict(single(x)))


def test_codes_do_not_depend_on_the_units_that_scaling_takes_away():
    """Metres or centimetres: with the scaling fitted to either, z is the same and predictions follow the unit."""
    model, x = fitted(), np.random.default_rng(0).normal(size=(6, 5))
    centimetres = Scaling(model.scaling.centre * 100, model.scaling.scale * 100)
    other = vae.FittedVae(model.module, SHAPE, centimetres)
    np.testing.assert_allclose(other.encode(single(100 * x)), model.encode(single(x)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other.predict(single(100 * x)), 100 * model.predict(single(x)), rtol=1e-4, atol=1e-3)


def test_parts_of_a_long_table_are_the_table(monkeypatch):
    model, x = fitted(), np.random.default_rng(0).normal(size=(10, 5))
    whole = model.predict(single(x))
    monkeypatch.setattr(vae, "ROWS_AT_ONCE", 3)
    np.testing.assert_allclose(model.predict(single(x)), whole, rtol=1e-5, atol=1e-5)


def test_a_saved_model_is_the_same(tmp_path):
    model, x = fitted(), np.random.default_rng(0).normal(size=(6, 5))
    model.save(tmp_path)
    again = vae.load(tmp_path, "cpu")
    np.testing.assert_array_equal(again.predict(single(x)), model.predict(single(x)))
    assert again.shape == SHAPE
    assert again.parameters() == model.parameters() == 16 * (5 + 1 + 16 + 1) + 17 * 4 + 16 * (2 + 1 + 16 + 1) + 17 * 5
