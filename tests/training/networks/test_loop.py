import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from tests import small_data
from training.networks import loop

SCHEDULE = loop.Schedule(epochs=30, batch=32, learning_rate=0.02)


class Killed(BaseException):
    """What a killed worker would see, if it saw anything."""


@dataclasses.dataclass
class Task:
    """A small regression y = x W, with dropout so that noise is drawn in training, and its log of reports."""

    log: list = dataclasses.field(default_factory=list)
    seen: list = dataclasses.field(default_factory=list)
    figures: bool = False  # whether validate gives a figure beside the objective

    def run(self, schedule: loop.Schedule = SCHEDULE, n: int = 200, die_after: int | None = None, **lent):
        def report(step: int, value: float, **figures: float) -> None:
            self.log.append((step, value, figures))
            if die_after == step:
                raise Killed

        generator = torch.Generator().manual_seed(7)
        x = torch.randn(n + 100, 4, generator=generator)
        y = x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]])
        job = small_data.job(report=report, **lent)
        with loop.seeded(job):
            module = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 1))

        def loss(batch):
            self.seen.append(batch[0].detach().clone())
            return (module(batch[0]) - batch[1]).square().mean()

        def error() -> float:
            assert not module.training
            return float((module(x[n:]) - y[n:]).abs().mean())

        def validate() -> float | tuple[float, dict[str, float]]:
            return (error(), {"val__squared": error() ** 2}) if self.figures else error()

        history = loop.fit(module, [x[:n], y[:n]], loss, validate, schedule, job)
        with torch.no_grad():
            return module, history, error()


def weights(module: nn.Module) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in module.parameters()]).numpy()


def test_it_learns_and_leaves_the_best_epochs_weights():
    task = Task()
    module, history, error = task.run()
    assert error < 0.3 < task.log[0][1]
    assert history.best == min(value for _, value, _ in task.log) == pytest.approx(error, rel=1e-6)
    assert not module.training


def test_weights_after_the_best_epoch_are_thrown_away():
    """A learning rate that is far too large makes later epochs worse."""
    task = Task()
    _, history, error = task.run(loop.Schedule(epochs=25, batch=32, learning_rate=0.5))
    assert error == pytest.approx(history.best, rel=1e-6)
    assert history.values[-1] > history.best


def test_every_epoch_sees_every_row_once_in_another_order():
    task = Task()
    task.run(loop.Schedule(epochs=2, batch=32), n=200)
    epochs = [torch.cat(task.seen[:7]), torch.cat(task.seen[7:])]
    assert len(task.seen) == 14
    assert [len(b) for b in task.seen[:7]] == [32] * 6 + [8]
    first, second = (np.unique(e.numpy(), axis=0) for e in epochs)
    assert len(first) == 200
    np.testing.assert_array_equal(first, second)
    assert not torch.equal(*epochs)


def test_rows_of_several_tensors_stay_together(monkeypatch):
    rows = torch.arange(50)
    for limit in (loop.WHOLE_SHUFFLE_BYTES, 0):
        monkeypatch.setattr(loop, "WHOLE_SHUFFLE_BYTES", limit)
        made = list(loop.batches([rows, 10 * rows], 8, torch.Generator().manual_seed(0)))
        assert all(torch.equal(10 * a, b) for a, b in made)
        assert sorted(torch.cat([a for a, _ in made]).tolist()) == rows.tolist()


def test_both_ways_of_shuffling_give_the_same_batches(monkeypatch):
    rows = torch.arange(50)
    whole = list(loop.batches([rows], 8, torch.Generator().manual_seed(0)))
    monkeypatch.setattr(loop, "WHOLE_SHUFFLE_BYTES", 0)
    for (a,), (b,) in zip(whole, loop.batches([rows], 8, torch.Generator().manual_seed(0)), strict=True):
        assert torch.equal(a, b)


def test_no_batch_is_of_one_sample_where_there_are_more():
    """Batch norm is not defined on it."""
    generator = torch.Generator().manual_seed(0)
    assert [len(a) for (a,) in loop.batches([torch.arange(33)], 8, generator)] == [8, 8, 8, 8]
    assert [len(a) for (a,) in loop.batches([torch.arange(1)], 8, generator)] == [1]


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    first, second, other = Task().run()[0], Task().run()[0], Task().run(seed=1)[0]
    np.testing.assert_array_equal(weights(first), weights(second))
    assert (weights(first) != weights(other)).any()


def test_torch_is_left_as_it_was_even_by_a_fit_that_raises():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises(Killed):
        Task().run(die_after=2, threads=threads + 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_it_stops_when_validation_no_longer_gets_better():
    task = Task()
    _, history, _ = task.run(dataclasses.replace(SCHEDULE, epochs=500, learning_rate=0.1, patience=5))
    assert len(task.log) < 500
    assert len(history.values) == history.best_epoch + 1 + 5


def test_epochs_of_the_job_are_the_limit():
    task = Task()
    task.run(epochs=3)
    assert [step for step, _, _ in task.log] == [1, 2, 3]
    assert all(set(figures) == {"train__loss"} for _, _, figures in task.log)


def test_a_larger_figure_can_be_the_better_one():
    task = Task()
    _, history, _ = task.run(dataclasses.replace(SCHEDULE, direction="maximize"))
    assert history.best == max(history.values)


def test_clipping_bounds_a_step():
    """With plain gradient descent a step is at most rate × limit, however large the loss."""
    module = nn.Linear(1, 1, bias=False)
    before = weights(module).copy()
    x = torch.full((4, 1), 1e4)
    schedule = loop.Schedule(epochs=1, batch=4, optimiser="sgd", learning_rate=0.1, clip=1.0)
    loop.fit(module, [x], lambda batch: module(batch[0]).square().sum(), lambda: 0.0, schedule, small_data.job())
    assert np.abs(weights(module) - before).max() == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("killed_after", [1, 7, 29])
def test_a_killed_fit_goes_on_and_ends_as_if_it_had_not_been(killed_after, tmp_path, monkeypatch):
    """Dropout's noise, the order of rows, the optimiser's momenta: all of it goes on where it was."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)  # after each epoch
    whole, history, _ = Task().run()
    task = Task()
    with pytest.raises(Killed):
        task.run(die_after=killed_after, checkpoint=tmp_path)
    # the report came before the checkpoint: the epoch that was reported last is taken again
    assert len(list(tmp_path.iterdir())) == (killed_after > 1)
    again = Task()
    module, resumed, _ = again.run(checkpoint=tmp_path)
    np.testing.assert_array_equal(weights(module), weights(whole))
    assert resumed == history
    assert [step for step, _, _ in again.log] == list(range(1, 31)), "earlier epochs are reported again"
    assert len(again.seen) == 7 * (30 - killed_after + 1), "and are not taken again"
    assert not list(tmp_path.iterdir()), "a fit that has ended leaves no checkpoint"


def test_a_checkpoint_of_another_fit_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(Killed):
        Task().run(die_after=5, checkpoint=tmp_path)
    (kept,) = tmp_path.iterdir()
    task = Task()
    task.run(checkpoint=tmp_path, n=150)
    assert len(task.seen) == 30 * 5
    assert list(tmp_path.iterdir()) == [kept]


def test_no_checkpoint_is_written_before_its_time(tmp_path):
    with pytest.raises(Killed):
        Task().run(die_after=20, checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("factor", "figure", "message"),
    [(float("nan"), 0.0, "train loss is nan in epoch 1"), (1.0, float("inf"), "validation figure is inf in epoch 1")],
)
def test_a_figure_that_is_not_finite_ends_the_fit_with_the_epoch(factor, figure, message):
    module = nn.Linear(1, 1)

    def loss(batch):
        return module(batch[0]).sum() * factor

    with pytest.raises(ArithmeticError, match=message):
        loop.fit(module, [torch.ones(4, 1)], loss, lambda: figure, SCHEDULE, small_data.job())


@pytest.mark.parametrize("name", loop.OPTIMISERS)
def test_every_optimiser_lowers_the_error(name):
    _, history, _ = Task().run(loop.Schedule(epochs=15, batch=32, optimiser=name, learning_rate=0.005))
    assert history.best < 0.8 * history.values[0]


def test_an_unknown_optimiser_is_named():
    with pytest.raises(ValueError, match=r"optimiser is 'adamx', expected one of adam, adamw, rmsprop, sgd"):
        Task().run(dataclasses.replace(SCHEDULE, optimiser="adamx"))


def test_an_unknown_decay_is_named():
    with pytest.raises(ValueError, match="decay is 'cosin', expected one of none, cosine"):
        Task().run(dataclasses.replace(SCHEDULE, decay="cosin"))


def test_the_learning_rate_falls_by_half_a_cosine():
    schedule = dataclasses.replace(SCHEDULE, learning_rate=0.4, decay="cosine")
    assert [schedule.rate(epoch, 30) for epoch in (0, 10, 15, 20)] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert 0 < schedule.rate(29, 30) < 0.002
    assert SCHEDULE.rate(29, 30) == SCHEDULE.learning_rate


def test_a_killed_fit_goes_on_with_the_rate_and_the_figures_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    schedule = dataclasses.replace(SCHEDULE, decay="cosine", epochs=8)
    whole, history, _ = Task(figures=True).run(schedule)
    with pytest.raises(Killed):
        Task(figures=True).run(schedule, die_after=4, checkpoint=tmp_path)
    again = Task(figures=True)
    module, resumed, _ = again.run(schedule, checkpoint=tmp_path)
    np.testing.assert_array_equal(weights(module), weights(whole))
    assert resumed == history
    assert [figures["val__squared"] for _, _, figures in again.log] == [one["val__squared"] for one in history.figures]
