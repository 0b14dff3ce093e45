import numpy as np
import pytest
import torch

from affect import metrics
from affect.per_sequence import per_sequence
from training.networks import ccc


def series(*shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return true values and predictions that are shifted, shrunk and noisy."""
    generator = torch.Generator().manual_seed(seed)
    true = torch.randn(*shape, generator=generator)
    return true, 0.3 + 0.6 * true + 0.3 * torch.randn(*shape, generator=generator)


def expected(true: torch.Tensor, predicted: torch.Tensor) -> float:
    """Return 1 − the mean of `affect.metrics`' CCC over the columns (n, t)."""
    return 1 - float(np.mean([metrics.ccc(t.numpy(), p.numpy()) for t, p in zip(true.T, predicted.T, strict=True)]))


def test_a_batch_is_scored_as_metrics_do():
    true, predicted = series(200, 2)
    assert float(ccc.loss(predicted, true)) == pytest.approx(expected(true, predicted), rel=1e-5)
    assert float(ccc.loss(true, true)) == pytest.approx(0, abs=1e-6)
    assert float(ccc.loss(-true, true)) > 1.9
    assert float(ccc.loss(true + 0.5, true)) > 0.05, "a shift costs, where a correlation would not see it"


def test_masked_rows_do_not_count_whatever_is_in_them():
    true, predicted = series(50, 2)
    mask = torch.arange(50) % 3 > 0
    wild = predicted.masked_fill(~mask[:, None], 1e6)
    assert float(ccc.loss(wild, true, mask)) == pytest.approx(expected(true[mask], predicted[mask]), rel=1e-5)


def padded() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return three sequences of 30, 12 and 5 rows, (3, 30, 2), padded at the end, with their mask."""
    true, predicted = series(3, 30, 2, seed=1)
    mask = torch.arange(30) < torch.tensor([[30], [12], [5]])
    return true.where(mask[..., None], 99.0), predicted.where(mask[..., None], -99.0), mask


def test_sequences_are_scored_together_or_each_by_itself():
    true, predicted, mask = padded()
    pooled = float(ccc.loss(predicted, true, mask))
    assert pooled == pytest.approx(expected(true[mask], predicted[mask]), rel=1e-5)
    sequence = np.repeat(["a", "b", "c"], mask.sum(dim=1).numpy())
    columns = [(true[mask][:, k].numpy(), predicted[mask][:, k].numpy()) for k in range(2)]
    each = np.mean([per_sequence("ccc", t, p, sequence).mean for t, p in columns])
    by_sequence = float(ccc.loss(predicted, true, mask, by_sequence=True))
    assert by_sequence == pytest.approx(1 - each, rel=1e-5)
    assert abs(by_sequence - pooled) > 0.001


def test_recordings_of_a_batch_are_scored_each_by_itself_in_any_order():
    true, predicted, mask = padded()
    recording = torch.arange(3)[:, None].expand(3, 30)[mask]
    order = torch.randperm(len(recording), generator=torch.Generator().manual_seed(0))
    flat = ccc.by_recording(predicted[mask][order], true[mask][order], 7 * recording[order])
    assert float(flat) == pytest.approx(float(ccc.loss(predicted, true, mask, by_sequence=True)), rel=1e-5)


def test_a_sequence_of_padding_alone_does_not_count():
    true, predicted, mask = padded()
    more = [torch.cat([x, torch.zeros_like(x[:1])]) for x in (predicted, true, mask)]
    one, other = ccc.loss(predicted, true, mask, by_sequence=True), ccc.loss(*more, by_sequence=True)
    assert float(one) == pytest.approx(float(other))


@pytest.mark.parametrize("by_sequence", [False, True])
def test_the_gradient_is_that_of_the_formula_and_finite_for_constants(by_sequence):
    true, predicted, mask = padded()
    given = predicted.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ccc.loss(x, true.double(), mask, by_sequence=by_sequence), given)
    for value in (0.0, 0.1):
        constant = torch.full_like(predicted, value).requires_grad_()
        loss = ccc.loss(constant, torch.full_like(true, value), mask, by_sequence=by_sequence)
        (gradient,) = torch.autograd.grad(loss, constant)
        assert float(loss.detach()) == 1, "a constant agrees with nothing, as in metrics"
        assert gradient.isfinite().all()


def test_it_can_be_learned():
    true, predicted = series(100, 2)
    x = predicted.clone().requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        loss = ccc.loss(x, true)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.01
