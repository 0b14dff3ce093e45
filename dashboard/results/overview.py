"""What a store holds, what is running, what needs attention, and its protocols."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from affect import metrics
from affect.record import State
from dashboard.results import board, names, objective, progress

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.results.study import Study


def counts(index: Index) -> dict[str, int]:
    """Return how many studies, runs, protocols and data sets the store holds, archived ones left out."""
    shown = [run for run in index.records(index.studies) if not run.archived]
    return {
        "studies": len(shown),
        "runs": index.unarchived,
        "protocols": len({(run.protocol, run.protocol_id) for run in shown}),
        "data sets": len({run.dataset for run in shown if run.dataset}),
    }


def finished(index: Index) -> int:
    """Return how many studies are no longer running: a page drawn for another number is out of date."""
    return sum(run.state != State.RUNNING for run in index.records(index.studies))


def running(index: Index) -> list[Study]:
    """Return the studies that are running, the one that began last first."""
    records = index.records(index.studies)
    return [index.study(run.run_id) for run in records if run.state == State.RUNNING and not run.archived]


def attention(index: Index, now: pd.Timestamp) -> pd.DataFrame:
    """Return the studies that failed, stopped or are silent: study, what is wrong, what to do, run_id."""
    rows = []
    for run in index.records(index.studies):
        if run.archived:
            continue
        study = index.study(run.run_id)
        if run.state == State.FAILED:
            rows.append(
                (study.title, f"failed: {run.reason or 'it gave no reason'}", "see its failed trials", run.run_id)
            )
        elif run.state == State.STOPPED:
            rows.append((study.title, "stopped", "the same command continues it", run.run_id))
        elif run.state == State.RUNNING and (silent := study.silent_for(now)) is not None:
            what = f"no activity for {names.duration(silent)}"
            rows.append((study.title, what, "if its process has stopped, run the same command again", run.run_id))
        elif run.state == State.COMPLETE and study.failed_finals:
            what = f"{study.summary.seeds_text}: {study.failed_finals[0].reason or 'no reason given'}"
            rows.append((study.title, what, "see the failed final run", run.run_id))
    return pd.DataFrame(rows, columns=["study", "what is wrong", "what to do", "run_id"])


def protocols(index: Index) -> pd.DataFrame:
    """Return one row a protocol: its label, data, studies, how many scored its test samples, and the best of them."""
    rows = []
    for protocol in index.protocols.values():
        metric = protocol.objective or ""
        scores = protocol.scores(metric).dropna() if metric else pd.Series(dtype=float)
        scores = scores[[not index.record(str(run)).archived for run in scores.index]]
        rises = metrics.DIRECTION.get(metric) == "maximize"
        best = index.record(str(scores.idxmax() if rises else scores.idxmin())) if len(scores) else None
        rows.append(
            {
                "protocol": protocol.label,
                "data": protocol.record.data_mark,
                "studies": len(protocol.studies),
                "scored": protocol.times_scored,
                "best so far": "" if best is None else best.title,
                "metric": f"test {names.metric(metric)}",
                "value": math.nan if best is None else float(scores[best.run_id]),
            }
        )
    columns = ["protocol", "data", "studies", "scored", "best so far", "metric", "value"]
    return board.one_metric(pd.DataFrame(rows, columns=columns))


def progress_text(study: Study, now: pd.Timestamp) -> str:
    """Return a running study's progress in a sentence: what it does, trials done, best so far, what is left."""
    summary = study.summary
    total = "?" if summary.total is None else str(summary.total)
    parts = [progress.stage(study), f"{summary.done} of {total} trials"]
    if not math.isnan(summary.best):
        label = objective.name(objective.metric(summary.record))
        parts.append(f"best validation {label} so far {summary.best:.4f} (trial {summary.best_trial})")
    if parts[0] != progress.SEARCHING:
        parts.append(f"final runs {summary.finals} of {summary.repeats}")
    parts.append(progress.time_left(study, now).text)
    if summary.counts[State.FAILED]:
        parts.append(f"{summary.counts[State.FAILED]} failed")
    return " · ".join(part for part in parts if part)
