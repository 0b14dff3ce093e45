"""One fit: the job is lent, the method fits, its time and memory are taken, and its log is kept."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect.record import COST_PARAMETERS, COST_PEAK_MB, COST_SECONDS, objective_curve
from training.contract import Job
from training.study import fit_key, scoring, stopping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from training.contract import Method, Outcome, Params, Report, Settings, Split

CLEAR_PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
LOG_LINES = 400
"""How much of a run's log is kept: its tail."""


@dataclass(frozen=True)
class Bench:
    """What every fit of a study shares.

    Parameters
    ----------
    settings : the study's value of each setting.
    device, threads, epochs, cache : as in `training.contract.Job`.
    data_version : as in `training.contract.Dataset`.
    """

    settings: Settings
    device: str
    threads: int
    epochs: int | None
    cache: Path
    data_version: str


@dataclass(frozen=True)
class Fit:
    """A finished fit: what the method was lent, what it gave back and what it cost (metrics by full name)."""

    job: Job
    outcome: Outcome
    cost: dict[str, float]


def fit(
    module: ModuleType,
    bench: Bench,
    params: Params,
    split: Split,
    seed: int,
    *,
    checkpoint: Path,
    report: Report,
    prerequisites: Mapping[str, Any],
) -> Fit:
    """Fit a method once and take its cost. Whatever the method raises is let through."""

    def stoppable(step: int, value: float, **figures: float) -> None:
        stopping.check()
        report(step, value, **figures)

    job = Job(
        settings=bench.settings,
        seed=seed,
        device=bench.device,
        report=stoppable,
        cache=bench.cache,
        checkpoint=checkpoint,
        epochs=bench.epochs,
        threads=bench.threads,
        prerequisites=prerequisites,
        key=fit_key.key(module, bench, params, split, seed),
    )
    checkpoint.mkdir(parents=True, exist_ok=True)
    _forget_peak(bench.device)
    began = time.perf_counter()
    outcome = module.fit(params, split, job)
    stopping.check()
    cost = {COST_SECONDS: time.perf_counter() - began}
    if (peak := _peak_mb(bench.device)) is not None:
        cost[COST_PEAK_MB] = peak
    if outcome.parameters is not None:
        cost[COST_PARAMETERS] = float(outcome.parameters)
    return Fit(job, outcome, cost)


def _forget_peak(device: str) -> None:
    """Let the peak of memory begin anew: what an earlier fit held must not stand beside this one."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):  # see _peak_mb
        CLEAR_PEAK.write_text("5")


def _peak_mb(device: str) -> float | None:
    """Return the most memory that this process held during the fit (on a GPU: that torch held there), in MB.

    None where the system's peak cannot begin anew for each fit: that is Linux's alone, and not every sandbox's.
    """
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 1e6
    if not os.access(CLEAR_PEAK, os.W_OK):
        return None
    line = next((one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM:")), None)
    return None if line is None else int(line.split()[1]) / 1e3


def curves(method: Method, value: float, figures: Mapping[str, float]) -> dict[str, float]:
    """Return a report's figures by the names of their curves: the objective's, and one for each keyword."""
    named = {key.replace("__", "/"): figure for key, figure in figures.items()}
    return {objective_curve(scoring.objectives(method)): value, **named}


def quiet(step: int, value: float, **figures: float) -> None:
    """Report nothing: for fits that belong to no trial."""
    del step, value, figures


@contextlib.contextmanager
def log_tail() -> Iterator[deque[str]]:
    """Collect the tail of what Python's logging and warnings say while the block runs."""
    lines: deque[str] = deque(maxlen=LOG_LINES)

    class Tail(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Tail(logging.INFO)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    ours = logging.getLogger("training")
    before = ours.level, warnings.showwarning
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)

    def show(message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any, **named: Any) -> None:
        lines.append(f"{category.__name__} at {Path(filename).name}:{lineno}: {message}")

    warnings.showwarning = show
    try:
        yield lines
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before[0])
        warnings.showwarning = before[1]
