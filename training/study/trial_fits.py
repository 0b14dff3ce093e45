"""The fits of one trial: one on train, scored on validation; with ``--folds``, one on each fold of both parts.

With folds a trial's scores are the means over them, and its steps (epochs, boosting rounds) their medians. It may be
pruned after each fold but the last. What a fold came to is kept beside the checkpoint of the next: a trial that was
killed goes on in the fold in which it was.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import optuna

from affect.record import COST_PEAK_MB, COST_SECONDS, FOLDS, fold_curve, objective_curve, to_json
from training import cache
from training.contract import Steps
from training.study import fit_key, fitting, prerequisites, scoring, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.trial import BaseTrial

    from training.contract import Params, Report
    from training.data import Split
    from training.study.session import Session
    from training.tracking.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Material:
    """What a trial is fitted on: train and validation, of a search fold its own, and the prerequisites fitted on them.

    `session` is the search's, or that of the search fold.
    """

    session: Session
    split: Split
    models: Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """What the fits of a trial came to: every score on validation and every cost by full name, and the steps."""

    scores: dict[str, float]
    cost: dict[str, float]
    steps: list[int]


@dataclass(frozen=True)
class _Fold(Scored):
    """A finished fold, as it is kept in a file: its fit's key, and the points of its curves, (step, values) each."""

    key: str = ""
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)


def materials(session: Session) -> list[Material]:
    """Return what every trial of the search is fitted on: one, or one for each search fold."""
    found = []
    for one in session.search_folds:
        method, settings = one.prepared.method, one.prepared.settings
        models = prerequisites.load(one, method.needed(settings))
        found.append(Material(one, one.prepared.protocol.split(method, settings, test=False), models))
    return found


def needs(of_trial: Sequence[Material]) -> str:
    """Return the tag `needs` of a trial: the prerequisites of all its fits."""
    runs: dict[str, str] = {}
    for one in of_trial:
        wanted = one.session.prepared.method.needed(one.session.prepared.settings)
        found = json.loads(prerequisites.tag(one.session, wanted))
        fold = f", search fold {one.session.search_fold}" if one.session.search_fold else ""
        runs |= {f"{name}{fold}": run_id for name, run_id in found.items()}
    return to_json(runs)


def score(
    session: Session,
    run: Run,
    trial: BaseTrial,
    params: Params,
    of_trial: Sequence[Material],
    folder: Path,
    report: Report,
) -> Scored:
    """Fit and score a trial, reporting to `run` and to the pruner. Raises what the method raises, and TrialPruned.

    folder : the trial's checkpoints.  report : what the method calls each epoch, where there is one validation part.
    """
    if len(of_trial) == 1:
        return _fit(of_trial[0], params, folder, fitting.Listener(run, report))
    prepared = session.prepared
    curve = FOLDS + objective_curve(prepared.objectives)
    done: list[Scored] = []
    values: list[float] = []
    for number, one in enumerate(of_trial, 1):
        session.watch.search_fold(number, len(of_trial))
        done.append(_fold(one, run, params, folder / f"fold-{number}"))
        value = search.weighted([done[-1].scores[name] for name in prepared.objectives], prepared.weights)
        values.append(value)
        run.epoch_scores(number, {curve: value})
        if prepared.pruner != "none":
            mean = statistics.fmean(values)
            trial.report(mean, number)
            if number < len(of_trial) and trial.should_prune():
                raise optuna.TrialPruned(
                    f"pruned after fold {number} of {len(of_trial)}: mean validation {prepared.method.objective} "
                    f"{mean:.4g}"
                )
    return together(done)


def together(folds: Sequence[Scored]) -> Scored:
    """Return the folds of a trial as one: mean scores, the seconds of all, the largest peak, and the median steps."""
    scores = {name: statistics.fmean(fold.scores[name] for fold in folds) for name in folds[0].scores}
    costs = {name: [fold.cost[name] for fold in folds] for name in folds[0].cost}
    cost = {name: statistics.fmean(values) for name, values in costs.items()}
    cost[COST_SECONDS] = math.fsum(costs[COST_SECONDS])
    if COST_PEAK_MB in costs:
        cost[COST_PEAK_MB] = max(costs[COST_PEAK_MB])
    # a part that some fits did not stop has the median of the others
    of_parts = [[n for n in part if n is not None] for part in itertools.zip_longest(*(fold.steps for fold in folds))]
    return Scored(scores, cost, [math.ceil(statistics.median(part)) for part in of_parts])


def _fold(material: Material, run: Run, params: Params, folder: Path) -> Scored:
    """Fit on one fold, or read what an earlier attempt at the trial found on it; its curves go to `run` either way."""
    session = material.session
    prepared, number = session.prepared, session.search_fold
    key = fit_key.key(prepared.module, session.bench, params, material.split, prepared.plan.seed)
    file = folder.with_suffix(".json")
    kept = _read(file, key)
    if kept is not None:
        for step, values in kept.points:
            run.epoch_scores(step, {fold_curve(number, name): value for name, value in values.items()})
        return kept
    listener = _FoldListener(run, fitting.quiet, number)

    def report(step: int, value: float, **scores: float) -> None:
        listener.points(step, fitting.curves(prepared.method, value, scores))
        session.watch.epoch(step, value)

    listener.report = report
    scored = _fit(material, params, folder, listener)
    with cache.whole(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(_Fold(**asdict(scored), key=key, points=listener.seen))))
    return scored


@dataclass
class _FoldListener(fitting.Listener):
    """Names the curves of a fold's fit after the fold, and keeps their points."""

    fold: int
    seen: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def points(self, step: int, values: Mapping[str, float]) -> None:
        self.seen.append((step, {name: float(value) for name, value in values.items()}))
        super().points(step, {fold_curve(self.fold, name): value for name, value in values.items()})


def _read(file: Path, key: str) -> _Fold | None:
    """Return the finished fold in a file; None where there is none, it cannot be read, or it is another fit's."""
    try:
        fold = _Fold(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        log.warning("what %s keeps of a fold cannot be read (%s): the fold is fitted again", file, error)
        return None
    return fold if fold.key == key else None


def _fit(material: Material, params: Params, folder: Path, listener: fitting.Listener) -> Scored:
    prepared, steps = material.session.prepared, Steps()
    fit = fitting.fit(
        prepared,
        material.session.bench,
        params,
        material.split,
        prepared.plan.seed,
        checkpoint=folder,
        listener=listener,
        prerequisites=material.models,
        steps=steps,
    )
    scoring.check(prepared.protocol, fit.outcome, ("train", "validation"))
    return Scored(scoring.scores(prepared.protocol, fit.outcome, prepared.method), fit.cost, steps.chosen)


def told(session: Session, run: Run) -> Report:
    """Return what a method calls each epoch of a fit that nothing prunes: every score goes to the run."""

    def report(step: int, value: float, **scores: float) -> None:
        run.epoch_scores(step, fitting.curves(session.prepared.method, value, scores))
        session.watch.epoch(step, value)

    return report
