"""Attention equals its formula, and padding, in whatever amount, changes nothing."""

from __future__ import annotations

import pytest
import torch

from training.networks import attention
from training.networks.attention import Attention, Block


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def steps(n: int = 3, t: int = 5, width: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.ones(n, t, dtype=torch.bool)
    mask[1, :2] = False
    return torch.randn(n, t, width), mask


def test_what_is_taken_is_the_weighted_sum_of_values():
    """softmax(q k / sqrt(d)) v of each head, by hand; the last key is that of nothing, whose value begins at 0."""
    layer = Attention(8, 2, 0.0).eval()
    x, mask = steps()
    weights = layer.weights(x, x, mask)
    assert weights.shape == (3, 2, 5, 6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 5))
    value = layer.key_value(x)[..., 8:].unflatten(2, (2, 4)).transpose(1, 2)
    value = torch.cat([value, torch.zeros(3, 2, 1, 4)], dim=2)
    by_hand = layer.output((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x, x, mask), by_hand, atol=1e-5, rtol=1e-5)


def test_padded_steps_have_no_weight():
    layer = Attention(8, 2, 0.0).eval()
    x, mask = steps()
    assert (layer.weights(x, x, mask)[1, :, :, :2] == 0).all()
    other = x.clone()
    other[1, :2] = 1e6
    torch.testing.assert_close(layer(x, other, mask)[1, 2:], layer(x, x, mask)[1, 2:])


def test_without_any_step_nothing_is_attended_to():
    layer = Attention(8, 2, 0.0).eval()
    x, _ = steps()
    none = torch.zeros(3, 5, dtype=torch.bool)
    assert (layer.weights(x, x, none)[..., -1] == 1).all()
    assert layer(x, x, none).isfinite().all()


def test_a_width_that_no_heads_divide_is_refused():
    with pytest.raises(ValueError, match="width is 10, expected a multiple of the 4 heads"):
        Attention(10, 4, 0.0)


def test_positions_count_from_the_last_step():
    like = torch.zeros(1)
    long, short = attention.positions(7, 8, like), attention.positions(3, 8, like)
    torch.testing.assert_close(long[-3:], short)
    # sin 0 and cos 0
    assert short[-1].tolist() == [0.0, 1.0] * 4


def test_the_average_is_of_the_steps_that_are_there():
    x, mask = steps()
    torch.testing.assert_close(attention.averaged(x, mask)[1], x[1, 2:].mean(dim=0))
    assert (attention.averaged(x, torch.zeros_like(mask)) == 0).all()


def test_a_block_keeps_the_shape_and_its_shortcut():
    block = Block(8, 2, 0.0).eval()
    x, mask = steps()
    for layer in (block.attention.output, block.dense[-2]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.testing.assert_close(block(x, x, mask), x)
