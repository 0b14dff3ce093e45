import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests import small_data
from training.networks import checkpoints, loop
from training.networks.adversarial import Adversarial, annealed
from training.networks.batches import Batches, Shuffled
from training.networks.step import optimiser

MEAN, DEVIATION = 3.0, 0.5


class Killed(BaseException):
    """What a killed worker would see, if it saw anything."""


def toy(
    epochs: int, updates: int = 1, die_after: int | None = None, **lent
) -> tuple[Adversarial, dict[str, int], list]:
    """Fit a generator of one number to draws from N(3, 0.5²); return the step, the updates counted and the curves."""
    log: list = []

    def report(step: int, value: float, **scores: float) -> None:
        log.append(scores)
        if step == die_after:
            raise Killed

    job = small_data.job(report=report, **lent)
    x = MEAN + DEVIATION * torch.randn(2000, 1, generator=torch.Generator().manual_seed(1))
    counted = {"generator": 0, "discriminator": 0}
    with loop.seeded(job):
        generator = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
        # it sees the moments of the batch, without which one draw tells little of a deviation
        discriminator = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Linear(16, 1))

        def judge(values: torch.Tensor) -> torch.Tensor:
            return discriminator(torch.cat([values, (values - values.mean()).square()], dim=1))

        def discriminator_loss(batch, made, n):
            real, false = judge(batch[0]), judge(made)
            loss = functional.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
            loss = loss + functional.binary_cross_entropy_with_logits(false, torch.zeros_like(false))
            return loss, {"right": ((real > 0).float().mean() + (false < 0).float().mean()) / 2}

        def generator_loss(batch, made, n):
            false = judge(made)
            matching = (made.mean() - batch[0].mean()).square() + (made.std() - batch[0].std()).square()
            fooling = functional.binary_cross_entropy_with_logits(false, torch.ones_like(false))
            return fooling + annealed(n, 300, 2.0, 1.0) * matching

        step = Adversarial(
            generator,
            discriminator,
            optimiser(generator, "adam", 3e-3),
            optimiser(discriminator, "adam", 1e-3),
            generate=lambda batch: generator(torch.randn(len(batch[0]), 1)),
            discriminator_loss=discriminator_loss,
            generator_loss=generator_loss,
            generator_updates=updates,
            max_grad_norm=5.0,
        )
        for name, one in step.optimisers.items():
            one.register_step_post_hook(lambda *_, name=name: counted.__setitem__(name, counted[name] + 1))
        batches = Batches(Shuffled(len(x), 100), [x], job.device)
        loop.fit(step, batches, lambda: 0.0, loop.Schedule(epochs=epochs, steps=20), job, best=[])
    return step, counted, log


def test_a_generator_learns_a_distribution():
    step, _, log = toy(30)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        made = step.modules["generator"](torch.randn(5000, 1))
    assert float(made.mean()) == pytest.approx(MEAN, abs=0.15)
    assert float(made.std()) == pytest.approx(DEVIATION, abs=0.15)
    assert set(log[0]) == {"train__loss", "train__generator", "train__discriminator", "train__right"}
    assert log[0]["train__loss"] == pytest.approx(log[0]["train__generator"] + log[0]["train__discriminator"], rel=1e-5)


@pytest.mark.parametrize("updates", [1, 2])
def test_both_are_updated_as_often_as_was_asked_for(updates):
    _, counted, _ = toy(2, updates)
    assert counted == {"generator": 40 * updates, "discriminator": 40}


def test_an_update_changes_its_own_module_alone():
    changed = []

    def weights(module: nn.Module) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in module.parameters()])

    step, _, _ = toy(1)
    before = {name: weights(module) for name, module in step.modules.items()}
    update = step._update

    def watched(name, loss):
        found = update(name, loss)
        changed.append((name, {key for key, of in step.modules.items() if not torch.equal(weights(of), before[key])}))
        before.update({key: weights(of) for key, of in step.modules.items()})
        return found

    step._update = watched
    step.take((torch.randn(10, 1),), 0)
    assert changed == [("discriminator", {"discriminator"}), ("generator", {"generator"})]
    assert all(p.requires_grad for p in step.modules["discriminator"].parameters())


@pytest.mark.parametrize("killed_after", [2, 5])
def test_a_killed_fit_goes_on_with_the_same_weights_of_both(killed_after, tmp_path, monkeypatch):
    """Momenta of both optimisers, batch norm, noise and the number of the step that anneals."""
    monkeypatch.setattr(checkpoints, "LEAST_SECONDS", -1.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))
    whole, _, curves = toy(6)
    with pytest.raises(Killed):
        toy(6, die_after=killed_after, checkpoint=tmp_path, key="toy")
    again, counted, resumed = toy(6, checkpoint=tmp_path, key="toy")
    assert counted["generator"] == 20 * (6 - killed_after + 1)
    assert resumed == curves
    for name, module in whole.modules.items():
        for key, value in module.state_dict().items():
            np.testing.assert_array_equal(again.modules[name].state_dict()[key], value)


def test_a_weight_is_annealed_along_a_line():
    assert [annealed(n, 100, 1.0, 0.2) for n in (0, 50, 100, 500)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
