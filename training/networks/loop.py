"""The one training loop: epochs of steps over batches, stopped on validation; it survives a kill.

Three pieces that can be replaced one by one: `training.networks.batches` says which rows a step sees,
`training.networks.step` what is done with them, and `fit` here how long that goes on::

    with loop.seeded(job):
        module = Network(…).to(job.device)
        loop.fit(
            Descent(module, lambda batch: ccc.loss(module(batch[0]), batch[1]), optimiser(module, "adam", 1e-3)),
            Batches(Shuffled(len(split.train), 32), [split.train.x, split.train.targets()], job.device),
            lambda: job.score(fitted.run(module, module, [split.validation.x])),
            loop.Schedule(epochs=50, patience=10),
            job,
        )

docs/networks.md shows a recurrent network over windows and a GAN.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import torch.utils.deterministic
from torch import Tensor

from training.networks import checkpoints
from training.networks.batches import endless
from training.networks.step import LOSS

if TYPE_CHECKING:
    from training.contract import Job
    from training.networks.batches import Epochs
    from training.networks.step import Step

LEARNING_RATE_SCHEDULES = ("none", "cosine")

Validate = Callable[[], float | tuple[float, Mapping[str, float]]]
"""Returns the objective on validation, and epoch scores beside it where there are any, named as `Report` says."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """How long a fit goes on.

    Parameters
    ----------
    epochs : upper limit; `job.epochs` lowers it.
    patience : epochs without a better validation score after which the fit ends; None for all epochs.
    learning_rate_schedule : how the learning rate falls from epoch to epoch: "none", or "cosine", to nearly 0 in the
        last one.
    steps : steps in an epoch; None for one pass over the batches. Each epoch begins with a new shuffle.
    """

    epochs: int
    patience: int | None = None
    learning_rate_schedule: str = "none"
    steps: int | None = None

    def factor(self, epoch: int, epochs: int) -> float:
        """Return what learning rates are multiplied by in an epoch, 0 … epochs - 1; ValueError for an unknown name."""
        if self.learning_rate_schedule not in LEARNING_RATE_SCHEDULES:
            expected = ", ".join(LEARNING_RATE_SCHEDULES)
            raise ValueError(f"learning_rate_schedule is {self.learning_rate_schedule!r}, expected one of {expected}")
        cosine = self.learning_rate_schedule == "cosine"
        return 0.5 * (1.0 + math.cos(math.pi * epoch / epochs)) if cosine else 1.0


@dataclass
class History:
    """The course of a fit: each epoch's validation score and the scores beside it, the best epoch, and the steps."""

    values: list[float] = field(default_factory=list)
    scores: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0

    @property
    def best(self) -> float:
        """Return the best epoch's validation score."""
        return self.values[self.best_epoch]

    def stale(self, patience: int | None) -> bool:
        """Say whether more than `patience` epochs have passed since the best one."""
        return patience is not None and len(self.values) - self.best_epoch > patience


@contextmanager
def seeded(job: Job, most_threads: int | None = None) -> Iterator[None]:
    """Give torch the job's seed and threads inside the block, and what it had before afterwards.

    Build, fit and predict inside it: first weights are the seed's own, and the same seed on the same number of threads
    gives the same predictions. That takes torch's deterministic algorithms: without them the gradient of an index is
    added up in the order in which threads come.

    most_threads : fewer threads than the job may use, for layers so small that several take longer than one.
    """
    device = torch.device(job.device)
    deterministic: Any = torch.utils.deterministic  # its switch is not in its types
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        deterministic.fill_uninitialized_memory,
    )
    states = checkpoints.noise(device)
    if device.type == "cuda":
        # cuBLAS reads it when it is first used; without it, it may add up in another order
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.manual_seed(job.seed)
        torch.set_num_threads(min(job.threads, most_threads or job.threads))
        torch.use_deterministic_algorithms(True, warn_only=True)
        deterministic.fill_uninitialized_memory = False  # nothing here reads memory before writing it
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=before[2])
        deterministic.fill_uninitialized_memory = before[3]
        checkpoints.set_noise(states, device)


def fit(
    step: Step,
    batches: Epochs,
    validate: Validate,
    schedule: Schedule,
    job: Job,
    *,
    best: Sequence[str] | None = None,
    extra: dict[str, Any] | None = None,
    name: str = "fit",
) -> History:
    """Fit the step's modules in place, report each epoch, and leave them with their best weights, in evaluation mode.

    Parameters
    ----------
    step : its modules are on `job.device`, and were built inside `seeded`, as this call is.
    batches : the train part.
    validate : the objective on validation, mostly ``job.score(predictions)``; called in evaluation mode without
        gradients. `job.direction` says whether less is better. The scores that it may return beside it are reported
        with the train loss.
    best : names of the modules that are given their weights of the best epoch at the end; None for all of them. The
        others keep their last.
    extra : what else changes during the fit; it stands in the checkpoint, and is updated in place from it.
    name : tells several fits of one method apart.

    A checkpoint in `job.checkpoint` lets a fit whose worker died go on from its last one, with the same result; the
    epochs before it are reported again. It is removed when the fit ends or fails, but not when it is stopped.

    With ``--refit all`` (`job.steps`) it takes the number of epochs that validation found best in the search, and keeps
    the last one's weights.

    A loss or a score that is no longer finite ends the fit with the best weights before it, which is logged.

    Raises
    ------
    ArithmeticError : that happened in the first epoch.
    RuntimeError : the call is outside `seeded`.
    """
    if not torch.are_deterministic_algorithms_enabled():
        raise RuntimeError(
            "build, fit and predict inside `with loop.seeded(job):`, or the same seed gives other results"
        )
    epochs = min(schedule.epochs, job.epochs or schedule.epochs)
    sign = 1.0 if job.direction == "minimize" else -1.0
    state = _State(step, job, list(step.modules) if best is None else list(best), {} if extra is None else extra)
    checkpoint = checkpoints.Checkpoint(job, name, schedule, step)
    history = state.history
    torch.manual_seed(job.seed)
    try:
        checkpoint.read(state.restore)
        for epoch, (value, scores) in enumerate(zip(history.values, history.scores, strict=True)):
            job.report(epoch + 1, value, **scores)
        fixed = job.steps.fixed()
        for epoch in range(len(history.values), epochs):
            if epoch == fixed or (fixed is None and history.stale(schedule.patience)):
                break
            for group in state.param_groups():
                group["lr"] = group["initial_lr"] * schedule.factor(epoch, epochs)
            scores = _epoch(step, state, batches, schedule)
            value, problem = _validated(step, validate, scores)
            if problem:
                if not history.values:
                    raise ArithmeticError(f"{problem} in epoch 1: a smaller learning rate or max_grad_norm helps")
                log.warning(
                    "%s in epoch %d: the fit ends with the weights of epoch %d",
                    problem, epoch + 1, history.best_epoch + 1,
                )  # fmt: skip
                break
            history.values.append(value)
            history.scores.append(scores)
            if fixed is not None or epoch == 0 or sign * value < sign * history.best:
                history.best_epoch = epoch
                state.keep_best()
            job.report(epoch + 1, value, **scores)
            if checkpoint.due():
                checkpoint.write(state.kept())
        if fixed is None:
            job.steps.chose(history.best_epoch + 1)
        state.take_best()
        for module in step.modules.values():
            module.eval()
    except Exception:
        # the trial is pruned or has failed: it is not run again. KeyboardInterrupt, after which it is, passes by
        checkpoint.remove()
        raise
    checkpoint.remove()
    return history


def _epoch(step: Step, state: _State, batches: Epochs, schedule: Schedule) -> dict[str, float]:
    """Take one epoch's steps; return the means of what they returned, named as `Report` says."""
    step.train_mode()
    drawn = batches.epoch(state.order)
    if schedule.steps is not None:
        drawn = itertools.islice(endless(batches, state.order), schedule.steps)
    # kept on the device: asking for a number would wait for it at every step
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for batch in drawn:
        for name, value in step.take(batch, state.history.steps).items():
            sums[name] = sums[name].add_(value) if name in sums else value.clone()
            counts[name] = counts.get(name, 0) + 1
        state.history.steps += 1
    return {f"train__{name}": float(value) / counts[name] for name, value in sums.items()}


def _validated(step: Step, validate: Validate, scores: dict[str, float]) -> tuple[float, str]:
    """Return the validation score and what is not finite, in words; add the scores beside it to `scores`."""
    if not math.isfinite(loss := scores[f"train__{LOSS}"]):
        return loss, f"the train loss is {loss}"
    for module in step.modules.values():
        module.eval()
    with torch.no_grad():
        weights = [p.isfinite().all() for module in step.modules.values() for p in module.parameters()]
        if weights and not bool(torch.stack(weights).all()):
            return math.nan, "a weight is no longer finite"
        result = validate()
    value, beside = result if isinstance(result, tuple) else (result, {})
    # NumPy's numbers could not be read back from a checkpoint
    scores |= {name: float(score) for name, score in beside.items()}
    value = float(value)
    return value, "" if math.isfinite(value) else f"the validation score is {value}"


class _State:
    """Everything that changes during a fit, so that it can be written and read as a whole."""

    def __init__(self, step: Step, job: Job, best: list[str], extra: dict[str, Any]) -> None:
        self.step, self.device, self.extra = step, torch.device(job.device), extra
        self.order = torch.Generator().manual_seed(job.seed)
        self.history = History()
        self.best: dict[str, dict[str, Tensor]] = {name: {} for name in best}
        for group in self.param_groups():
            group.setdefault("initial_lr", group["lr"])

    def param_groups(self) -> list[dict[str, Any]]:
        """Return the parameter groups of all optimisers."""
        return [group for optimiser in self.step.optimisers.values() for group in optimiser.param_groups]

    def keep_best(self) -> None:
        """Copy the weights that the modules have now."""
        for name, weights in self.best.items():
            for key, value in self.step.modules[name].state_dict().items():
                if key in weights:
                    weights[key].copy_(value)
                else:
                    weights[key] = value.detach().clone()

    def take_best(self) -> None:
        """Give the modules the weights that were kept."""
        for name, weights in self.best.items():
            self.step.modules[name].load_state_dict(weights)

    def kept(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "modules": {name: module.state_dict() for name, module in self.step.modules.items()},
            "optimisers": {name: one.state_dict() for name, one in self.step.optimisers.items()},
            "order": self.order.get_state(),
            "noise": checkpoints.noise(self.device),
            "history": asdict(self.history),
            "best": self.best,
            "extra": self.extra,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `kept` returned."""
        for name, module in self.step.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, one in self.step.optimisers.items():
            one.load_state_dict(state["optimisers"][name])
        self.order.set_state(state["order"])
        checkpoints.set_noise(state["noise"], self.device)
        for key, value in state["history"].items():
            setattr(self.history, key, value)
        self.best = {
            name: {key: value.to(self.device) for key, value in weights.items()}
            for name, weights in state["best"].items()
        }
        self.extra.update(state["extra"])
