"""Projections made while a person waits: by one thread for all sessions, kept by content, with their progress.

A projection that no page asks for any more is given up, so that a person who tries one parameter after the other
waits for the last one alone.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from affect import projections, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 32
"""Projections that are kept, the least recently asked for goes first; 20,000 points take 160 kB."""
PATIENCE_S = 20.0
"""Seconds without a question after which a projection is given up."""


class _GivenUp(Exception):
    """Nobody waits for this projection any more."""


@dataclass
class Job:
    """One projection: the share that is done (0 … 1), and a future of the projection itself."""

    future: Future[projections.Projection] = field(default_factory=Future)
    share: float = 0.0
    asked: float = field(default_factory=time.monotonic)

    def keep(self) -> None:
        """Say that a page still waits for it."""
        self.asked = time.monotonic()

    def error(self) -> str:
        """Return what went wrong, empty where nothing did."""
        raised = self.future.exception() if self.future.done() else None
        return f"{type(raised).__name__}: {raised}" if raised is not None else ""


class Jobs:
    """All projections that pages asked for."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        # one at a time: numba's simplest threading layer ends the process where two threads meet in it
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="projection")

    def ask(self, codes: NDArray[Any], algorithm: str, parameters: Mapping[str, float], seed: int) -> Job:
        """Return the job of a projection, begun now unless it was asked for before; PCA is done when this returns."""
        values = np.ascontiguousarray(codes)
        what = [values.shape, str(values.dtype), algorithm, sorted(parameters.items()), seed]
        key = hashlib.sha256(values.tobytes() + record.to_json(what).encode()).hexdigest()
        with self._lock:
            job = self._jobs.get(key)
            begin = job is None or (job.future.done() and isinstance(job.future.exception(), _GivenUp))
            if job is None or begin:
                job = self._jobs[key] = Job()
            self._jobs.move_to_end(key)
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            job.keep()
        if begin and algorithm == "pca":
            self._run(job, values, algorithm, dict(parameters), seed)
        elif begin:
            self._thread.submit(self._run, job, values, algorithm, dict(parameters), seed)
        return job

    def _run(self, job: Job, codes: NDArray[Any], algorithm: str, parameters: Mapping[str, float], seed: int) -> None:
        def progress(share: float) -> None:
            job.share = share
            if time.monotonic() - job.asked > PATIENCE_S:
                raise _GivenUp

        try:
            progress(0.0)
            job.future.set_result(projections.project(algorithm, codes, parameters, seed, progress))
        except Exception as error:
            job.future.set_exception(error)


@lru_cache(maxsize=1)
def jobs() -> Jobs:
    """Return the projections of this process, which all sessions share."""
    return Jobs()
