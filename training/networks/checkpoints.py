"""The checkpoint of a fit: one file with all that changes while it runs, from which a killed fit goes on.

It bears the name of all that decides the fit's result: code, parameters, settings, data, split and seed (`Job.key`),
and here the schedule, the kind of device, the threads and the version of torch. A file of another fit is never read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from affect import record
from training import cache

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Job
    from training.networks.step import Step

LEAST_SECONDS = 5.0
"""Time between two checkpoints: a fit that is killed loses no more, unless writing one is slow."""

SHARE = 0.05
"""The most that writing checkpoints may cost of a fit's time."""

BYTES_PER_SECOND = 2e8
"""How fast a file is supposed to be written before the first one has been."""

log = logging.getLogger(__name__)


class Checkpoint:
    """Where a fit's state is kept, and when it is worth writing it.

    file : None where the job has no key, as in a fit that belongs to no study: nothing is kept.
    """

    def __init__(self, job: Job, name: str, schedule: Any, step: Step) -> None:
        self.file: Path | None = None
        if job.key:
            self.file = job.checkpoint / f"{name}-{_digest(job, name, schedule, step)}.pt"
            self._remove_unfinished()
        self.written, self.cost = time.monotonic(), _bytes(step) / BYTES_PER_SECOND

    def due(self) -> bool:
        """Say whether writing costs little beside the time since the last checkpoint."""
        since = time.monotonic() - self.written
        return self.file is not None and since > LEAST_SECONDS and self.cost < SHARE * since

    def write(self, state: Mapping[str, Any]) -> None:
        """Write the state; a kill while writing leaves the older file."""
        if self.file is None:
            return
        begun = time.monotonic()
        with cache.whole(self.file) as unfinished:
            torch.save(plain(state), unfinished)
        self.written = time.monotonic()
        self.cost = self.written - begun

    def read(self, restore: Callable[[dict[str, Any]], None]) -> None:
        """Hand the state to `restore` where there is one; a file that cannot be read is logged and removed."""
        if self.file is None or not self.file.exists():
            return
        try:
            # generators' states must stay on the CPU; load_state_dict moves what belongs to the device
            state = torch.load(self.file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged archive raises whatever its first wrong byte leads to
            log.warning("the checkpoint %s cannot be read (%s) and is removed: the fit begins anew", self.file, error)
            self.remove()
            return
        restore(state)
        log.info("the fit goes on from its checkpoint %s", self.file.name)

    def remove(self) -> None:
        """Remove the file: the fit has ended."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)

    def _remove_unfinished(self) -> None:
        """Remove what was being written when the fit was killed."""
        assert self.file is not None
        for file in self.file.parent.glob(f".*.{self.file.name}"):
            file.unlink()


def _digest(job: Job, name: str, schedule: Any, step: Step) -> str:
    """Return a hash of all that decides the fit's result."""
    shapes = {
        module: {key: list(value.shape) for key, value in of.state_dict().items()}
        for module, of in step.modules.items()
    }
    optimisers = {key: type(of).__name__ for key, of in step.optimisers.items()}
    # several threads add up in another order, and so does another kind of device or another version
    machine = [torch.device(job.device).type, job.threads, torch.__version__]
    return record.digest([job.key, name, asdict(schedule), job.seed, job.epochs, machine, shapes, optimisers])


def _bytes(step: Step) -> int:
    """Return about how much a checkpoint of the step holds: weights, best weights, and two momenta of each."""
    return 4 * sum(
        value.numel() * value.element_size()
        for module in step.modules.values()
        for value in module.state_dict().values()
    )


def plain(value: Any) -> Any:
    """Return a state with NumPy's numbers as Python's; TypeError for what could not be read back without unpickling."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(one) for one in value)
    if value is None or isinstance(value, Tensor) or type(value) in (bool, int, float, str):
        return value
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    raise TypeError(f"a checkpoint holds tensors, numbers, text, lists and mappings, not {type(value).__name__}")


# ------------------------------------------------------------------------------------------------------- noise


def noise(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's generators: the CPU's, and the device's where it has its own."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_noise(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Set what `noise` returned."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
