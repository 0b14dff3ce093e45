"""The trials of a study: each is asked for, fitted, scored on validation, and written as a child run.

A trial is asked for (RUNNING to Optuna, and then a run of its own) and ends in one of these ways:

- complete or pruned: it counts;
- failed with an `error`: its method raised; the study goes on, and stops after five of them in a row;
- failed without one: a person stopped its worker, or the worker was killed. It is added again with the same
  parameters, by the worker that was stopped or by the next that finds it (`reconcile`).
"""

from __future__ import annotations

import contextlib
import itertools
import math
import shutil
import time
import traceback
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from affect.record import ALL, Artifact, Kind, State
from training.contract import StudyFailed
from training.study import faults, fitting, search, stopping, trial_fits
from training.study.session import checkpoints
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.trial import FrozenTrial, Trial

    from training.contract import Report
    from training.study.session import Session
    from training.study.trial_fits import Material
    from training.tracking.run import Run

FAILURES_IN_A_ROW = 5


def run_all(sessions: Sequence[Session]) -> None:
    """Run trials until each search has its number or its time is up, other workers' trials included.

    There is one session, or one for each fold: a worker that would wait for others in one fold goes on in the next.
    """
    open_ = [_Search(session) for session in sessions]
    while open_:
        for one in list(open_):
            while one.step():
                pass
            if one.done:
                reconcile(one.session)
                open_.remove(one)
        if open_:
            open_[0].session.watch.waiting(sum(one.running for one in open_))
            time.sleep(0.3)


class _Search:
    """One search, of a study or of a fold, as this process takes part in it."""

    def __init__(self, session: Session) -> None:
        self.session, self.plan = session, session.prepared.plan
        self.done = search.BEST in session.study.user_attrs
        self.running = 0
        self._total = 1 if self.plan.fixed else self.plan.trials
        self._materials: list[Material] = []

    def _begin(self) -> list[Material]:
        """Return what trials are fitted on; the first time the search begins here."""
        session = self.session
        if not self._materials:
            timeout = self.plan.timeout
            self._until = math.inf if timeout is None else time.monotonic() + timeout
            self._materials = trial_fits.materials(session)
            trials = session.study.get_trials(deepcopy=False)
            # what failed before this command was given may have been mended since
            self._before = {t.number for t in trials if t.state.is_finished()}
            session.watch.fold(session.fold, session.folds)
            session.watch.searching(search.counted(trials), self._total, best_value(session, trials))
        return self._materials

    def step(self) -> bool:
        """Run a trial where one is left to be asked for, and return whether one was; `done` and `running` are set."""
        if self.done:
            return False
        session, study = self.session, self.session.study
        materials = self._begin()
        # one worker at a time from counting to asking, so that several together never run a trial too many
        with contextlib.ExitStack() as gate:
            gate.enter_context(session.store.holding(asking(session.label)))
            if search.BEST in study.user_attrs:  # another worker has fewer trials to reach, or less time
                self._end()
                return False
            search.fail_stale_trials(study)
            trials = search.fail_trials_of_dead_workers(study, session.workers)
            counted, self.running = search.counted(trials), sum(t.state == TrialState.RUNNING for t in trials)
            new = [t for t in trials if t.number not in self._before]
            stop_after_repeated_failures(new, 1 if self.plan.fixed else FAILURES_IN_A_ROW)
            late = time.monotonic() > self._until
            if (counted >= self._total or late) and not self.running:
                # named before another worker can ask for a trial more
                study.set_user_attr(search.BEST, search.best(study).number)
                self._end()
                return False
            if counted + self.running >= self._total or late:
                return False
            if self.plan.fixed and not any(t.state == TrialState.WAITING for t in trials):
                study.enqueue_trial(dict(session.prepared.first))  # it failed before: nothing else is to be tried
            session.watch.fold(session.fold, session.folds)
            _one(session, gate, materials, best_value(session, trials))
        return True

    def _end(self) -> None:
        self.done, self.running, self._materials = True, 0, []


def asking(label: str) -> str:
    """Return the name of the lock under which workers count trials, ask for one and name themselves.

    label : `Session.label` of the study or fold.
    """
    return f"ask-{label}"


def best_value(session: Session, trials: list[FrozenTrial], *values: float) -> float | None:
    """Return the best objective on validation among complete trials and further `values`; None where there is none.

    Of a search with two objectives it is their weighted sum.
    """
    better = min if session.prepared.method.direction == "minimize" else max
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    return better([*values, *(search.value(t, session.prepared.weights) for t in complete)], default=None)


def stop_after_repeated_failures(trials: list[FrozenTrial], limit: int) -> None:
    """Raise StudyFailed where the last `limit` finished trials all raised."""
    raised = [t for t in trials if search.error(t)]
    ended = [t for t in trials if t.state in search.COUNTED or search.error(t)]
    last = ended[-limit:]
    if len(last) == limit and last == raised[-limit:]:
        reason = search.error(last[-1])
        many = f"the last {limit} trials all failed; " if limit > 1 else "the configuration failed; "
        raise StudyFailed(f"{many}trial {last[-1].number}: {reason}")


def _one(session: Session, gate: contextlib.ExitStack, materials: Sequence[Material], best: float | None) -> None:
    """Ask for one trial and run it; Ctrl-C leaves it to be run again. `best` is the best objective before it."""
    study = session.study
    fault: list[Exception] = []

    def objective(trial: Trial) -> list[float]:
        trial.set_user_attr(search.WORKER, session.worker)
        gate.close()
        try:
            return _objective(session, trial, materials, best)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            stopping.check()
            if faults.recording(error):
                fault.append(error)
                raise
            if search.ERROR not in trial.user_attrs:  # the store or the space raised, not the method
                trial.set_user_attr(search.ERROR, _reason(error)[:1000])
            raise

    try:
        study.optimize(objective, n_trials=1, catch=(Exception,))
    except KeyboardInterrupt:
        with stopping.cleaning_up():
            gate.close()
            _add_again(session)
            reconcile(session)
        raise
    except ValueError as error:
        # another worker took this one for dead (a machine that slept) and runs the trial again
        if "Cannot tell" not in str(error):
            raise
    except Exception:
        if not fault:  # else the full disk does not take the trial's end either
            raise
    if fault:
        with contextlib.suppress(Exception):  # where it cannot be written now, the same command does it first
            _add_again(session)
            reconcile(session)
        if isinstance(fault[0], StoreAway):
            raise fault[0]
        raise StudyFailed(
            f"{_reason(fault[0])}; this is no result of the trial: the same command runs it again"
        ) from fault[0]


def _add_again(session: Session) -> None:
    """Add the trial again that a person stopped, wherever in it that was."""
    with session.store.holding(asking(session.label)):
        _add_unfinished(session)


def _add_unfinished(session: Session) -> list[FrozenTrial]:
    """Add the trials again that were stopped or killed and that none runs again yet; return all trials."""
    trials = session.study.get_trials(deepcopy=False)
    left = search.without_successor(trials)
    for trial in left:
        search.retry(session.study, trial, killed=False)
    return session.study.get_trials(deepcopy=False) if left else trials


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _objective(session: Session, trial: Trial, materials: Sequence[Material], best: float | None) -> list[float]:
    prepared = session.prepared
    params = prepared.space.suggest(trial)
    retry_of = trial.user_attrs.get(search.RETRY_OF)
    tags = {
        **session.tags(Kind.TRIAL),
        "trial": str(trial.number),
        "needs": trial_fits.needs(materials),
    }
    if retry_of is not None:
        tags["retry_of"] = str(retry_of)
    name = f"{session.prefix}trial {trial.number}"
    run = session.store.start(session.experiment, name, tags, params, parent=session.run_id)
    trial.set_user_attr(search.RUN_ID, run.id)
    session.watch.trial_started(trial.number, params)
    folder = checkpoint(session, trial.number if retry_of is None else retry_of)
    keep = False
    with fitting.log_tail() as lines:
        try:
            report = _report(session, run, trial)
            scored = trial_fits.score(session, run, trial, params, materials, folder, report)
            values = [scored.scores[name] for name in prepared.objectives]
            recorded = {**trial_scores(scored.scores, prepared.method.objective), **scored.cost}
            if prepared.plan.refit == "all":
                trial.set_user_attr(search.STEPS, scored.steps)
            session.store.keep_locks()  # a worker without its lock is soon taken for dead
            _end(run, State.COMPLETE, "", lines, recorded)
        except optuna.TrialPruned as pruned:
            _end(run, State.PRUNED, str(pruned), lines)
            session.watch.trial_ended(trial.number, State.PRUNED, None, best)
            raise
        except KeyboardInterrupt:
            keep = True  # the trial is run again and goes on from there
            with stopping.cleaning_up():
                trial.set_user_attr(search.RETRY_REASON, search.INTERRUPTED)
                _end(run, State.FAILED, search.INTERRUPTED, lines)
            raise
        except Exception as error:
            reason = _reason(error)
            if faults.recording(error):
                keep = True
                trial.set_user_attr(search.RETRY_REASON, search.MACHINE_FAILED)
            else:
                trial.set_user_attr(search.ERROR, reason[:1000])
            lines.extend(traceback.format_exc().splitlines())
            _end(run, State.FAILED, reason, lines)
            session.watch.trial_ended(trial.number, State.FAILED, None, best)
            raise
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
    value = search.weighted(values, prepared.weights)
    known = [value] if best is None else [value, best]
    session.watch.trial_ended(trial.number, State.COMPLETE, value, best_value(session, [], *known))
    return values


def _report(session: Session, run: Run, trial: Trial) -> Report:
    """Return what the method calls each epoch: every score goes to the run, and some of them to the pruner."""
    method, prunes = session.prepared.method, session.prepared.pruner != "none"
    told, calls = trial_fits.told(session, run), itertools.count(1)

    def report(step: int, value: float, **scores: float) -> None:
        told(step, value, **scores)
        n = next(calls)
        if prunes and search.is_pruning_step(n):
            trial.report(value, n)
            if trial.should_prune():
                raise optuna.TrialPruned(f"pruned at step {step}: validation {method.objective} {value:.4g}")

    return report


def checkpoint(session: Session, number: int) -> Path:
    """Return the folder of a trial's checkpoints; a trial that runs another one again has that one's."""
    return checkpoints(session) / f"trial-{number}"


def trial_scores(scores: Mapping[str, float], objective: str) -> dict[str, float]:
    """Return what a trial's run keeps of its scores: every metric over all targets, the objective for each target."""
    return {name: v for name, v in scores.items() if name.endswith(f"/{ALL}") or name.startswith(f"val/{objective}/")}


def _end(run: Run, state: str, reason: str, lines: Any, scores: Mapping[str, float] | None = None) -> None:
    if lines:
        run.text(Artifact.LOG, "\n".join(lines))
    run.close(state, reason, metrics=scores)


def reconcile(session: Session) -> None:
    """Bring trials and runs in order after a stop or a kill.

    Trials of dead workers are failed and added again, and so is what was failed before it could be added again. Runs
    that a killed worker left open, or finished without Optuna hearing of it, are closed. Checkpoints of trials that
    are not run again are removed.
    """
    store, study = session.store, session.study
    with store.holding(asking(session.label)):
        search.fail_stale_trials(study)
        search.fail_trials_of_dead_workers(study, session.workers)
        trials = _add_unfinished(session)
        _remove_checkpoints(session, trials)
    for info in store.find({"kind": Kind.TRIAL, **session.selection}, status="RUNNING"):
        number = int(info.tags["trial"])
        # by number: a trial that another worker has begun since is not among them, or waits there, or names no run yet
        if info.parent == session.run_id and number < len(trials) and trials[number].state.is_finished():
            _close_killed(session, info.id, trials[number])
    for trial in trials:
        run_id = trial.user_attrs.get(search.RUN_ID)
        killed = trial.state == TrialState.FAIL and search.ERROR not in trial.user_attrs
        if not run_id or not killed or not store.has(run_id):  # a person may have deleted the run in MLflow
            continue
        if store.get(run_id).tags.get("state") in (State.COMPLETE, State.PRUNED):
            _close_killed(session, run_id, trial)


def _close_killed(session: Session, run_id: str, trial: FrozenTrial) -> None:
    """Close a trial's run as failed, with the reason that the trial has."""
    reason = search.error(trial) or trial.user_attrs.get(search.RETRY_REASON) or search.KILLED
    if reason == search.GIVEN_UP:
        session.watch.message(f"{session.prefix}trial {trial.number} is given up: {reason}")
    session.store.resume(run_id).close(State.FAILED, reason)


def _remove_checkpoints(session: Session, trials: list[FrozenTrial]) -> None:
    """Remove the checkpoints of trials that neither run nor wait to be run again."""
    in_use = {checkpoint(session, search.origin(t)) for t in trials if not t.state.is_finished()}
    for folder in checkpoints(session).glob("trial-*"):
        if folder not in in_use:
            shutil.rmtree(folder, ignore_errors=True)
