"""A search's trials as a table, and what follows from it: the best trial, the time that is left."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect.record import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dashboard.results.record import Record

PARAM = "param."
COLUMNS = ("run_id", "trial", "state", "value", "start", "end", "seconds", "retry_of", "reason")
STATES = (State.COMPLETE, State.PRUNED, State.RUNNING, State.FAILED)


def table(runs: pd.DataFrame, states: NDArray[Any], metric: str, last: dict[Any, float] | None = None) -> pd.DataFrame:
    """Return trials, one row each in the order of their numbers: `COLUMNS`, and ``param.<name>`` for each parameter.

    Parameters
    ----------
    runs : the trials' rows of the run table.
    states : each one's state (n,).
    metric : full name of the objective on validation, which is the column `value`.
    last : run id → the objective's last epoch, the value of a pruned trial.

    Of a study that is tested by folds, `fold` says which one's search a trial belongs to.
    The value is nan where a trial is neither complete nor pruned. Trials without a readable number are left out.
    """
    value = _numbers(runs, metric)
    pruned = pd.Series(runs.index.map(last or {}), index=runs.index, dtype=float)
    value = value.where(~((states == State.PRUNED) & value.isna()), pruned)
    start, end = (pd.to_datetime(runs[name], utc=True) for name in ("start", "end"))
    found = pd.DataFrame(
        {
            "run_id": runs.index,
            "trial": _numbers(runs, "trial").to_numpy(),
            "state": states,
            "value": value.where(np.isin(states, (State.COMPLETE, State.PRUNED))).to_numpy(),
            "start": start.to_numpy() if start.dt.tz is None else start.array,
            "end": end.to_numpy() if end.dt.tz is None else end.array,
            "seconds": (end - start).dt.total_seconds().to_numpy(),
            "retry_of": _texts(runs, "retry_of"),
            "reason": _texts(runs, "reason"),
        },
        columns=list(COLUMNS),
    )
    if "fold" in runs and runs["fold"].notna().any():
        found["fold"] = _numbers(runs, "fold").to_numpy()
    for name in runs.columns:
        if str(name).startswith(PARAM) and runs[name].notna().any():
            found[name] = runs[name].array
    found = found.dropna(subset=["trial"]).astype({"trial": int, "state": object})
    order = ["fold", "trial"] if "fold" in found else ["trial"]  # trials count within a fold
    return found.sort_values(order, kind="stable").reset_index(drop=True)


def _numbers(runs: pd.DataFrame, column: str) -> pd.Series:
    if column not in runs:
        return pd.Series(math.nan, index=runs.index)
    return pd.to_numeric(runs[column].astype(object), errors="coerce").astype(float)


def _texts(runs: pd.DataFrame, column: str) -> list[str]:
    if column not in runs:
        return [""] * len(runs)
    return ["" if pd.isna(value) else str(value) for value in runs[column]]


def last_values(curves: pd.DataFrame | None, metric: str) -> dict[Any, float]:
    """Return each run's value of the curve `metric` at its last step."""
    if curves is None or curves.empty:
        return {}
    return curves[curves["metric"] == metric].sort_values("step").groupby("run_id")["value"].last().to_dict()


def complete(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the complete trials that have a finite value."""
    return trials[(trials["state"] == State.COMPLETE) & np.isfinite(trials["value"].astype(float))]


_PRUNED = re.compile(r"pruned (after fold \d+ of \d+|at step \d+): .* (\S+)")
"""What the reason of a pruned trial says."""


def when_pruned(reason: str) -> tuple[str, float]:
    """Return when a trial was pruned and its value then, from its reason: ``pruned after fold 1 of 3`` and 0.2.

    Of a trial on folds that is its mean so far. ``pruned`` and nan where the reason says something else.
    """
    match = _PRUNED.fullmatch(reason)
    if match is None:
        return State.PRUNED, math.nan
    try:
        return f"{State.PRUNED} {match[1]}", float(match[2])
    except ValueError:
        return State.PRUNED, math.nan


def left_out_text(trials: pd.DataFrame) -> str:
    """Return which trials are left out where only complete ones are used, and why; empty where all are complete."""
    counts = trials.loc[trials["state"] != State.COMPLETE, "state"].value_counts()
    parts = [f"{counts[state]} {state}" for state in STATES if state in counts]
    if diverged := int((trials["state"] == State.COMPLETE).sum()) - len(complete(trials)):
        parts.append(f"{diverged} without a finite score")
    if not parts:
        return ""
    return f"Only complete trials are used, {len(complete(trials))} of {len(trials)}; left out: {', '.join(parts)}."


def complete_values(trials: pd.DataFrame) -> pd.Series:
    """Return the values of the complete trials."""
    return trials.loc[trials["state"] == State.COMPLETE, "value"].dropna()


def best(trials: pd.DataFrame, direction: str) -> pd.Series | None:
    """Return the row of the best complete trial (the earlier one of equals), None where there is none."""
    finished = trials[(trials["state"] == State.COMPLETE) & trials["value"].notna()]
    if finished.empty:
        return None
    values = finished["value"].to_numpy()
    return finished.iloc[int(values.argmax() if direction == "maximize" else values.argmin())]


def winner(trials: pd.DataFrame, study: Record) -> pd.Series | None:
    """Return the row of a study's best trial: the one that the study names, and before it does the best by value.

    A search of two objectives has no best trial before it has ended.
    """
    named = trials[trials["trial"] == study.best_trial] if len(trials) else trials
    if len(named):
        return named.iloc[0]
    return None if study.several_objectives else best(trials, study.direction)


def time_left(trials: pd.DataFrame, total: int | None, now: pd.Timestamp | None = None) -> float:
    """Estimate the seconds that a running search still needs: median trial × trials to do ÷ trials now running.

    What running trials have taken by `now` is taken off. Nan where no trial has ended yet or the total is unknown. A
    deadline is not considered here.
    """
    counted = trials["state"].isin((State.COMPLETE, State.PRUNED))
    usual = trials.loc[counted, "seconds"].median()
    if total is None or pd.isna(usual):
        return math.nan
    running = trials[trials["state"] == State.RUNNING]
    spent = 0.0 if now is None else float((now - running["start"]).dt.total_seconds().clip(0, usual).sum())
    wanted = max(total - int(counted.sum()), 0) * float(usual)
    return max(wanted - spent, 0.0) / max(len(running), 1)
