"""Several workers of one machine at work on studies: processes forked from the one that has read the data.

A worker takes the next study that nobody has begun; where all are begun, it helps with those that are not finished.
What it does is seen in the process that started it, which shows one progress view.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Any

from training.contract import StudyFailed, UserError
from training.messages import counted
from training.study import stopping
from training.study.progress import Watch
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, ForkProcess

    from training.study.plan import Prepared

EPOCHS_S = 0.2
"""Epochs are told at most so often: a small network has hundreds a second."""
SIGNALS = {signal.SIGINT, signal.SIGTERM}
STOPPED = 130
"""Exit code of a worker that was asked to stop."""
ENDED, FAILED, AWAY = "study ended", "study failed", "store away"


class _Told(Watch):
    """Tells the starting process what a worker's study hears."""

    def __init__(self, tell: Callable[..., None], study: int) -> None:
        self._tell, self._study, self._last = tell, study, 0.0

    def epoch(self, step: int, value: float) -> None:
        """Tell an epoch, a few times a second."""
        if time.monotonic() - self._last > EPOCHS_S:
            self._last = time.monotonic()
            self._tell(self._study, "epoch", step, value)


def _telling(name: str) -> Callable[..., None]:
    def tell(self: _Told, *of: Any) -> None:
        self._tell(self._study, name, *of)

    return tell


for _name in vars(Watch):
    if not _name.startswith("_") and _name != "epoch":
        setattr(_Told, _name, _telling(_name))


@dataclass
class _Team:
    """The workers, and what they share: which studies are begun, and which are over."""

    prepared: Sequence[Prepared]
    patience: float
    begun: Any
    over: Any
    processes: dict[Connection, ForkProcess] = field(default_factory=dict)


def check() -> None:
    """Make ready for workers, before a device is looked for; UserError where processes cannot be forked."""
    if not hasattr(os, "fork"):
        raise UserError("--workers needs Linux or macOS; here, give the same command in several terminals")
    # or torch asks CUDA itself whether there is a GPU, and no forked process can use one any more
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")


def run(
    prepared: Sequence[Prepared],
    workers: int,
    patience: float,
    watch: Callable[[int], Watch],
    ended: Callable[[int], None],
) -> dict[int, Exception]:
    """Run the studies with so many workers; return why studies are not complete, by their places in `prepared`.

    The store must not be open: a database's connection cannot be shared with a forked process. UserError where it
    cannot be opened.

    Parameters
    ----------
    patience : how many seconds a worker waits for a store that cannot be used.
    watch : returns what hears of the progress of the study in this place, from whichever worker.
    ended : hears that the study in this place is complete.

    Raises KeyboardInterrupt where a person stops it, and what `ended` raises, when all workers have ended.
    """
    from training.tracking.store import Store

    Store.open().close()  # its tables are made, and what it needs is imported, once and not by each worker
    context = get_context("fork")
    team = _Team(prepared, patience, context.Value("i", 0), context.Array("b", len(prepared)))
    failed: dict[int, Exception] = {}
    done: set[int] = set()

    def over(number: int) -> None:
        done.add(number)
        ended(number)

    try:
        _start(team, context, workers)
        killed = _listen(team, watch, over, failed)
    except BaseException:
        with stopping.cleaning_up():
            _stop(team)
        raise
    for number in range(len(prepared)):
        failed.setdefault(number, StudyFailed(f"{counted(killed, 'worker')} ended early; the same command goes on"))
    return {number: error for number, error in failed.items() if number not in done}


def _start(team: _Team, context: ForkContext, workers: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a stop waits until there is a worker that can be told
    try:
        for place in range(workers):
            here, there = context.Pipe(duplex=False)
            team.processes[here] = context.Process(target=_work, args=(team, place, there), daemon=False)
            team.processes[here].start()
            there.close()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _listen(
    team: _Team, watch: Callable[[int], Watch], ended: Callable[[int], None], failed: dict[int, Exception]
) -> int:
    """Hear the workers until all have ended; return how many of them ended early."""
    killed = 0
    open_ = dict(enumerate(team.processes, 1))
    folds: dict[tuple[int, int], dict[str, Any]] = {}  # (study, worker) → the folds it is at
    last: dict[int, int] = {}  # study → the worker that was heard last
    while open_:
        for number, pipe in list(open_.items()):
            if pipe not in connection.wait(list(open_.values()), 0.2):
                continue
            try:
                study, name, *of = pipe.recv()
            except EOFError:
                del open_[number]
                process = team.processes[pipe]
                process.join()
                if process.exitcode:
                    killed += 1
                    rest = "the others go on" if open_ else "no worker is left"
                    watch(0).message(f"worker {number} ended early ({_reason(process.exitcode)}); {rest}")
                continue
            if name == ENDED:
                ended(study)
            elif name in (FAILED, AWAY):
                failed.setdefault(study, of[0])
            else:
                own = folds.setdefault((study, number), {})
                if last.setdefault(study, number) != number:
                    for which, at in own.items():
                        getattr(watch(study), which)(*at)
                last[study] = number
                if name in ("fold", "search_fold"):
                    own[name] = of
                getattr(watch(study), name)(*of)
    return killed


def _reason(code: int) -> str:
    if code == STOPPED:
        return "stopped"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


def _stop(team: _Team) -> None:
    """Ask all workers to stop, and wait until they wrote down what they were at."""
    for process in team.processes.values():
        if process.is_alive():
            process.terminate()
    open_ = [pipe for pipe, process in team.processes.items() if process.is_alive()]
    while open_:  # or a worker could wait for ever to tell something
        for pipe in connection.wait(open_):
            if not os.read(pipe.fileno(), 1 << 16):  # type: ignore[union-attr]
                open_.remove(pipe)  # type: ignore[arg-type]
    for process in team.processes.values():
        if process.pid is not None:  # else it could not be forked
            process.join()


def _work(team: _Team, place: int, pipe: Connection) -> None:
    """Do what is left of the studies, in a process of its own."""
    os.setpgrp()  # Ctrl-C reaches the starting process, which asks its workers to stop
    for reading in team.processes:  # a worker that holds one does not notice that the starting process was killed
        reading.close()
    code = 0
    if any(one.plan.device != "cpu" for one in team.prepared):
        _take_gpu(place)

    def tell(*of: Any) -> None:
        try:
            pipe.send(of)
        except OSError:  # nobody listens any more: the starting process was killed
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _studies(team, tell)
    except UserError as error:  # the store cannot be opened
        tell(0, FAILED, UserError(str(error)))
    except KeyboardInterrupt:
        code = STOPPED
    pipe.close()
    os._exit(code)  # what the starting process was about to do at its end is not for its workers


def _studies(team: _Team, tell: Callable[..., None]) -> None:
    from training.study import study
    from training.tracking.store import Store

    store = Store.open()
    store.patience.seconds = team.patience
    for number in _left(team):
        watch = _Told(tell, number)
        store.patience.say = watch.message
        try:
            study.run(team.prepared[number], store, watch)
        except (StudyFailed, UserError) as error:
            kind = UserError if isinstance(error, UserError) else StudyFailed
            tell(number, FAILED, kind(str(error)))
        except StoreAway as error:
            tell(number, AWAY, StoreAway(str(error)))
            return
        else:
            with team.over.get_lock():
                first, team.over[number] = not team.over[number], 1
            if first:
                tell(number, ENDED)
        team.over[number] = 1


def _left(team: _Team) -> Iterator[int]:
    """Yield the studies that are left for a worker: those that nobody has begun, then those that are not over."""
    total = len(team.prepared)
    while True:
        with team.begun.get_lock():
            number = team.begun.value
            team.begun.value += number < total
        if number >= total:
            break
        yield number
    yield from (number for number in range(total) if not team.over[number])


def _take_gpu(place: int) -> None:
    """Give the worker in this place a GPU of its own, as far as there are some."""
    from training.study import provenance

    if provenance.device("auto") == "cuda":
        import torch

        torch.cuda.set_device(place % torch.cuda.device_count())
