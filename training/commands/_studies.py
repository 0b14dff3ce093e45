"""Studies run one after another, and the command of ``--notify`` that runs when each ends."""

from __future__ import annotations

import itertools
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from training.commands import _plan, _scores, _slurm
from training.contract import StudyFailed, UserError
from training.study import provenance, team
from training.study.plan import DataSets, hints, prepare
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from training.study.plan import Plan, Prepared
    from training.study.session import Session
    from training.tracking.store import Store


def run(
    plans: Sequence[Plan],
    console: Console,
    *,
    patience: float = 0.0,
    workers: int = 1,
    slurm: list[str] | None = None,
    notify: str | None = None,
    dry_run: bool = False,
) -> None:
    """Run the studies in turn, by several workers, or by jobs of a Slurm cluster.

    All are checked before the first begins and a store is made.

    `patience` is how many seconds a store is waited for that cannot be used.
    """
    if slurm:
        _slurm.parameters(slurm)
    elif workers > 1:
        team.check()
    for plan in () if slurm else plans:  # the machine that submits jobs needs no GPU
        provenance.device(plan.device)
    if notify:
        _filled(notify, "name", "complete", "result")
    datasets = DataSets()
    prepared = [prepare(plan, datasets) for plan in plans]
    if dry_run:
        for one in prepared:
            _plan.show(one, console)
        return
    if slurm:
        _slurm.submit(slurm, workers, console)
        return
    if workers > 1:
        _side_by_side(prepared, workers, console, patience, notify)
        return
    from training.tracking.store import Store

    store = Store.open()
    store.patience.seconds = patience
    finished = []
    for one in prepared:
        state, result = "failed", ""
        try:
            session = _study(one, store, console)
            finished.append(session)
            state, result = "complete", _scores.headline(session)
        except KeyboardInterrupt:
            state = "stopped"
            console.print(f"\nstopped; nothing is lost. The same command goes on with {one.name!r}.", markup=False)
            sys.exit(130)
        except (StudyFailed, UserError, StoreAway) as error:
            result = str(error)
            raise
        finally:
            if notify:
                _notify(notify, one.name, state, result)
    _summary(finished, console)


def _summary(finished: Sequence[Session], console: Console) -> None:
    """Print a line for each study where there were several."""
    if len(finished) > 1:
        console.print()
        for session in finished:
            console.print(f"{session.prepared.name}: {_scores.headline(session)}", markup=False)


def _study(prepared: Prepared, store: Store, console: Console) -> Session:
    from training.study import progress, study

    _remarks([prepared], console)
    with progress.view(console) as view:
        bars = progress.Bars(view, prepared.name, prepared.method.objective.upper())
        store.patience.say = bars.message
        session = study.run(prepared, store, bars)
    _scores.show(session, console)
    return session


def _remarks(prepared: Sequence[Prepared], console: Console) -> None:
    """Print what is to be known of the studies' data and splits, each sentence once."""
    said = [(*one.data.summary.get("notes", ()), *one.protocol.notes, *hints(one)) for one in prepared]
    for sentence in dict.fromkeys(itertools.chain(*said)):
        console.print(sentence, style="dim", markup=False, soft_wrap=True)


def _side_by_side(
    prepared: Sequence[Prepared], workers: int, console: Console, patience: float, notify: str | None
) -> None:
    """Run the studies by several workers, with one progress view; what failed is said when all others have ended."""
    from training.study import progress, study
    from training.tracking.store import Store

    _remarks(prepared, console)
    view = progress.view(console)
    bars = [progress.Bars(view, one.name, one.method.objective.upper()) for one in prepared]
    finished = []

    def ended(number: int) -> None:
        store = Store.open()  # only now: a forked worker must not share its connection
        store.patience.seconds = patience
        session = study.run(prepared[number], store, progress.Watch())  # it is complete: nothing is left to do
        finished.append(session)
        if len(prepared) > 1:
            bars[number].complete()
        if notify:
            _notify(notify, prepared[number].name, "complete", _scores.headline(session))

    def watch(number: int) -> progress.Bars:
        view.start()  # not before the workers are forked: it draws in a thread
        return bars[number]

    try:
        failed = team.run(prepared, workers, patience, watch, ended)
    except KeyboardInterrupt:
        view.stop()
        console.print("\nstopped; nothing is lost. The same command goes on.", markup=False)
        for one in prepared if notify else ():
            if one.name not in {session.prepared.name for session in finished}:
                _notify(str(notify), one.name, "stopped", "")
        sys.exit(130)
    finally:
        view.stop()
    for session in finished:
        _scores.show(session, console)
    _summary(finished, console)
    for number, error in failed.items():
        if len(prepared) > 1:
            console.print(f"{prepared[number].name} failed: {error}", style="yellow", markup=False, soft_wrap=True)
        if notify:
            _notify(notify, prepared[number].name, "failed", str(error))
    if failed:
        raise next(iter(failed.values()))


def _notify(command: str, name: str, state: str, result: str) -> None:
    """Run the command of ``--notify``; its exit code is ignored."""
    try:
        subprocess.run(_filled(command, name, state, result), check=False)
    except OSError as error:
        print(f"--notify {command}: {error}", file=sys.stderr)


def _filled(command: str, name: str, state: str, result: str) -> list[str]:
    try:
        return [part.format(study=name, state=state, result=result) for part in shlex.split(command)]
    except (ValueError, LookupError, AttributeError) as error:
        raise UserError(
            f"--notify {command}: cannot be filled in ({error}); it may have {{study}}, {{state}} and {{result}}, and "
            "other braces are written twice"
        ) from None
