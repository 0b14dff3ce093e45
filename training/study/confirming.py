"""The best trials of a search are fitted again with new seeds, scored on validation alone, before one is refitted.

The best of many trials is partly the luckiest (the winner's curse). With ``--confirm-top N`` the first N are fitted
again, `SEEDS` times each, by the same functions as their trials. The best mean of these fits names the trial that is
refitted for the test. The search's own value does not count: the luck is in it.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import statistics
import time
import traceback
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from affect.record import Artifact, Kind, State
from training.contract import StudyFailed
from training.study import faults, fitting, search, stopping, trial_fits
from training.study.session import checkpoints
from training.study.trials import trial_scores
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.trial import FrozenTrial

    from training.study.session import Session
    from training.study.trial_fits import Material

SEEDS = 2
"""Fits of each trial."""
FIRST_SEED = 1001
"""Added to the study's seed: trials have that one, final runs those that follow it."""
STOPPED = "stopped by a person; the study runs it again when it goes on"


def run(session: Session) -> None:
    """Confirm the best trials of a search, with other workers; nothing where that was not asked for, or is done."""
    wanted, study = int(session.store.get(session.run_id).tags.get("confirm_top") or 0), session.study
    if not wanted or search.CONFIRMED in study.user_attrs:
        return
    top = best(study, wanted, session.prepared.weights)
    left = [(trial, FIRST_SEED + session.prepared.plan.seed + k) for trial in top for k in range(SEEDS)]
    session.watch.fold(session.fold, session.folds)
    session.watch.confirming(len(left))
    materials: list[Material] = []
    while True:
        for trial, seed in left:
            name = f"confirm-{session.label}-{trial.number}-{seed}"
            if (trial.number, seed) in ended(session):
                continue
            with session.store.lock(name) as free:
                if free and (trial.number, seed) not in ended(session) and _free(session, trial, seed):
                    materials = materials or trial_fits.materials(session)
                    _confirm(session, trial, seed, materials)
        values = ended(session)
        if all((trial.number, seed) in values for trial, seed in left):
            break
        time.sleep(0.3)  # the others are another worker's
    study.set_user_attr(search.CONFIRMED, _chosen(session, top, values))


def best(study: optuna.Study, count: int, weights: Sequence[float]) -> list[FrozenTrial]:
    """Return the first `count` complete trials by their value on validation, the best first.

    Of a search with two objectives the value is their weighted sum; its own compromise is always among them.
    """
    sign = 1 if study.directions[0] == optuna.study.StudyDirection.MINIMIZE else -1
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    found = sorted(complete, key=lambda trial: (sign * search.value(trial, weights), trial.number))
    first = search.best(study)
    return [first, *(trial for trial in found if trial.number != first.number)][:count]


def ended(session: Session) -> dict[tuple[int, int], float]:
    """Return (trial, seed) → the value on validation of each fit that has ended; nan where the method raised."""
    found = {}
    for info in session.store.find({"kind": Kind.CONFIRMATION, **session.selection}):
        if info.parent != session.run_id or "value" not in info.tags:
            continue
        if info.tags["state"] in (State.COMPLETE, State.FAILED):
            found[int(info.tags["trial"]), int(info.tags["seed"])] = float(info.tags["value"])
    return found


def _chosen(session: Session, top: Sequence[FrozenTrial], values: Mapping[tuple[int, int], float]) -> int:
    """Return the trial with the best mean; one of which a fit raised is not chosen, unless that is so of all."""
    sign = 1 if session.prepared.method.direction == "minimize" else -1
    means = {}
    for trial in top:
        mean = statistics.fmean(value for (number, _), value in values.items() if number == trial.number)
        means[trial.number] = math.inf if math.isnan(mean) else sign * mean
    return min(means, key=lambda number: means[number])  # of equals the one that was better in the search


def _free(session: Session, trial: FrozenTrial, seed: int) -> bool:
    """Close what dead workers left of this fit, and return whether no worker is at it."""
    left = {"kind": Kind.CONFIRMATION, **session.selection, "trial": str(trial.number), "seed": str(seed)}
    for info in session.store.find(left, status="RUNNING"):
        with session.workers.dead(info.tags.get("worker", "")) as dead:
            if not dead:
                return False
            session.store.resume(info.id).close(State.FAILED, search.KILLED)
    return True


def _confirm(session: Session, trial: FrozenTrial, seed: int, materials: Sequence[Material]) -> None:
    """Fit a trial's parameters with another seed, score them on validation, and write that as a run."""
    params = session.prepared.space.suggest(optuna.trial.FixedTrial(trial.params))
    tags = {
        **session.tags(Kind.CONFIRMATION),
        "trial": str(trial.number),
        "seed": str(seed),
        "needs": trial_fits.needs(materials),
    }
    name = f"{session.prefix}trial {trial.number} again, seed {seed}"
    run = session.store.start(session.experiment, name, tags, params, parent=session.run_id)
    folder = checkpoints(session) / f"confirmed-{trial.number}-{seed}"
    of_seed = [dataclasses.replace(one, session=_seeded(one.session, seed)) for one in materials]
    prepared, value = session.prepared, math.nan
    with fitting.log_tail() as lines:
        try:
            alone = optuna.trial.FixedTrial(trial.params)
            of_search, report = _seeded(session, seed), trial_fits.told(session, run)
            scored = trial_fits.score(of_search, run, alone, params, of_seed, folder, report)
            value = search.weighted([scored.scores[full] for full in prepared.objectives], prepared.weights)
            state, reason = State.COMPLETE, ""
            recorded: dict[str, float] = {**trial_scores(scored.scores, prepared.method.objective), **scored.cost}
        except KeyboardInterrupt:
            with stopping.cleaning_up():
                run.close(State.FAILED, STOPPED)
            raise
        except StoreAway:
            raise
        except Exception as error:
            if faults.recording(error) or faults.out_of_memory(error):
                run.close(State.FAILED, f"{type(error).__name__}: {error}")
                raise StudyFailed(
                    f"{name}: {type(error).__name__}: {error}; this is no result of the trial: the same command fits "
                    "it again"
                ) from error
            state, reason, recorded = State.FAILED, f"{type(error).__name__}: {error}", {}
            lines.extend(traceback.format_exc().splitlines())
        if lines:
            run.text(Artifact.LOG, "\n".join(lines))
    shutil.rmtree(folder, ignore_errors=True)
    session.store.keep_locks()
    run.close(state, reason, metrics=recorded, tags={"value": repr(value)})
    session.watch.confirmed(trial.number, seed, value)


def _seeded(session: Session, seed: int) -> Session:
    """Return the session as a fit with another seed sees it, which nothing prunes."""
    plan: Any = dataclasses.replace(session.prepared.plan, seed=seed, pruner="none")
    return dataclasses.replace(session, prepared=dataclasses.replace(session.prepared, plan=plan))
