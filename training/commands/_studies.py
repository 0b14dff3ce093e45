"""Studies run one after another, and the command of ``--notify`` that runs when each ends."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from training.commands import _plan, _scores
from training.contract import StudyFailed, UserError
from training.study import provenance
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
    notify: str | None = None,
    dry_run: bool = False,
) -> None:
    """Run the studies in turn. All are checked before the first one begins, and before a store is made.

    `patience` is how many seconds a store is waited for that cannot be used.
    """
    for plan in plans:
        provenance.device(plan.device)
    if notify:
        _filled(notify, "name", "complete", "result")
    datasets = DataSets()
    prepared = [prepare(plan, datasets) for plan in plans]
    if dry_run:
        for one in prepared:
            _plan.show(one, console)
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
    if len(finished) > 1:
        console.print()
        for session in finished:
            console.print(f"{session.prepared.name}: {_scores.headline(session)}", markup=False)


def _study(prepared: Prepared, store: Store, console: Console) -> Session:
    from training.study import study
    from training.study.progress import Bars

    for sentence in (*prepared.data.summary.get("notes", ()), *prepared.protocol.notes, *hints(prepared)):
        console.print(sentence, style="dim", markup=False, soft_wrap=True)
    with Bars(console, prepared.name, prepared.method.objective.upper()) as bars:
        store.patience.say = bars.message
        session = study.run(prepared, store, bars)
    _scores.show(session, console)
    return session


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
