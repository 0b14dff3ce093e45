"""The one training loop: whole tensors, shuffled once an epoch and then split; stopped on validation; survives a kill.

A DataLoader costs a small network a third of its time and more; a gather for each batch costs it a fifth.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from affect import record
from training.contract import Job

CHECKPOINT_SECONDS = 30.0
"""Time between two checkpoints: a fit that is killed loses at most so much."""

WHOLE_SHUFFLE_BYTES = 1 << 28
"""Tensors up to this size are shuffled by one copy an epoch; larger ones are gathered batch by batch."""

LOSS = "train__loss"
"""The epoch figure that every fit reports."""

DECAYS = ("none", "cosine")
OPTIMISERS = ("adam", "adamw", "rmsprop", "sgd")

Loss = Callable[[tuple[Tensor, ...]], Tensor]
"""Maps a batch of each tensor to the scalar that is minimised."""

Validate = Callable[[], float | tuple[float, Mapping[str, float]]]
"""Returns the objective on validation, and epoch figures beside it where there are any, named as `Report` says."""


@dataclass(frozen=True)
class Schedule:
    """How long and by which steps a module is fitted.

    Parameters
    ----------
    epochs : upper limit; `job.epochs` lowers it.
    batch : samples in a step. A last batch of one sample is left out: batch norm is not defined on it.
    patience : epochs without a better validation figure after which the fit ends; None for all epochs.
    clip : limit on the gradient's norm, or None.
    decay : how the learning rate falls from epoch to epoch: "none", or "cosine", to nearly 0 in the last one.
    direction : whether a smaller or a larger validation figure is better: "minimize" or "maximize".
    """

    epochs: int
    batch: int
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    patience: int | None = None
    clip: float | None = None
    direction: str = "minimize"
    decay: str = "none"

    def rate(self, epoch: int, epochs: int) -> float:
        """Return the learning rate of an epoch, 0 … epochs - 1; ValueError for an unknown decay."""
        if self.decay not in DECAYS:
            raise ValueError(f"decay is {self.decay!r}, expected one of {', '.join(DECAYS)}")
        falling = 0.5 * (1.0 + math.cos(math.pi * epoch / epochs)) if self.decay == "cosine" else 1.0
        return self.learning_rate * falling


@dataclass
class History:
    """What a fit went through: for each epoch the validation figure and all else reported, and which one was best."""

    values: list[float] = field(default_factory=list)
    figures: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def best(self) -> float:
        """Return the best epoch's validation figure."""
        return self.values[self.best_epoch]


@contextmanager
def seeded(job: Job) -> Iterator[None]:
    """Give torch the job's seed and threads inside the block, and back what it had afterwards.

    Build a module inside it, so that its first weights are the seed's own.
    """
    threads = torch.get_num_threads()
    devices = [torch.device(job.device)] if job.device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(job.seed)
        torch.set_num_threads(job.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def batches(tensors: Sequence[Tensor], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """Yield one epoch of batches of the tensors' rows, in an order drawn from `generator` (on the CPU).

    tensors : each (n, …), on one device. Rows stay together: row i of one goes with row i of the others.
    """
    n = len(tensors[0])
    order = torch.randperm(n, generator=generator).to(tensors[0].device)
    if n > 1 and n % size == 1:
        order = order[:-1]
    if sum(t.numel() * t.element_size() for t in tensors) <= WHOLE_SHUFFLE_BYTES:
        yield from zip(*(t.index_select(0, order).split(size) for t in tensors), strict=True)
    else:
        for rows in order.split(size):
            yield tuple(t.index_select(0, rows) for t in tensors)


def optimiser(module: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """Return the schedule's optimiser over the module's trained parameters; ValueError for an unknown name."""
    trained = [p for p in module.parameters() if p.requires_grad]
    rate, decay = schedule.learning_rate, schedule.weight_decay
    if schedule.optimiser == "adam":
        return torch.optim.Adam(trained, lr=rate, weight_decay=decay, fused=True)
    if schedule.optimiser == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=decay, fused=True)
    if schedule.optimiser == "rmsprop":
        return torch.optim.RMSprop(trained, lr=rate, weight_decay=decay)
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(trained, lr=rate, weight_decay=decay, momentum=0.9, fused=True)
    raise ValueError(f"optimiser is {schedule.optimiser!r}, expected one of {', '.join(OPTIMISERS)}")


def fit(
    module: nn.Module,
    tensors: Sequence[Tensor],
    loss: Loss,
    validate: Validate,
    schedule: Schedule,
    job: Job,
) -> History:
    """Fit `module` in place, report each epoch, and leave it with the weights of its best epoch, in evaluation mode.

    Parameters
    ----------
    module : on `job.device`; built inside `seeded`.
    tensors : the train part, each (n, …), on `job.device`.
    loss : from a batch of each tensor to a scalar; called in training mode.
    validate : the objective on validation, in the data's own units; called in evaluation mode without gradients. The
        figures that it may return beside it are reported with the train loss.

    A checkpoint in `job.checkpoint` lets a fit whose worker died go on from its last one, with the same result; the
    epochs before it are reported again. It is removed when the fit ends.

    Raises
    ------
    ArithmeticError : the loss or the validation figure is no longer finite.
    """
    epochs = min(schedule.epochs, job.epochs or schedule.epochs)
    sign = 1.0 if schedule.direction == "minimize" else -1.0
    with seeded(job):
        state = _State(module, optimiser(module, schedule), job)
        file = job.checkpoint / f"fit-{_key(module, tensors, schedule, job)}.pt"
        if file.exists():
            state.read(file)
            for epoch, (value, past) in enumerate(zip(state.history.values, state.history.figures, strict=True)):
                job.report(epoch + 1, value, **past)
        written = time.monotonic()
        history = state.history
        for epoch in range(len(history.values), epochs):
            if schedule.patience is not None and epoch - history.best_epoch > schedule.patience:
                break
            for group in state.optimiser.param_groups:
                group["lr"] = schedule.rate(epoch, epochs)
            figures = {LOSS: _epoch(module, state, tensors, loss, schedule)}
            module.eval()
            with torch.no_grad():
                found = validate()
            value, beside = found if isinstance(found, tuple) else (found, {})
            history.values.append(float(value))
            history.figures.append({**figures, **beside})
            _check_finite(history, epoch)
            if epoch == 0 or sign * history.values[epoch] < sign * history.best:
                history.best_epoch = epoch
                state.keep_weights()
            job.report(epoch + 1, history.values[epoch], **history.figures[epoch])
            if time.monotonic() - written > CHECKPOINT_SECONDS:
                state.write(file)
                written = time.monotonic()
        module.load_state_dict(state.best)
        module.eval()
        file.unlink(missing_ok=True)
    return history


def _epoch(module: nn.Module, state: _State, tensors: Sequence[Tensor], loss: Loss, schedule: Schedule) -> float:
    """Take one epoch's steps; return the mean loss over its batches."""
    module.train()
    total, steps = torch.zeros((), device=tensors[0].device), 0
    for batch in batches(tensors, schedule.batch, state.order):
        state.optimiser.zero_grad(set_to_none=True)
        value = loss(batch)
        value.backward()
        if schedule.clip is not None:
            nn.utils.clip_grad_norm_(module.parameters(), schedule.clip)
        state.optimiser.step()
        # kept on the device: asking for the number would wait for it at every step
        total += value.detach()
        steps += 1
    return float(total) / steps


def _check_finite(history: History, epoch: int) -> None:
    for name, value in (("train loss", history.figures[-1][LOSS]), ("validation figure", history.values[-1])):
        if not abs(value) < float("inf"):
            raise ArithmeticError(f"{name} is {value} in epoch {epoch + 1}: a smaller learning rate or clipping helps")


def _key(module: nn.Module, tensors: Sequence[Tensor], schedule: Schedule, job: Job) -> str:
    """Name a fit by all that decides its result, so that a checkpoint of another fit is never taken for this one's."""
    content = hashlib.sha256()
    for value in (*module.state_dict().values(), *tensors):
        content.update(repr((tuple(value.shape), value.dtype)).encode())
        content.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return record.digest([asdict(schedule), job.seed, job.epochs, content.hexdigest()])


class _State:
    """Everything that changes during a fit, so that it can be written and read as a whole."""

    def __init__(self, module: nn.Module, optimiser: torch.optim.Optimizer, job: Job) -> None:
        self.module, self.optimiser, self.device = module, optimiser, torch.device(job.device)
        self.order = torch.Generator().manual_seed(job.seed)
        self.history = History()
        self.best: dict[str, Tensor] = {}

    def keep_weights(self) -> None:
        weights = self.module.state_dict()
        if not self.best:
            self.best = {name: value.detach().clone() for name, value in weights.items()}
        for name, value in weights.items():
            self.best[name].copy_(value)

    def write(self, file: Path) -> None:
        """Write all of it; a kill while writing leaves the older file whole."""
        state: dict[str, Any] = {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "order": self.order.get_state(),
            "noise": torch.get_rng_state(),
            "device_noise": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "history": asdict(self.history),
            "best": self.best,
        }
        unfinished = file.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.replace(file)

    def read(self, file: Path) -> None:
        # the generators' states must stay on the CPU; load_state_dict moves what belongs to the device
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["noise"])
        if state["device_noise"] is not None:
            torch.cuda.set_rng_state(state["device_noise"], self.device)
        self.history = History(**state["history"])
        self.best = {name: value.to(self.device) for name, value in state["best"].items()}
