"""One fit: the method is given its job and fits, its time and memory are measured, and its log is kept."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
import warnings
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import optuna

from affect.record import COST_PARAMETERS, COST_PEAK_MB, COST_SECONDS, Artifact, objective_curve
from training.contract import Job, Steps
from training.study import faults, fit_key, scoring, stopping
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from training.contract import Method, Outcome, Params, Report, Settings
    from training.data import Floats, Split
    from training.tracking.run import Run

CLEAR_PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
LOG_LINES = 400
"""How much of a run's log is kept: its tail."""


class Asked(Protocol):
    """What is fitted: a method and its file. A `training.study.plan.Prepared` is one."""

    @property
    def method(self) -> Method:
        """Return what the method declares."""
        ...

    @property
    def module(self) -> ModuleType:
        """Return the method's file."""
        ...


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
    """A finished fit: the method's job, its outcome, its cost (metrics by full name) and the images that it showed."""

    job: Job
    outcome: Outcome
    cost: dict[str, float]
    shown: pd.DataFrame | None = None


@dataclass
class Listener:
    """Where what a fit says of itself goes: its reports, and into `run` its curves and images.

    Parameters
    ----------
    run : the run that the fit belongs to; None for a fit that is recorded nowhere.
    report : as `training.contract.Job.report`.
    """

    run: Run | None
    report: Report

    def curve(self, name: str, step: int, value: float) -> None:
        """Record a point of a curve that is no validation score."""
        stopping.check()
        with _recording():
            self.points(step, {name: value})

    def points(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point of each of several curves."""
        if self.run is not None:
            self.run.epoch_scores(step, values)


class Gallery:
    """The images that a method shows while it fits: kept at once, in the run and beside the checkpoint.

    From there a fit that goes on after a kill finds them, for its run is another one.
    """

    def __init__(self, run: Run | None, split: Split, folder: Path) -> None:
        self._run, self._split, self._file = run, split, folder / Artifact.SAMPLES
        self.table: pd.DataFrame | None = None
        if self._file.exists():
            import pandas as pd

            self.table = pd.read_parquet(self._file)
            self._keep()

    def show(self, step: int, images: NDArray[np.uint8], predictions: Floats | None = None) -> None:
        """Keep images uint8 (n, 3, h, w) that were generated at `step`; images shown before at that step give way."""
        import pandas as pd

        stopping.check()
        rows = scoring.generated_table(self._split, step, images, predictions)
        if self.table is not None:
            rows = pd.concat([self.table[self.table["step"] != float(step)], rows], ignore_index=True)
        self.table = rows
        unfinished = self._file.with_suffix(".unfinished")
        rows.to_parquet(unfinished, index=False)
        unfinished.replace(self._file)
        self._keep()

    def _keep(self) -> None:
        if self._run is not None and self.table is not None:
            with _recording():
                self._run.table(Artifact.SAMPLES, self.table)


@contextlib.contextmanager
def _recording() -> Iterator[None]:
    """Raise `faults.NotRecorded` in place of what the store raises.

    That a trial is pruned, and that the store was waited for in vain, is let through.
    """
    try:
        yield
    except (optuna.TrialPruned, StoreAway):
        raise
    except Exception as error:
        raise faults.NotRecorded(f"the run cannot be written: {type(error).__name__}: {error}") from error


def fit(
    asked: Asked,
    bench: Bench,
    params: Params,
    split: Split,
    seed: int,
    *,
    checkpoint: Path,
    listener: Listener,
    prerequisites: Mapping[str, Any],
    steps: Steps | None = None,
) -> Fit:
    """Fit a method once and take its cost. What the method raises is let through; `faults.NotRecorded` is the store's.

    An exception that a stop by a person caused (a callback of a compiled library loses KeyboardInterrupt and raises
    something else) comes out as KeyboardInterrupt.
    """

    def report(step: int, value: float, **scores: float) -> None:
        stopping.check()
        with _recording():
            listener.report(step, value, **scores)

    method = asked.method
    checkpoint.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(listener.run, split, checkpoint)
    job = Job(
        settings=bench.settings,
        seed=seed,
        device=bench.device,
        report=report,
        cache=bench.cache,
        checkpoint=checkpoint,
        epochs=bench.epochs,
        threads=bench.threads,
        prerequisites=prerequisites,
        direction=method.direction,
        score=functools.partial(scoring.on_validation, method, split),
        curve=listener.curve,
        show=gallery.show,
        steps=steps or Steps(),
        key=fit_key.key(asked.module, bench, params, split, seed),
    )
    _forget_peak(bench.device)
    began = time.perf_counter()
    try:
        outcome = asked.module.fit(params, split, job)
    except Exception:
        stopping.check()
        raise
    stopping.check()
    cost = {COST_SECONDS: time.perf_counter() - began}
    if (peak := _peak_mb(bench.device)) is not None:
        cost[COST_PEAK_MB] = peak
    if outcome.parameters is not None:
        cost[COST_PARAMETERS] = float(outcome.parameters)
    return Fit(job, outcome, cost, gallery.table)


def refit(
    asked: Asked,
    bench: Bench,
    params: Params,
    split: Split,
    seed: int,
    *,
    steps: Sequence[int] | None,
    checkpoint: Path,
    listener: Listener,
    prerequisites: Mapping[str, Any],
) -> Fit:
    """Fit the best trial once more, as each final run of a study does, and an evaluation that refits.

    `steps` is None with ``--refit train``: it is fitted on train and stopped on validation. With ``--refit all`` they
    are the best trial's `training.contract.Steps.chosen`: it is fitted on train and validation together for so many,
    and the outcome is that of `split`, whose train part is without validation.
    """
    fitted = fit(
        asked,
        bench,
        params,
        split if steps is None else split.joined(),
        seed,
        checkpoint=checkpoint,
        listener=listener,
        prerequisites=prerequisites,
        steps=Steps(steps),
    )
    if steps is None:
        return fitted
    return replace(fitted, outcome=scoring.without_validation_in_train(split, fitted.outcome))


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


def curves(method: Method, value: float, scores: Mapping[str, float]) -> dict[str, float]:
    """Return a report's scores by the names of their curves: the objective's, and one for each keyword."""
    named = {key.replace("__", "/"): score for key, score in scores.items()}
    return {objective_curve(scoring.objectives(method)): value, **named}


def quiet(step: int, value: float, **scores: float) -> None:
    """Report nothing: for fits that belong to no trial."""
    del step, value, scores


def unrecorded() -> Listener:
    """Return a listener for a fit that is recorded nowhere."""
    return Listener(None, quiet)


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
