"""The trials of a study: each is asked for, fitted, scored on validation, and written as a child run."""

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
from training.study import fitting, prerequisites, scoring, search
from training.study.session import checkpoints, holding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.trial import FrozenTrial, Trial

    from training.contract import Report, Split
    from training.study.session import Session
    from training.tracking.run import Run

FAILURES_IN_A_ROW = 5
INTERRUPTED = "stopped by a person; the study runs it again when it goes on"


def run_all(session: Session) -> None:
    """Run trials until the study has its number or its time is up, other workers' trials included."""
    study, plan = session.study, session.prepared.plan
    if search.WINNER in study.user_attrs:
        return
    total = 1 if plan.fixed else plan.trials
    until = math.inf if plan.timeout is None else time.monotonic() + plan.timeout
    models = prerequisites.load(session, session.prepared.method.prerequisites)
    prepared = session.prepared
    split = prepared.protocol.split(prepared.method, prepared.settings, test=False)
    trials = study.get_trials(deepcopy=False)
    # what failed before this command was given may have been mended since
    before = {t.number for t in trials if t.state.is_finished()}
    session.watch.searching(search.counted(trials), total, best_value(session, trials))
    while True:
        # one worker at a time from counting to asking, so that several together never run a trial too many
        with contextlib.ExitStack() as gate:
            gate.enter_context(holding(session.store, f"ask-{session.prepared.name}"))
            if search.WINNER in study.user_attrs:  # another worker has fewer trials to reach, or less time
                break
            trials = search.bury_the_dead(study, session.store)
            done, running = search.counted(trials), sum(t.state == TrialState.RUNNING for t in trials)
            give_up([t for t in trials if t.number not in before], 1 if plan.fixed else FAILURES_IN_A_ROW)
            late = time.monotonic() > until
            if (done >= total or late) and not running:
                # named before another worker can ask for a trial more
                study.set_user_attr(search.WINNER, search.best(study).number)
                break
            if done + running < total and not late:
                if plan.fixed and not any(t.state == TrialState.WAITING for t in trials):
                    study.enqueue_trial(dict(session.prepared.first))  # it failed before: nothing else is to be tried
                _one(session, gate, split, models, best_value(session, trials))
                continue
        search.listen(study)
        session.watch.waiting(running)
        time.sleep(0.3)
    reconcile(session)


def best_value(session: Session, trials: list[FrozenTrial], *values: float) -> float | None:
    """Return the best objective on validation among complete trials and further `values`; None where there is none.

    Of a search with two objectives it is their weighed sum.
    """
    better = min if session.prepared.method.direction == "minimize" else max
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    return better([*values, *(search.value(t, session.prepared.weights) for t in complete)], default=None)


def give_up(trials: list[FrozenTrial], limit: int) -> None:
    """Raise StudyFailed where the last `limit` finished trials all raised."""
    raised = [t for t in trials if search.ERROR in t.user_attrs]
    ended = [t for t in trials if t.state in search.COUNTED or search.ERROR in t.user_attrs]
    last = ended[-limit:]
    if len(last) == limit and last == raised[-limit:]:
        reason = last[-1].user_attrs[search.ERROR]
        many = f"the last {limit} trials all failed; " if limit > 1 else "the configuration failed; "
        raise StudyFailed(f"{many}trial {last[-1].number}: {reason}")


def _one(
    session: Session, gate: contextlib.ExitStack, split: Split, models: Mapping[str, Any], best: float | None
) -> None:
    """Ask for one trial and run it; Ctrl-C leaves it to be run again. `best` is the best objective before it."""
    study = session.study

    def objective(trial: Trial) -> list[float]:
        trial.set_user_attr(search.WORKER, session.worker)
        gate.close()
        try:
            return _objective(session, trial, split, models, best)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            if search.ERROR not in trial.user_attrs:  # the store or the space raised, not the method
                trial.set_user_attr(search.ERROR, _reason(error)[:1000])
            raise

    try:
        study.optimize(objective, n_trials=1, catch=(Exception,))
    except KeyboardInterrupt:
        _add_again(session)
        reconcile(session)
        raise
    except ValueError as error:
        # another worker took this one for dead (a machine that slept) and runs the trial again
        if "Cannot tell" not in str(error):
            raise


def _add_again(session: Session) -> None:
    """Add the trial again that Ctrl-C ended, wherever in it that was, unless another worker has added it."""
    trials = session.study.get_trials(deepcopy=False)
    again = {t.user_attrs[search.RETRY_OF]: t.number for t in trials if search.RETRY_OF in t.user_attrs}
    for trial in trials:
        kept = trial.user_attrs
        mine = kept.get(search.WORKER) == session.worker
        if mine and trial.state == TrialState.FAIL and search.ERROR not in kept:
            origin = kept.get(search.RETRY_OF, trial.number)
            if again.get(origin, -1) <= trial.number:
                search.retry(session.study, trial, limit=None)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _objective(
    session: Session, trial: Trial, split: Split, models: Mapping[str, Any], best: float | None
) -> list[float]:
    prepared = session.prepared
    params = prepared.space.suggest(trial)
    retry_of = trial.user_attrs.get(search.RETRY_OF)
    tags = {
        **session.tags(Kind.TRIAL),
        "trial": str(trial.number),
        "needs": prerequisites.tag(session, prepared.method.prerequisites),
    }
    if retry_of is not None:
        tags["retry_of"] = str(retry_of)
    run = session.store.start(session.experiment, f"trial {trial.number}", tags, params, parent=session.run_id)
    trial.set_user_attr(search.RUN_ID, run.id)
    session.watch.trial_started(trial.number, params)
    checkpoint = checkpoints(session) / f"trial-{trial.number if retry_of is None else retry_of}"
    with fitting.log_tail() as lines:
        try:
            fit = fitting.fit(
                prepared.module,
                session.bench,
                params,
                split,
                prepared.plan.seed,
                checkpoint=checkpoint,
                report=_report(session, run, trial),
                prerequisites=models,
            )
            scoring.check(prepared.protocol, fit.outcome, ("train", "validation"))
            figures = scoring.scores(prepared.protocol, fit.outcome, prepared.method)
            found = [figures[name] for name in prepared.objectives]
            kept = {**trial_figures(figures, prepared.method.objective), **fit.cost}
            _end(run, State.COMPLETE, "", lines, kept)
        except optuna.TrialPruned as pruned:
            _end(run, State.PRUNED, str(pruned), lines)
            session.watch.trial_ended(trial.number, State.PRUNED, None, best)
            raise
        except KeyboardInterrupt:
            trial.set_user_attr(search.RETRY_REASON, INTERRUPTED)
            _end(run, State.FAILED, INTERRUPTED, lines)
            raise
        except Exception as error:
            reason = _reason(error)
            trial.set_user_attr(search.ERROR, reason[:1000])
            lines.extend(traceback.format_exc().splitlines())
            _end(run, State.FAILED, reason, lines)
            session.watch.trial_ended(trial.number, State.FAILED, None, best)
            raise
    shutil.rmtree(checkpoint, ignore_errors=True)
    value = search.weighted(found, prepared.weights)
    values = [value] if best is None else [value, best]
    session.watch.trial_ended(trial.number, State.COMPLETE, value, best_value(session, [], *values))
    return found


def _report(session: Session, run: Run, trial: Trial) -> Report:
    """Return what the method calls each epoch: every figure goes to the run, and some of them to the pruner."""
    method, prunes = session.prepared.method, session.prepared.pruner != "none"
    calls = itertools.count(1)

    def report(step: int, value: float, **figures: float) -> None:
        run.figures(step, fitting.curves(method, value, figures))
        session.watch.epoch(step, value)
        n = next(calls)
        if prunes and search.reported(n):
            trial.report(value, n)
            if trial.should_prune():
                raise optuna.TrialPruned(f"pruned at step {step}: validation {method.objective} {value:.4g}")

    return report


def trial_figures(figures: Mapping[str, float], objective: str) -> dict[str, float]:
    """Return what a trial's run keeps of its scores: every metric over all targets, the objective for each target."""
    return {name: v for name, v in figures.items() if name.endswith(f"/{ALL}") or name.startswith(f"val/{objective}/")}


def _end(run: Run, state: str, reason: str, lines: Any, figures: Mapping[str, float] | None = None) -> None:
    if lines:
        run.text(Artifact.LOG, "\n".join(lines))
    run.close(state, reason, metrics=figures)


def reconcile(session: Session) -> None:
    """Close the trial runs that a killed worker left open, or finished without Optuna hearing of it."""
    search.listen(session.study)
    now = search.bury_the_dead(session.study, session.store)
    mine = {"kind": Kind.TRIAL, "study": session.prepared.name}
    for info in session.store.find(mine, status="RUNNING"):
        number = int(info.tags["trial"])
        # by number: a trial that another worker has begun since is not among them, or waits there, or names no run yet
        if number < len(now) and now[number].state.is_finished():
            session.store.resume(info.id).close(State.FAILED, search.KILLED)
    for trial in now:
        run_id = trial.user_attrs.get(search.RUN_ID)
        if run_id and trial.state == TrialState.FAIL and search.ERROR not in trial.user_attrs:
            info = session.store.get(run_id)
            if info.tags.get("state") in (State.COMPLETE, State.PRUNED):
                session.store.resume(run_id).close(State.FAILED, search.KILLED)
