import dataclasses
import logging
import os

import numpy as np
import pytest
import torch
from torch import nn

from tests import small_data
from training.contract import Steps
from training.networks import checkpoints, loop
from training.networks.batches import Batches, Shuffled
from training.networks.step import LOSS, OPTIMISERS, Descent, Step, descend, optimiser

SCHEDULE = loop.Schedule(epochs=30)


class Killed(BaseException):
    """What a killed worker would see, if it saw anything."""


@dataclasses.dataclass
class Task:
    """A small regression y = x W, with dropout so that noise is drawn in training, and its log of reports."""

    log: list = dataclasses.field(default_factory=list)
    seen: list = dataclasses.field(default_factory=list)
    beside: bool = False  # whether validate gives a score beside the objective
    factor: float = 1.0  # of the loss

    def run(self, schedule=SCHEDULE, n=200, die_after=None, how="adam", rate=0.02, error=Killed, **lent):
        def report(step: int, value: float, **scores: float) -> None:
            self.log.append((step, value, scores))
            if die_after == step:
                raise error

        generator = torch.Generator().manual_seed(7)
        x = torch.randn(n + 100, 4, generator=generator)
        y = x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]])
        job = small_data.job(report=report, **{"key": "task", **lent})
        with loop.seeded(job):
            module = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 1))

            def loss(batch):
                self.seen.append(batch[0].detach().clone())
                return self.factor * (module(batch[0]) - batch[1]).square().mean()

            def mean_error() -> float:
                assert not module.training
                return float((module(x[n:]) - y[n:]).abs().mean())

            def validate():
                # a NumPy number, as metrics return them
                return (mean_error(), {"val__squared": np.float64(mean_error() ** 2)}) if self.beside else mean_error()

            batches = Batches(Shuffled(n, 32), [x[:n], y[:n]], "cpu")
            step = Descent(module, loss, optimiser(module, how, rate))
            history = loop.fit(step, batches, validate, schedule, job)
            with torch.no_grad():
                return module, history, mean_error()


def weights(module: nn.Module) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in module.parameters()]).numpy()


@pytest.fixture
def after_each_epoch(monkeypatch):
    """Write a checkpoint after each epoch, whatever it costs."""
    monkeypatch.setattr(checkpoints, "LEAST_SECONDS", -1.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))


# ------------------------------------------------------------------------------------------------------ epochs


def test_it_learns_and_leaves_the_best_epochs_weights():
    task = Task()
    module, history, error = task.run()
    assert error < 0.3 < task.log[0][1]
    assert history.best == min(value for _, value, _ in task.log) == pytest.approx(error, rel=1e-6)
    assert not module.training


def test_weights_after_the_best_epoch_are_thrown_away():
    """A learning rate that is far too large makes later epochs worse."""
    _, history, error = Task().run(loop.Schedule(epochs=25), rate=0.5)
    assert error == pytest.approx(history.best, rel=1e-6)
    assert history.values[-1] > history.best


def test_every_epoch_sees_every_row_once_in_another_order():
    task = Task()
    task.run(loop.Schedule(epochs=2), n=200)
    epochs = [torch.cat(task.seen[:6]), torch.cat(task.seen[6:])]
    assert [len(b) for b in task.seen[:6]] == [34, 34, 33, 33, 33, 33], "the remainder of 8 rows is spread"
    first, second = (np.unique(e.numpy(), axis=0) for e in epochs)
    assert len(first) == 200
    np.testing.assert_array_equal(first, second)
    assert not torch.equal(*epochs)


def test_an_epoch_may_be_a_number_of_steps():
    task = Task()
    _, history, _ = task.run(loop.Schedule(epochs=3, steps=10), n=200)
    assert len(task.seen) == history.steps == 30
    assert [step for step, _, _ in task.log] == [1, 2, 3]


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
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_fit_outside_of_its_seed_is_refused():
    module = nn.Linear(1, 1)
    step = Descent(module, lambda batch: module(batch[0]).sum(), optimiser(module, "sgd", 0.1))
    with pytest.raises(RuntimeError, match="seeded"):
        loop.fit(step, Batches(Shuffled(4, 4), [torch.ones(4, 1)], "cpu"), lambda: 0.0, SCHEDULE, small_data.job())


def test_the_gradient_of_an_index_is_the_same_on_two_threads():
    """By default torch adds it up in the order in which threads come."""
    generator = torch.Generator().manual_seed(0)
    rows, weight = torch.randint(0, 50, (3000,), generator=generator), torch.randn(3000, 64, generator=generator)

    def gradient() -> bytes:
        x = torch.zeros(50, 64, requires_grad=True)
        (x[rows] * weight).sum().backward()
        assert x.grad is not None
        return x.grad.numpy().tobytes()

    with loop.seeded(small_data.job(threads=2)):
        assert torch.get_num_threads() == 2
        assert len({gradient() for _ in range(20)}) == 1


def test_layers_may_be_too_small_for_many_threads():
    with loop.seeded(small_data.job(threads=4), most_threads=1):
        assert torch.get_num_threads() == 1


def test_it_stops_when_validation_no_longer_gets_better():
    task = Task()
    _, history, _ = task.run(loop.Schedule(epochs=500, patience=5), rate=0.1)
    assert len(task.log) < 500
    assert len(history.values) == history.best_epoch + 1 + 5


def test_epochs_of_the_job_are_the_limit():
    task = Task()
    task.run(epochs=3)
    assert [step for step, _, _ in task.log] == [1, 2, 3]
    assert all(set(scores) == {"train__loss"} for _, _, scores in task.log)


def test_a_larger_score_can_be_the_better_one():
    _, history, _ = Task().run(direction="maximize")
    assert history.best == max(history.values)


def test_the_learning_rate_falls_by_half_a_cosine():
    schedule = loop.Schedule(epochs=30, learning_rate_schedule="cosine")
    assert [schedule.factor(epoch, 30) for epoch in (0, 10, 15, 20)] == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert 0 < schedule.factor(29, 30) < 0.005
    assert SCHEDULE.factor(29, 30) == 1


def test_every_optimiser_of_a_step_follows_the_schedule():
    module = nn.Linear(1, 1)
    slow, fast = (optimiser(module, "sgd", rate) for rate in (0.1, 0.4))
    rates = []

    class Both(Step):
        def take(self, batch, n):
            rates.append([group["lr"] for one in self.optimisers.values() for group in one.param_groups])
            return {LOSS: torch.zeros(())}

    job = small_data.job()
    with loop.seeded(job):
        loop.fit(
            Both({"module": module}, {"slow": slow, "fast": fast}),
            Batches(Shuffled(4, 4), [torch.ones(4, 1)], "cpu"),
            lambda: 0.0,
            loop.Schedule(epochs=2, learning_rate_schedule="cosine"),
            job,
        )
    np.testing.assert_allclose(rates, [[0.1, 0.4], [0.05, 0.2]])


def test_an_unknown_learning_rate_schedule_is_named():
    with pytest.raises(ValueError, match="learning_rate_schedule is 'cosin', expected one of none, cosine"):
        Task().run(dataclasses.replace(SCHEDULE, learning_rate_schedule="cosin"))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_lowers_the_error(name):
    _, history, _ = Task().run(loop.Schedule(epochs=15), how=name, rate=0.005)
    assert history.best < 0.8 * history.values[0]


def test_only_the_modules_named_get_their_best_weights_back():
    """The first epoch is the best; each step adds 1 to both weights."""
    modules = {name: nn.Linear(1, 1, bias=False) for name in ("kept", "last")}
    values = iter([0.0, 1.0, 2.0])

    class Rising(Step):
        def take(self, batch, n):
            with torch.no_grad():
                for module in self.modules.values():
                    module.weight.fill_(n + 1)
            return {LOSS: torch.zeros(())}

    job = small_data.job()
    with loop.seeded(job):
        batches = Batches(Shuffled(4, 4), [torch.ones(4, 1)], "cpu")
        loop.fit(Rising(modules, {}), batches, lambda: next(values), loop.Schedule(epochs=3), job, best=["kept"])
    assert {name: module.weight.item() for name, module in modules.items()} == {"kept": 1.0, "last": 3.0}


# ------------------------------------------------------------------------------------------------- checkpoints


@pytest.mark.usefixtures("after_each_epoch")
@pytest.mark.parametrize("schedule", [SCHEDULE, loop.Schedule(epochs=30, steps=4, learning_rate_schedule="cosine")])
@pytest.mark.parametrize("killed_after", [1, 7, 29])
def test_a_killed_fit_goes_on_and_ends_as_if_it_had_not_been(killed_after, schedule, tmp_path):
    """Dropout's noise, the order of rows, the optimiser's momenta, the rate: all of it goes on where it was."""
    each = schedule.steps or 6
    whole, history, _ = Task(beside=True).run(schedule)
    task = Task(beside=True)
    with pytest.raises(Killed):
        task.run(schedule, die_after=killed_after, checkpoint=tmp_path)
    # the report came before the checkpoint: the epoch that was reported last is taken again
    assert len(list(tmp_path.iterdir())) == (killed_after > 1)
    again = Task(beside=True)
    module, resumed, _ = again.run(schedule, checkpoint=tmp_path)
    np.testing.assert_array_equal(weights(module), weights(whole))
    assert resumed == history
    assert [step for step, _, _ in again.log] == list(range(1, 31)), "earlier epochs are reported again"
    assert [scores for _, _, scores in again.log] == history.scores
    assert len(again.seen) == each * (30 - killed_after + 1), "and are not taken again"
    assert not list(tmp_path.iterdir()), "a fit that has ended leaves no checkpoint"


@pytest.mark.usefixtures("after_each_epoch")
@pytest.mark.parametrize(
    "other", [{"key": "another loss"}, {"seed": 1}, {"threads": 2}, {"epochs": 20}, {"schedule": loop.Schedule(29)}]
)
def test_a_checkpoint_of_another_fit_is_left_alone(other, tmp_path):
    with pytest.raises(Killed):
        Task().run(die_after=5, checkpoint=tmp_path)
    (kept,) = tmp_path.iterdir()
    task = Task()
    _, history, _ = task.run(checkpoint=tmp_path, **other)
    assert len(task.seen) == 6 * len(history.values)
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.usefixtures("after_each_epoch")
def test_a_fit_that_belongs_to_no_study_leaves_nothing(tmp_path):
    with pytest.raises(Killed):
        Task().run(die_after=5, checkpoint=tmp_path, key="")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("after_each_epoch")
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"no archive"])
def test_a_checkpoint_that_cannot_be_read_is_logged_and_removed(damage, tmp_path, caplog):
    whole, history, _ = Task().run()
    with pytest.raises(Killed):
        Task().run(die_after=5, checkpoint=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    with caplog.at_level(logging.WARNING):
        module, other, _ = Task().run(checkpoint=tmp_path)
    assert "cannot be read" in caplog.text
    assert kept.name in caplog.text
    assert other == history
    np.testing.assert_array_equal(weights(module), weights(whole))


@pytest.mark.usefixtures("after_each_epoch")
@pytest.mark.parametrize(("error", "left"), [(RuntimeError, 0), (KeyboardInterrupt, 1)])
def test_a_fit_that_fails_leaves_no_checkpoint_and_one_that_is_stopped_does(error, left, tmp_path):
    """A pruned or failed trial is not run again; one that a person stopped is."""
    with pytest.raises(error):
        Task().run(die_after=5, checkpoint=tmp_path, error=error)
    assert len(list(tmp_path.iterdir())) == left


@pytest.mark.usefixtures("after_each_epoch")
def test_what_a_kill_left_half_written_is_removed(tmp_path):
    with pytest.raises(Killed):
        Task().run(die_after=5, checkpoint=tmp_path)
    (kept,) = tmp_path.iterdir()
    (tmp_path / f".0a1b2c.{kept.name}").write_bytes(b"half")
    Task().run(checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_checkpoint_is_written_before_its_time(tmp_path):
    with pytest.raises(Killed):
        Task().run(die_after=20, checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_written_when_it_costs_a_twentieth_of_the_time_since_the_last(tmp_path, monkeypatch):
    """A file that takes 2 s is due after 40 s; a small one after the least time between two."""
    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    module = nn.Linear(1, 1)
    step = Descent(module, lambda batch: batch[0].sum(), optimiser(module, "sgd", 0.1))
    checkpoint = checkpoints.Checkpoint(small_data.job(checkpoint=tmp_path, key="task"), "fit", SCHEDULE, step)
    for at, due in ((4.9, False), (5.1, True)):
        now[0] = at
        assert checkpoint.due() is due

    def slow(state, file):
        now[0] += 2.0
        file.write_bytes(b"")

    monkeypatch.setattr(checkpoints.torch, "save", slow)
    checkpoint.write({})
    for since, due in ((39.0, False), (41.0, True)):
        now[0] = 7.1 + since
        assert checkpoint.due() is due


def test_a_checkpoint_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: (order.append("sync"), fsync(f)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("name"), replace(a, b)))
    module = nn.Linear(1, 1)
    step = Descent(module, lambda batch: batch[0].sum(), optimiser(module, "sgd", 0.1))
    checkpoints.Checkpoint(small_data.job(checkpoint=tmp_path, key="task"), "fit", SCHEDULE, step).write({"a": 1})
    assert order[:2] == ["sync", "name"]


@pytest.mark.usefixtures("after_each_epoch")
def test_what_else_changes_during_a_fit_can_be_kept(tmp_path):
    """A running mean of the weights, say."""

    def run(die_after=None):
        def report(step, value, **scores):
            if step == die_after:
                raise Killed

        job = small_data.job(report=report, checkpoint=tmp_path, key="task")
        extra = {"mean": torch.zeros(1, 1), "count": 0}
        with loop.seeded(job):
            module = nn.Linear(1, 1, bias=False)

            def loss(batch):
                extra["mean"] = extra["mean"] + module.weight.detach()
                extra["count"] += 1
                return (module(batch[0]) - 1).square().mean()

            step = Descent(module, loss, optimiser(module, "sgd", 0.01))
            batches = Batches(Shuffled(8, 4), [torch.ones(8, 1)], "cpu")
            loop.fit(step, batches, lambda: 0.0, loop.Schedule(epochs=6), job, extra=extra)
        return float(extra["mean"]), extra["count"]

    whole = run()
    with pytest.raises(Killed):
        run(die_after=4)
    assert run() == whole
    assert whole[1] == 12


def test_what_could_not_be_read_back_is_refused():
    assert checkpoints.plain({"a": (np.float64(1.5), [np.int64(2)])}) == {"a": (1.5, [2])}
    with pytest.raises(TypeError, match="not Generator"):
        checkpoints.plain({"rng": np.random.default_rng(0)})


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_the_generator_of_a_device_is_kept_and_set(kind, monkeypatch):
    """A stand-in for the device: none of them is on every machine."""
    state = [torch.tensor([7], dtype=torch.uint8)]
    device = torch.device(kind)
    module = getattr(torch, kind)
    monkeypatch.setattr(module, "get_rng_state", lambda *of: state[0])
    monkeypatch.setattr(module, "set_rng_state", lambda value, *of: state.__setitem__(0, value))
    kept = checkpoints.noise(device)
    state[0] = torch.tensor([9], dtype=torch.uint8)
    checkpoints.set_noise(kept, device)
    assert int(state[0]) == 7


# -------------------------------------------------------------------------------------------- what is not finite


def diverging(bad: int, *, loss=float("nan"), score=0.5, weight=1.0):
    """Fit a weight that is set to the epoch's number; in epoch `bad` the loss, the score or the weight is as given."""
    log: list = []
    job = small_data.job(log=log)
    module = nn.Linear(1, 1, bias=False)
    epoch = [0]

    class Counting(Step):
        def take(self, batch, n):
            epoch[0] += 1
            with torch.no_grad():
                module.weight.fill_(weight * epoch[0] if epoch[0] == bad else epoch[0])
            return {LOSS: torch.tensor(loss if epoch[0] == bad else 1.0)}

    with loop.seeded(job):
        batches = Batches(Shuffled(4, 4), [torch.ones(4, 1)], "cpu")
        # the second epoch is the best one
        history = loop.fit(
            Counting({"module": module}, {}),
            batches,
            lambda: score if epoch[0] == bad else 1.0 + abs(epoch[0] - 2),
            loop.Schedule(epochs=6),
            job,
        )
    return history, module.weight.item(), log


BAD = [
    ({"loss": float("nan")}, "train loss is nan"),
    ({"loss": float("inf")}, "train loss is inf"),
    ({"loss": 1.0, "score": float("nan")}, "validation score is nan"),
    ({"loss": 1.0, "weight": float("inf")}, "a weight is no longer finite"),
]


@pytest.mark.parametrize(("given", "words"), BAD)
def test_what_is_no_longer_finite_ends_the_fit_with_the_best_weights_and_is_logged(given, words, caplog):
    with caplog.at_level(logging.WARNING, "training"):
        history, weight, log = diverging(4, **given)
    assert history.values == [2.0, 1.0, 2.0]
    assert weight == 2.0
    assert [step for step, _, _ in log] == [1, 2, 3], "nothing that is not finite is reported"
    assert f"{words} in epoch 4: the fit ends with the weights of epoch 2" in caplog.text


@pytest.mark.parametrize(("given", "words"), BAD)
def test_a_fit_without_one_good_epoch_fails(given, words):
    with pytest.raises(ArithmeticError, match=f"{words} in epoch 1: a smaller learning rate"):
        diverging(1, **given)


# ------------------------------------------------------------------------------------------------------- steps


def test_a_gradients_norm_is_limited():
    """With plain gradient descent a step is at most rate × limit, however large the loss."""
    module = nn.Linear(1, 1, bias=False)
    before = weights(module).copy()
    descend(module(torch.full((4, 1), 1e4)).square().sum(), torch.optim.SGD(module.parameters(), lr=0.1), 1.0)
    assert np.abs(weights(module) - before).max() == pytest.approx(0.1, rel=1e-3)


def test_terms_of_the_loss_are_reported_as_means_over_the_steps():
    log: list = []
    job = small_data.job(log=log)
    with loop.seeded(job):
        module = nn.Linear(1, 1)
        x = torch.arange(6.0)[:, None]

        def loss(batch):
            return module(batch[0]).square().mean(), {"x": batch[0].mean(), "one": torch.ones(())}

        batches = Batches(Shuffled(6, 3), [x], "cpu")
        step = Descent(module, loss, optimiser(module, "sgd", 0.001))
        loop.fit(step, batches, lambda: 0.0, loop.Schedule(epochs=1), job)
    assert log[0][2]["train__x"] == pytest.approx(2.5)
    assert log[0][2]["train__one"] == 1


def test_a_frozen_trunk_stays_as_it_is():
    """Its batch norm does not move and its dropout does not drop; the head's do."""
    job = small_data.job()
    with loop.seeded(job):
        trunk = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).requires_grad_(False)
        head = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
        module = nn.Sequential(trunk, head)
        before = {name: value.clone() for name, value in module.state_dict().items()}
        modes = []

        def loss(batch):
            modes.append((trunk[2].training, trunk[1].training, head[0].training))
            return module(batch[0]).square().mean()

        batches = Batches(Shuffled(32, 8), [torch.randn(32, 2) + 5], "cpu")
        step = Descent(module, loss, optimiser(module, "adam", 0.01))
        loop.fit(step, batches, lambda: 0.0, loop.Schedule(epochs=2), job)
    assert set(modes) == {(False, False, True)}
    moved = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith("1.") for name in moved)


def test_an_unknown_optimiser_is_named():
    with pytest.raises(ValueError, match=r"optimiser is 'adamx', expected one of adam, adamw, rmsprop, sgd"):
        optimiser(nn.Linear(1, 1), "adamx", 0.1)


# ------------------------------------------------------------------------------------------------- a fixed number


def test_refit_takes_the_epochs_that_validation_found_and_keeps_the_last_ones_weights():
    """``--refit all``: validation is in train, and so must decide nothing."""
    schedule = dataclasses.replace(SCHEDULE, patience=2)
    found = Steps()
    _, history, _ = Task().run(schedule, rate=0.2, steps=found)
    assert found.chosen == [history.best_epoch + 1]
    fixed = history.best_epoch + 7  # patience would have ended the fit before
    assert fixed < SCHEDULE.epochs
    module, again, _ = Task().run(schedule, rate=0.2, steps=Steps([fixed]))
    assert len(again.values) == fixed
    last, _, _ = Task().run(dataclasses.replace(SCHEDULE, epochs=fixed), rate=0.2, steps=Steps([fixed]))
    np.testing.assert_array_equal(weights(module), weights(last))
    assert again.best_epoch == fixed - 1
