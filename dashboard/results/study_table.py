"""A study as tables: what it is, how far it has come, its trials, its winner. No figure is drawn here.

Every function takes `runs`, the run table of `dashboard.store` (index run_id; tags without prefix; ``param.<name>``;
metrics by their full names; start and end in UTC), and returns a new table.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.record import Kind, State
from dashboard.results import objective as searched
from dashboard.results.trials import PARAM, STATES, best, complete_values, last_values, time_left

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAM", "STATES", "best", "complete_values", "last_values", "time_left"]


@dataclass(frozen=True)
class Summary:
    """What the summary line of a study says. Times are in seconds, `deadline` and `started` in UTC."""

    study: str
    run_id: str
    method: str
    dataset: str
    synthetic: bool
    protocol: str
    settings: str
    state: str
    metric: str
    """Full name of the search's value as one number."""
    direction: str
    counts: Mapping[str, int]
    finals: int
    repeats: int
    total: int | None
    best: float
    best_trial: int | None
    seconds_left: float
    deadline: pd.Timestamp | None
    started: pd.Timestamp | None

    @property
    def done(self) -> int:
        """Trials that count: complete and pruned ones."""
        return self.counts[State.COMPLETE] + self.counts[State.PRUNED]

    @property
    def live(self) -> bool:
        """Whether anything of the study may still change by itself."""
        return self.state == State.RUNNING or self.counts[State.RUNNING] > 0


def text(row: pd.Series, name: str, default: str = "") -> str:
    """Return a tag of one run as text, `default` where the run has none."""
    value = row.get(name)
    return default if value is None or pd.isna(value) else str(value)


def flag(row: pd.Series, name: str) -> bool:
    """Return a tag that is true or false; false where the run has none."""
    return text(row, name).lower() == "true"


def whole(value: str) -> int | None:
    """Read a tag that holds a whole number; None where it is empty or holds something else."""
    try:
        return int(float(value))
    except ValueError:
        return None


def number(row: pd.Series, name: str) -> float:
    """Return a metric or a numeric tag of one run, nan where it has none or holds no number."""
    try:
        return float(row.get(name, math.nan))
    except (TypeError, ValueError):
        return math.nan


def run(runs: pd.DataFrame, run_id: str) -> pd.Series:
    """Return one run's row of the run table, its run id as name; KeyError where there is none."""
    row = runs.loc[run_id]
    if isinstance(row, pd.DataFrame):
        raise KeyError(f"two runs are called {run_id}")
    return row


def state(row: pd.Series) -> str:
    """Return a run's state; a run without the tag (killed before it could write one) goes by MLflow's own status."""
    known = {"FINISHED": State.COMPLETE, "RUNNING": State.RUNNING, "SCHEDULED": State.RUNNING}
    return text(row, "state") or known.get(text(row, "status"), State.FAILED)


def settings(row: pd.Series) -> str:
    """Return a run's settings as people read them, ``features=all;latent_size=2``; as stored where unreadable."""
    stored = text(row, "settings", "{}")
    try:
        value = json.loads(stored)
    except json.JSONDecodeError:
        return stored
    return record.settings_text(value) if isinstance(value, dict) else stored


def of_kind(runs: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the runs of one kind (`affect.record.Kind`)."""
    return runs[runs["kind"] == kind] if "kind" in runs.columns else runs.iloc[:0]


def studies(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per study, newest first: its run's row, indexed by run id."""
    found = of_kind(runs, Kind.STUDY)
    return found.sort_values("start", ascending=False) if len(found) else found


def names(runs: pd.DataFrame) -> dict[str, str]:
    """Return study name → run id, newest first; a name that two studies have gets the run's first letters."""
    found: dict[str, str] = {}
    for run_id, row in studies(runs).iterrows():
        name = text(row, "study") or text(row, "name") or str(run_id)
        found[name if name not in found else f"{name} · {str(run_id)[:8]}"] = str(run_id)
    return found


def comparable(runs: pd.DataFrame, study: pd.Series) -> dict[str, str]:
    """Return the other studies with the same protocol, metric version and objective: name → run id."""
    same = ("protocol_id", "protocol", "metric_version", "objective", "weights")
    return {
        name: run_id
        for name, run_id in names(runs).items()
        if run_id != study.name
        and all(text(run(runs, run_id), tag) == text(study, tag) for tag in same)
        and searched.objectives(run(runs, run_id)) == searched.objectives(study)
    }


def figures(trial_runs: pd.DataFrame, besides: str) -> list[str]:
    """Return the costs, and the scores on validation that stand for several values, but `besides`, by full name."""
    costs = (record.COST_SECONDS, record.COST_PARAMETERS, record.COST_PEAK_MB)
    found = []
    for name in trial_runs.columns[trial_runs.notna().any()]:
        taken = record.parse_metric(str(name))
        score = taken is not None and taken[:2] == ("validation", "") and taken.target in searched.MEANS
        if (score or name in costs) and name != besides:
            found.append(str(name))
    return found


def objective_metric(row: pd.Series) -> str:
    """Return the full name of the metric that a study's search optimises on validation, as one number."""
    return searched.metric(row)


def objective_curve(row: pd.Series) -> str:
    """Return the name of the epoch curve of a study's objective, as `dashboard.store.Store.curves` names it."""
    return record.objective_curve(searched.objectives(row))


def children(runs: pd.DataFrame, study: pd.Series, kind: str) -> pd.DataFrame:
    """Return a study's trial or final runs, by their parent and, for an imported run, by the study's name."""
    found = of_kind(runs, kind)
    mine = pd.Series(False, index=found.index)
    if "parent" in found.columns:
        mine |= found["parent"] == study.name
    if "study" in found.columns and text(study, "study"):
        orphan = ~found["parent"].isin(runs.index) if "parent" in found.columns else True
        mine |= (found["study"] == text(study, "study")) & orphan
    return found[mine]


def trials(runs: pd.DataFrame, study: pd.Series, curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a study's trials, one row each in the order of their numbers.

    Columns: run_id, trial (int), state, value (objective on validation; of a pruned trial its last epoch's, from
    `curves` as `dashboard.store.Store.curves` gives them; of others nan), start, end (UTC), seconds, retry_of, reason,
    and ``param.<name>`` for each parameter that any trial has.
    """
    found = children(runs, study, Kind.TRIAL)
    score = objective_metric(study)
    last = last_values(curves, objective_curve(study))
    used = ["trial", "state", "status", "start", "end", "retry_of", "reason", score]
    rows = []
    for run_id, row in found[[c for c in used if c in found.columns]].iterrows():
        now = state(row)
        value = number(row, score)
        if now == State.PRUNED and math.isnan(value):
            value = last.get(run_id, math.nan)
        start, end = row.get("start"), row.get("end")
        seconds = (end - start).total_seconds() if pd.notna(start) and pd.notna(end) else math.nan
        rows.append(
            {
                "run_id": run_id,
                "trial": whole(text(row, "trial")),
                "state": now,
                "value": value if now in (State.COMPLETE, State.PRUNED) else math.nan,
                "start": start,
                "end": end,
                "seconds": seconds,
                "retry_of": text(row, "retry_of"),
                "reason": text(row, "reason"),
            }
        )
    columns = ["run_id", "trial", "state", "value", "start", "end", "seconds", "retry_of", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    params = [c for c in found.columns if c.startswith(PARAM) and found[c].notna().any()]
    for name in params:
        table[name] = found[name].to_numpy()
    table = table.dropna(subset=["trial"]).astype({"trial": int})
    return table.sort_values("trial", kind="stable").reset_index(drop=True)


def won(table: pd.DataFrame, study: pd.Series) -> pd.Series | None:
    """Return the row of the study's winner: of one objective the best trial, of two the one that the study names.

    Until a search of two objectives has ended, None.
    """
    if len(searched.objectives(study)) == 1:
        return best(table, text(study, "direction", "minimize"))
    found = table[table["trial"] == whole(text(study, "best_trial"))] if len(table) else table
    return found.iloc[0] if len(found) else None


def summary(runs: pd.DataFrame, study: pd.Series) -> Summary:
    """Return what the summary line of `study` (a row of the run table, its run id as name) says."""
    table = trials(runs, study)
    counts = table["state"].value_counts()
    direction = text(study, "direction", "minimize")
    winner = won(table, study)
    seconds = number(study, "deadline")
    total = whole(text(study, "trials_total"))
    finals = children(runs, study, Kind.FINAL)
    return Summary(
        study=text(study, "study") or text(study, "name") or str(study.name),
        run_id=str(study.name),
        method=text(study, "method", "unknown method"),
        dataset=text(study, "dataset", "unknown data"),
        synthetic=flag(study, "synthetic"),
        protocol=text(study, "protocol") or text(study, "experiment", "unknown protocol"),
        settings=settings(study),
        state=state(study),
        metric=objective_metric(study),
        direction=direction,
        counts={name: int(counts.get(name, 0)) for name in STATES},
        finals=sum(state(row) == State.COMPLETE for _, row in finals.iterrows()),
        repeats=whole(text(study, "repeats")) or 0,
        total=total,
        best=math.nan if winner is None else float(winner["value"]),
        best_trial=None if winner is None else int(winner["trial"]),
        seconds_left=time_left(table, total),
        deadline=None if math.isnan(seconds) else pd.Timestamp(seconds, unit="s", tz="UTC"),
        started=study.get("start"),
    )


def optimism(runs: pd.DataFrame, study: pd.Series) -> pd.DataFrame:
    """Return the winner's search value beside what its configuration scored when it was fitted again.

    One row each for the search (one fit, chosen because it was best on validation), the finals on validation and the
    finals on test: columns stage, value (mean over fits), sd (n − 1 over seeds; nan for one fit), fits, and
    difference (value minus the search's). Figures are those of the search's value. Rows without a figure are left
    out; the table is empty where the search has no winner yet.
    """
    winner = won(trials(runs, study), study)
    value = number(study, "best_value")
    if math.isnan(value) and winner is not None:
        value = float(winner["value"])
    columns = ["stage", "value", "sd", "fits", "difference"]
    if math.isnan(value):
        return pd.DataFrame(columns=columns)
    rows: list[dict[str, Any]] = [{"stage": "search, validation", "value": value, "sd": math.nan, "fits": 1}]
    finals = children(runs, study, Kind.FINAL)
    for part, label in (("validation", "refitted, validation"), ("test", "refitted, test")):
        full = searched.on(part, objective_metric(study))
        values = pd.to_numeric(finals[full], errors="coerce").dropna() if full in finals.columns else pd.Series()
        if len(values):
            rows.append({"stage": label, "value": values.mean(), "sd": values.std(), "fits": len(values)})
    return pd.DataFrame(rows).assign(difference=lambda t: t["value"] - value)[columns]


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``48 s``, ``12 min``, ``3 h 20 min``; ``unknown`` for nan."""
    if math.isnan(seconds):
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
