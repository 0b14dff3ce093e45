"""How far a running study has come: what it does now, and about how long it still takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from affect import record
from affect.record import Kind, State
from dashboard.results import names, trials

if TYPE_CHECKING:
    from dashboard.results.study import Study

SEARCHING, REFITTING, EVALUATING = "searching", "refitting", "evaluating"
STAGES = {
    SEARCHING: "trials are fitted and scored on validation",
    REFITTING: "the best trial is fitted again, once for each seed, and scored on test",
    EVALUATING: "a final run is fitted and scored; what else is shown of it is being computed",
}
"""What a running study does, and what that means."""


class Left(NamedTuple):
    """Seconds that a study still takes, nan where unknown, and whether the evaluations of final runs are in them."""

    seconds: float
    evaluations: bool

    @property
    def text(self) -> str:
        """``about 4 min left``; empty where unknown."""
        if math.isnan(self.seconds):
            return ""
        return f"about {names.duration(self.seconds)} left{'' if self.evaluations else ' without evaluations'}"


def stage(study: Study) -> str:
    """Return which of `STAGES` a study is in; empty where nothing of it is running."""
    if not study.summary.live:
        return ""
    finals = _runs(study, Kind.FINAL)
    running = finals[finals["state"] == State.RUNNING]
    if study.summary.counts[State.RUNNING] or (finals.empty and not _all_trials(study)):
        return SEARCHING
    # a final run keeps its cost together with its scores, before its evaluations
    if len(running) and record.COST_SECONDS in running and running[record.COST_SECONDS].notna().any():
        return EVALUATING
    return REFITTING


def time_left(study: Study, now: pd.Timestamp) -> Left:
    """Estimate what a study still takes: trials, refits and the evaluations of final runs.

    A final run takes what those that ended took; before one has, what the best trial took, without evaluations. A trial
    on K folds is K fits on (K − 1)/K of what a final run is fitted on.
    """
    search = trials.time_left(study.trials(), study.summary.total, now) if stage(study) == SEARCHING else 0.0
    finals = _runs(study, Kind.FINAL)
    seconds = (finals["end"] - finals["start"]).dt.total_seconds()
    usual = float(seconds[finals["state"] == State.COMPLETE].median())
    evaluations = not math.isnan(usual)
    if not evaluations:
        # of a study that is tested by folds, each with a best trial of its own, the usual one
        seconds = trials.complete(study.trials())["seconds"]
        usual = float(seconds.median() if study.winner is None else study.winner["seconds"])
        usual /= max((study.record.search_folds or 2) - 1, 1)
    folds = study.record.test_folds or 1
    wanted = study.summary.repeats * folds - len(study.finals) - len(study.failed_finals)
    if wanted <= 0:
        return Left(search, True)
    running = finals[finals["state"] == State.RUNNING]
    spent = (now - running["start"]).dt.total_seconds().clip(0, usual).sum() if len(running) else 0.0
    return Left(search + max(wanted * usual - float(spent), 0.0) / max(len(running), 1), evaluations)


def _all_trials(study: Study) -> bool:
    return study.summary.total is not None and study.summary.done >= study.summary.total


def _runs(study: Study, kind: str) -> pd.DataFrame:
    """Return the rows of a study's runs of a kind: state, start, end and metrics."""
    rows = study.runs
    places = study.index.children(study.run_id, None, study.fold)
    mine = study.index.kinds[places] == kind
    return rows[mine].assign(state=study.index.states[places][mine])
