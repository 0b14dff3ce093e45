"""What a store holds, in a few figures, and its protocols."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.record import Kind, State
from dashboard.results import board, names, objective, scope
from dashboard.results import study_table as studies

if TYPE_CHECKING:
    from dashboard.results.study_table import Summary

SILENT_AFTER = 15 * 60
"""Seconds without a trial starting or ending after which a running study is called silent."""


def counts(runs: pd.DataFrame) -> dict[str, int]:
    """Return how many studies, runs, protocols and data sets the store holds, archived ones left out."""
    shown = runs[~runs["archived"]]
    return {
        "studies": int((shown["kind"] == Kind.STUDY).sum()),
        "runs": len(shown),
        "protocols": int(shown["protocol_id"].nunique()),
        "data sets": int(shown["dataset"].nunique()),
    }


def finished(runs: pd.DataFrame) -> int:
    """Return how many studies are no longer running: a page drawn for another number is out of date."""
    return int(((runs["kind"] == Kind.STUDY) & (runs["state"] != State.RUNNING)).sum())


def running(runs: pd.DataFrame) -> list[Summary]:
    """Return the summaries of the studies that are running, the one that began last first."""
    found = runs[(runs["kind"] == Kind.STUDY) & (runs["state"] == State.RUNNING) & ~runs["archived"]]
    found = found.sort_values("start", ascending=False)
    summaries = []
    for run_id, name in found["study"].items():
        # a study's own rows alone: a summary of all of a large store would take seconds
        mine = runs[(runs["parent"] == run_id) | (runs["study"] == name) | (runs.index == run_id)]
        summaries.append(studies.summary(mine, names.row(mine, str(run_id))))
    return summaries


def silent_for(runs: pd.DataFrame, study: str, now: pd.Timestamp) -> float | None:
    """Return the seconds since a running study's last sign of life where they are many, else None.

    A process that was killed leaves its study marked as running: this is how a page tells. Many are more than a
    quarter of an hour and more than three times the longest trial.
    """
    mine = runs[(runs["parent"] == study) | (runs.index == study)]
    last = max(mine["start"].max(), mine["end"].max() if mine["end"].notna().any() else mine["start"].max())
    longest = (mine["end"] - mine["start"]).dt.total_seconds().max()
    seconds = (now - last).total_seconds()
    return seconds if seconds > max(SILENT_AFTER, 0 if math.isnan(longest) else 3 * longest) else None


def protocols(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a protocol: its label, data, studies, how many have been scored, and the best of them."""
    rows = []
    for label in scope.labels(runs):
        metric = scope.objective(runs, label) or ""
        mine = scope.of_protocol(runs, label, archived=True, figures=[(metric, record.ALL)] if metric else [])
        found = board.measured(mine[~mine["archived"]], metric, record.ALL)
        best = found.iloc[0] if len(found) else None
        rows.append(
            {
                "protocol": label,
                "data": "SYNTHETIC" if mine["synthetic"].iloc[0] else "REAL",
                "studies": int((mine["kind"] == Kind.STUDY).sum()),
                "scored": scope.times_scored(mine),
                "best so far": "" if best is None else f"{best['row']} {best['settings']}".strip(),
                "metric": f"test {names.metric(metric)}",
                "value": math.nan if best is None else float(best["value"]),
            }
        )
    columns = ["protocol", "data", "studies", "scored", "best so far", "metric", "value"]
    return board.one_metric(pd.DataFrame(rows, columns=columns))


def progress_text(found: Summary) -> str:
    """Return a running study's progress in a sentence: trials done, best so far, what is left."""
    total = "?" if found.total is None else str(found.total)
    parts = [f"{found.done} of {total} trials"]
    if not math.isnan(found.best):
        label = objective.name(found.metric)
        parts.append(f"best validation {label} so far {found.best:.4f} (trial {found.best_trial})")
    if found.total is not None and found.done >= found.total:
        parts.append(f"final runs {found.finals} of {found.repeats}")
    elif not math.isnan(found.seconds_left):
        parts.append(f"about {names.duration(found.seconds_left)} left")
    if found.counts[State.FAILED]:
        parts.append(f"{found.counts[State.FAILED]} failed")
    return " · ".join(parts)
