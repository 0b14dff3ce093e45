"""Columns of the run table as arrays, each made once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from dashboard.results import record as records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dashboard.reading.table import Runs

FEW = 8
"""Records up to which values are taken one by one."""


class Columns:
    """The runs of `dashboard.store.Store.runs`, column by column.

    `runs` is their table of tags and parameters, `metrics` what they scored and cost.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs, self.metrics = runs.table, runs.metrics
        self._values: dict[str, NDArray[np.float64]] = {}
        self._categories: dict[str, list[Any]] = {}

    def texts(self, column: str) -> NDArray[Any]:
        """Return a column of tags as texts (n,), empty where a run has none."""
        if column not in self.runs:
            return np.full(len(self.runs), "", object)
        values = self.runs[column].astype(object)
        return values.where(values.notna(), "").astype(str).to_numpy(object)

    def metric(self, full: str, run_ids: Iterable[str]) -> pd.Series:
        """Return a metric of some runs by its full name, nan where a run has none."""
        ids = pd.Index(list(run_ids), dtype=object)
        return pd.Series(self.values(full)[self.runs.index.get_indexer(ids)], index=ids, dtype=float)

    def values(self, full: str) -> NDArray[np.float64]:
        """Return a metric of every run (n,) in the order of the run table, nan where a run has none."""
        if full not in self._values:
            self._values[full] = self.metrics.values(full)
        return self._values[full]

    def score(self, run_id: str, full: str) -> float:
        """Return one metric of a run by its full name, nan where the run has none."""
        return self.metrics.score(self.place(run_id), full)

    def scores(self, run_id: str) -> dict[str, float]:
        """Return every score and cost of a run by its full name."""
        return self.metrics.of_run(self.place(run_id))

    def place(self, run_id: str) -> int:
        """Return the place of a run in the run table. KeyError where the store has no such run."""
        return cast("int", self.runs.index.get_loc(run_id))

    def with_metrics(self, places: NDArray[np.integer[Any]]) -> pd.DataFrame:
        """Return the rows of the runs at some places, with a column for each metric that any of them has."""
        rows = self.runs.iloc[places]
        return pd.concat([rows, self.metrics.table(np.asarray(places, np.int64), rows.index)], axis=1)

    @cached_property
    def kinds(self) -> NDArray[Any]:
        """What each run is (n,)."""
        return self.texts("kind")

    @cached_property
    def states(self) -> NDArray[Any]:
        """Each run's state (n,); a run without one (killed before it could write it) goes by MLflow's status."""
        state, status = self.texts("state"), self.texts("status")
        for place in np.flatnonzero(~np.isin(state, records.STATES)):
            state[place] = records.state("", str(status[place]))
        return state

    @cached_property
    def ids(self) -> NDArray[Any]:
        """Run ids (n,)."""
        return self.runs.index.to_numpy(object)

    @cached_property
    def put_aside(self) -> NDArray[np.bool_]:
        """Whether a person archived each run (n,)."""
        column = self.runs["archived"] if "archived" in self.runs else pd.Series(False, index=self.runs.index)
        return (self.texts("archived") == "True") | (column.astype(object) == True).to_numpy(bool)  # noqa: E712

    @cached_property
    def unarchived(self) -> int:
        """How many runs nobody archived."""
        return int((~self.put_aside).sum())

    def taken(self, column: str, places: NDArray[Any]) -> list[Any]:
        """Return a column's values at some places; a missing one is None, nan or NA."""
        values = self.runs[column].array
        if isinstance(values, pd.Categorical):
            if column not in self._categories:  # made a list once: a page asks for one record after the other
                self._categories[column] = [*values.categories.tolist(), None]
            categories = self._categories[column]
            return [categories[code] for code in values.codes[places]]
        if len(places) < FEW:
            return [values[int(place)] for place in places]
        return list(values.take(places).tolist())
