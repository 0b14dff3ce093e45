"""A study: search on validation, refit the winner with several seeds, score once on test.

`training.study.plan` checks everything a person can get wrong before any store is touched; `run` makes the study or
joins one of the same name (`session`), searches (`trials`), and refits and scores the winner (`finals`). Any number of
processes may run the same study at once, and any of them may be killed at any moment: the same command goes on.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import optuna

from affect.record import State
from training import cache
from training.study import finals, prerequisites, provenance, search, trials
from training.study.fitting import Bench
from training.study.session import holding, join

if TYPE_CHECKING:
    from training.study.plan import Prepared
    from training.study.progress import Watch
    from training.study.session import Session
    from training.tracking.store import Store


def run(prepared: Prepared, store: Store, watch: Watch) -> Session:
    """Make or join the study, search, refit the winner and score it on test; return the session for its results."""
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
    worker = uuid.uuid4().hex[:12]
    with holding(store, search.worker_lock(worker)):
        with holding(store, f"study-{prepared.name}"):
            session = join(prepared, store, bench, worker, watch)
            trials.reconcile(session)
        try:
            trials.run_all(session)
            finals.finish(session)
        except KeyboardInterrupt:
            _close(session, State.STOPPED, "stopped by a person; the same command goes on")
            raise
        except Exception as error:
            _close(session, State.FAILED, str(error))
            raise
    return session


def _close(session: Session, state: str, reason: str) -> None:
    """Close the study's run, unless another process is still at work on it or has finished it."""
    running = session.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    if not running and session.store.get(session.run_id).tags.get("frozen") != "true":
        session.store.resume(session.run_id).close(state, reason)
