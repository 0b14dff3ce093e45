"""A study: its record, its trials, its final runs, and how far it has come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect import record as names_of
from affect.record import Kind, State
from dashboard.results import names, objective, trial_folds, trials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dashboard.results.index import Index
    from dashboard.results.record import Record

WORTH_SAYING = 30
"""Seconds from which on it is said what a study's time was spent on."""
SILENT_AFTER = 15 * 60
"""Seconds without a trial starting or ending after which a running study is called silent."""


@dataclass(frozen=True)
class Summary:
    """How far a study has come. Times are in seconds, `deadline` and `started` in UTC."""

    record: Record
    counts: Mapping[str, int]
    """Trials by state."""
    finals: int
    """Complete final runs."""
    failed_finals: int
    repeats: int
    best: float
    best_trial: int | None

    @property
    def done(self) -> int:
        """Trials that count: complete and pruned ones."""
        return self.counts[State.COMPLETE] + self.counts[State.PRUNED]

    @property
    def total(self) -> int | None:
        """Trials that the study is to reach."""
        return self.record.trials_total

    @property
    def live(self) -> bool:
        """Whether anything of the study may still change by itself."""
        return self.record.state == State.RUNNING or self.counts[State.RUNNING] > 0

    @property
    def seeds_text(self) -> str:
        """``4 of 5 seeds``, and how many of them failed."""
        text = f"{self.finals} of {self.repeats} seeds"
        return f"{text} ({self.failed_finals} failed)" if self.failed_finals else text


class Study:
    """One study of an index, or one of its test folds. What is computed from it is computed once per snapshot."""

    def __init__(self, index: Index, run_id: str, fold: int = 0) -> None:
        self.index, self.run_id, self.fold = index, run_id, fold
        self._of_folds: dict[int, Study] = {}
        self.record: Record = index.record(run_id)
        self._with_curves: tuple[tuple[dict[Any, float], dict[Any, int]], pd.DataFrame] = (({}, {}), pd.DataFrame())

    @property
    def title(self) -> str:
        """The study's unique name."""
        return self.index.title(self.run_id)

    def of_fold(self, fold: int) -> Study:
        """Return one of its test folds: its trials, its best trial and its final runs."""
        if fold not in self._of_folds:
            self._of_folds[fold] = Study(self.index, self.run_id, fold)
        return self._of_folds[fold]

    def _places(self, kind: str | None = None) -> NDArray[np.int64]:
        """Return the places of its runs in the run table."""
        return self.index.children(self.run_id, kind, self.fold)

    # ----------------------------------------------------------------------------------------------------- runs

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The rows of its trials, finals and prerequisites, with the columns that any of them has a value in."""
        rows = self.index.with_metrics(self._places())
        return rows.loc[:, rows.notna().any().to_numpy(bool) | rows.columns.isin(["start", "end", *names_of.TAGS])]

    @cached_property
    def trial_runs(self) -> pd.DataFrame:
        """The rows of its trials."""
        return self.runs[self.index.kinds[self._places()] == Kind.TRIAL]

    @cached_property
    def trial_ids(self) -> list[str]:
        """Run ids of its trials."""
        return [str(run_id) for run_id in self.trial_runs.index]

    @cached_property
    def finals(self) -> list[Record]:
        """Its complete finals, lowest seed first."""
        return [run for run in self.index.finals(self.run_id) if not self.fold or run.fold == self.fold]

    @cached_property
    def failed_finals(self) -> list[Record]:
        """Its finals that failed, a result as well: their `reason` says why, their log has the traceback."""
        places = self._places(Kind.FINAL)
        failed = places[self.index.states[places] == State.FAILED]
        runs = self.index.records(str(run_id) for run_id in self.index.runs.index[failed])
        # a final that was killed is scored again: only one without a complete twin is a result
        complete = {(run.seed, run.fold) for run in self.finals}
        return [run for run in runs if run.failed or (run.seed, run.fold) not in complete]

    # --------------------------------------------------------------------------------------------------- trials

    @property
    def metric(self) -> str:
        """Full name of the objective on validation, as one number."""
        return objective.metric(self.record)

    @property
    def curve(self) -> str:
        """Name of the objective's curve by epoch, as `dashboard.store.Store.curves` names it."""
        return names_of.objective_curve(self.record.objectives)

    @property
    def label(self) -> str:
        """What an axis of the objective is called."""
        return objective.label(self.metric, bool(self.record.weights))

    @cached_property
    def _trials(self) -> pd.DataFrame:
        places = self._places(Kind.TRIAL)
        return trials.table(self.trial_runs, self.index.states[places], self.metric)

    def trials(self, curves: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return its trials (`trials.COLUMNS` and parameters).

        `curves` give a pruned trial the value of its last epoch. In a search on folds it is the mean over the folds so
        far, and `scored_folds` says how many they are.
        """
        places = self._places(Kind.TRIAL)
        states = self.index.states[places]
        pruned = set(self.trial_runs.index[states == State.PRUNED])
        on_folds = bool(self.record.search_folds)
        if curves is None or not (pruned or on_folds):
            return self._trials
        values = trial_folds.so_far if on_folds else trials.last_values
        last = values(curves[curves["run_id"].isin(pruned)], self.curve)
        counts = trial_folds.counts(curves, self.curve) if on_folds else {}
        if not last and not counts:
            return self._trials
        known, table = self._with_curves
        if (last, counts) != known:
            table = trials.table(self.trial_runs, states, self.metric, last)
            if on_folds:
                table["scored_folds"] = table["run_id"].map(counts).fillna(0).astype(int)
            self._with_curves = (last, counts), table
        return table

    @cached_property
    def folds(self) -> list[int]:
        """The numbers of its test folds, each with a search of its own; empty where it has one test part."""
        if self.fold:
            return []
        known = self._trials["fold"].dropna() if "fold" in self._trials else pd.Series(dtype=float)
        return sorted({int(fold) for fold in known})

    @cached_property
    def winner(self) -> pd.Series | None:
        """The row of the best trial; of two objectives the one that the study names. None before there is one.

        A study that is tested by folds has a best trial in each of them, and none of its own.
        """
        return None if self.folds else trials.winner(self._trials, self.record)

    @property
    def best_number(self) -> int | None:
        """The number of the best trial."""
        return None if self.winner is None else int(self.winner["trial"])

    @property
    def groups_word(self) -> str:
        """What the split keeps together, as several: persons, clips."""
        return names.plural(self.record.group_kind)

    @cached_property
    def best_parameters(self) -> pd.DataFrame:
        """The best trial's configuration: parameter, value."""
        row = self.winner
        kept = [] if row is None else [c for c in row.index if str(c).startswith(trials.PARAM) and pd.notna(row[c])]
        pairs = [(str(c).removeprefix(trials.PARAM), row[c]) for c in kept] if row is not None else []
        return pd.DataFrame(pairs, columns=["parameter", "value"])

    @cached_property
    def summary(self) -> Summary:
        """How far the study has come."""
        counts = self._trials["state"].value_counts()
        best = self.winner
        complete, repeats = self.index.seeds(self.run_id)
        return Summary(
            record=self.record,
            counts={name: int(counts.get(name, 0)) for name in trials.STATES},
            finals=complete,
            failed_finals=len(self.failed_finals),
            repeats=repeats,
            best=math.nan if best is None else float(best["value"]),
            best_trial=None if best is None else int(best["trial"]),
        )

    def silent_for(self, now: pd.Timestamp) -> float | None:
        """Return the seconds since a running study's last sign of life where they are many, else None.

        A process that was killed leaves its study marked as running: this is how a page tells. Many are more than a
        quarter of an hour and more than three times the longest trial.
        """
        if not self.summary.live:
            return None
        start, end = self.runs["start"], self.runs["end"]
        times = [time for time in (self.record.start, start.max(), end.max()) if pd.notna(time)]
        if not times:
            return None
        longest = (end - start).dt.total_seconds().max()
        seconds = float((now - max(times)).total_seconds())
        return seconds if seconds > max(SILENT_AFTER, 0 if math.isnan(longest) else 3 * longest) else None

    @property
    def time_text(self) -> str:
        """How long the study took, and what its trials and final runs spent on other things than fits."""
        if self.summary.live or math.isnan(self.record.seconds):
            return ""
        text = f"Took {names.duration(self.record.seconds)} from start to end"
        if self.record.seconds < WORTH_SAYING:
            return f"{text}."
        kinds = self.index.kinds[self.index.children(self.run_id)]
        seconds = (self.runs["end"] - self.runs["start"]).dt.total_seconds()
        fits = self.runs.get(names_of.COST_SECONDS, pd.Series(math.nan, self.runs.index))
        parts = []
        for kind, called in ((Kind.TRIAL, "trials"), (Kind.FINAL, "final runs")):
            known = (kinds == kind) & seconds.notna().to_numpy() & fits.notna().to_numpy()
            if known.any():
                took, fitting = float(seconds[known].sum()), float(fits[known].sum())
                parts.append(f"{called} {names.duration(took)}, of which fits {names.duration(min(fitting, took))}")
        if not parts:
            return f"{text}."
        return f"{text}: {'; '.join(parts)}. The rest is reading data, scoring, and the evaluations of final runs."

    # ------------------------------------------------------------------------------------------------- findings

    @cached_property
    def optimism(self) -> pd.DataFrame:
        """The best trial's search score beside what its configuration scored when it was fitted again.

        One row each for the search (one fit, or one on each fold, chosen because it was best on validation), the finals
        on validation and the finals on test: columns stage, value (mean over fits), sd (n − 1 over seeds; nan of the
        search), fits, and difference (value minus the search's). Rows without a score are left out; empty before there
        is a best trial.
        """
        value = math.nan if self.fold else self.record.best_value
        if math.isnan(value) and self.winner is not None:
            value = float(self.winner["value"])
        columns = ["stage", "value", "sd", "fits", "difference"]
        if math.isnan(value):
            return pd.DataFrame(columns=columns)
        folds, searches = self.record.search_folds, max(len(self.folds), 1)
        stage = f"search, mean over {objective.folds(self.record)}" if folds else "search, validation"
        fits = (folds or 1) * searches
        rows: list[dict[str, Any]] = [{"stage": stage, "value": value, "sd": math.nan, "fits": fits}]
        finals = self.runs.loc[[run.run_id for run in self.finals if run.run_id in self.runs.index]]
        for part, label in (("validation", "refitted, validation"), ("test", "refitted, test")):
            full = objective.on(part, self.metric)
            scores = pd.to_numeric(finals[full], errors="coerce").dropna() if full in finals else pd.Series(dtype=float)
            if len(scores):
                rows.append({"stage": label, "value": scores.mean(), "sd": scores.std(), "fits": len(scores)})
        return pd.DataFrame(rows).assign(difference=lambda t: t["value"] - value)[columns]

    @cached_property
    def comparable(self) -> dict[str, str]:
        """Title → run id of the other studies of the same protocol, metric version and objective."""
        protocol, own = self.index.protocol_of(self.run_id), self.record
        others = [] if protocol is None else self.index.records(s for s in protocol.studies if s != self.run_id)
        return {
            self.index.title(other.run_id): other.run_id
            for other in others
            if (other.metric_version, other.objectives, other.weights)
            == (own.metric_version, own.objectives, own.weights)
        }

    @cached_property
    def trial_metrics(self) -> list[str]:
        """Costs, and the scores on validation that stand for several values, but the objective, by full name."""
        found = []
        for name in self.trial_runs.columns[self.trial_runs.notna().any()]:
            taken = names_of.parse_metric(str(name))
            score = taken is not None and taken[:2] == ("validation", "") and taken.target in objective.MEANS
            if (score or name in objective.COSTS) and name != self.record.objectives[0]:
                found.append(str(name))
        return found
