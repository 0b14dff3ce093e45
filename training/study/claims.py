"""The claim on a final run: who may score a seed on test, also where the locks were lost on the way.

A lock settles it while the store can be reached. When the database was away, all locks are free for a moment, and
another worker can take one and give it back before its first holder notices. So the store's runs are asked as well:
once the run is there, before test is scored, and before the run is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from affect.record import Kind, State
from training.study import search
from training.tracking.locks import LockLost

if TYPE_CHECKING:
    from training.study.session import Session
    from training.tracking.run import Run
    from training.tracking.store import RunInfo

TAKEN_OVER = "this worker lost its lock, as when the database was away, and another worker scores the seed"
TWICE = "begun twice by one worker, as when the database was away while it answered"


class TakenOver(Exception):
    """The claim is not this worker's alone: its run must not be scored, nor closed as complete."""


def seed(session: Session, k: int) -> str:
    """Return the tag `seed` of the k-th final: seeds that no trial had."""
    return str(session.prepared.plan.seed + 1 + k)


def free(session: Session, k: int) -> bool:
    """Close what dead workers left of the k-th final, and return whether no worker is at it.

    Its lock is free, which alone says nothing: the worker may have lost it with the database's connection. Ask which
    finals have ended after this, not before: a live worker may end its own between the two.
    """
    for info in _runs(session, k):
        if info.status != "RUNNING":
            continue
        with session.workers.dead(info.tags.get("worker", "")) as dead:
            if not dead and "worker" in info.tags:
                return False
            session.store.resume(info.id).close(State.FAILED, search.KILLED)
    return True


def begun(session: Session, run: Run, k: int) -> None:
    """Raise TakenOver where another worker has begun the k-th final as well, or has ended it; call it once it is begun.

    Each of two writes its run before it looks for others, so at least one sees the other and withdraws.
    """
    check(session, run, k)
    for info in _runs(session, k):
        if info.id == run.id or info.status != "RUNNING":
            continue
        if info.tags.get("worker") != session.worker:
            raise TakenOver
        session.store.resume(info.id).close(State.FAILED, TWICE)


def check(session: Session, run: Run, k: int) -> None:
    """Raise TakenOver unless the lock is this worker's, its run goes on, and no other run of the seed is complete."""
    try:
        session.store.keep_locks()
    except LockLost as lost:
        raise TakenOver from lost
    for info in _runs(session, k):
        own, state = info.id == run.id, info.tags["state"]
        if (own and state != State.RUNNING) or (not own and state == State.COMPLETE):
            raise TakenOver


def close(session: Session, run: Run, k: int) -> None:
    """Close the k-th final as complete; TakenOver where it is another worker's by now.

    Where the store is away, all of it is done again when it is back, the check included.
    """
    store = session.store

    def attempt() -> None:
        with store.patience.not_waiting():
            if store.get(run.id).tags["state"] == State.COMPLETE:  # written before the database went away
                store.end(run.id, State.COMPLETE)
                return
            check(session, run, k)
            run.close(State.COMPLETE)

    store.patience.call(attempt)


def _runs(session: Session, k: int) -> list[RunInfo]:
    """Return the runs of the k-th final; a study of the same name may have been imported from another store."""
    tags = {"kind": Kind.FINAL, **session.selection, "seed": seed(session, k)}
    return [info for info in session.store.find(tags) if info.parent == session.run_id]
