from __future__ import annotations

import numpy as np
import pytest
import torch

from training.networks import fusion


@pytest.fixture
def module() -> fusion.Concat:
    torch.manual_seed(0)
    return fusion.Concat(fusion.Shape(features=3, width=8, dropout=0.5, targets=2)).eval()


def test_outputs_reach_from_minus_one_to_one(module):
    out = module(1000 * torch.randn(500, 3))
    assert out.shape == (500, 2)
    assert out.abs().max() <= 1
    assert out.min() < -0.99
    assert out.max() > 0.99


def test_it_is_a_dense_layer_and_an_output(module):
    x = torch.randn(5, 3)
    first, _, _, last, _ = module.layers
    by_hand = np.tanh(
        np.maximum(x.numpy() @ first.weight.detach().numpy().T + first.bias.detach().numpy(), 0)
        @ last.weight.detach().numpy().T
        + last.bias.detach().numpy()
    )
    np.testing.assert_allclose(module(x).detach().numpy(), by_hand, atol=1e-6)


def test_dropout_acts_in_training_alone(module):
    x = torch.randn(50, 3)
    assert torch.equal(module(x), module(x))
    module.train()
    assert not torch.equal(module(x), module(x))
