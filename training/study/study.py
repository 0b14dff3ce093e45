"""A study: search on validation, refit the best trial with several seeds, score once on test.

`training.study.plan` checks everything a person can get wrong before any store is touched; `run` makes the study or
joins one of the same name (`session`), searches (`trials`), and refits and scores the best trial
(`finals`, `summary`). Any number of
processes may run the same study at once, and any of them may be killed at any moment: the same command goes on.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from affect.record import State
from training import cache
from training.study import confirming, finals, prerequisites, provenance, stopping, trials, workers
from training.study.fitting import Bench
from training.study.session import checkpoints, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.study.plan import Prepared
    from training.study.progress import Watch
    from training.study.session import Session
    from training.tracking.store import Store


def run(prepared: Prepared, store: Store, watch: Watch) -> Session:
    """Make or join the study, search, refit the best trial and score it on test; return the session for its results."""
    plan = prepared.plan
    prerequisites.check(prepared, store)
    bench = Bench(
        settings=prepared.settings,
        device=provenance.device(plan.device),
        threads=plan.threads,
        epochs=plan.epochs,
        cache=cache.folder() / "prepared",
        data_version=prepared.data.version,
    )
    worker = workers.new_name()
    with store.holding(workers.lock(worker)), store.keeping_locks():
        with store.holding(f"study-{prepared.name}"):
            session, searches = join(prepared, store, bench, worker, watch)
            for one in searches:
                trials.reconcile(one)
        try:
            trials.run_all(searches)
            for one in searches:
                confirming.run(one)
            finals.finish(session, searches)
        except KeyboardInterrupt:
            with stopping.cleaning_up():
                _close(session, searches, State.STOPPED, "stopped by a person; the same command goes on")
            raise
        except Exception as error:
            stopping.check()
            store.require(session.run_id, f"study {prepared.name!r}")  # deleted in MLflow while it ran: that is why
            _close(session, searches, State.FAILED, str(error))
            raise
    return session


def _close(session: Session, searches: Sequence[Session], state: str, reason: str) -> None:
    """Close the study's run, unless another process is still at work on it or has finished it."""
    running = any(one.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) for one in searches)
    if not running and session.store.get(session.run_id).tags.get("frozen") != "true":
        session.store.resume(session.run_id).close(state, reason)
    for one in (*searches, session):
        with contextlib.suppress(OSError):  # it is not there, or holds what a trial needs that is run again
            checkpoints(one).rmdir()
