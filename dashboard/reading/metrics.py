"""The metrics of all runs, kept as a store has them: a name and a value each, and no cell for what a run lacks.

Stores have thousands of metric names and a run has some dozens, so that a table of all runs and all metrics would be
nearly empty. Tables are made of what is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STR = pd.StringDtype(na_value=np.nan)


class Metrics:
    """Scores and costs of n runs.

    Parameters
    ----------
    names : the metrics' full names, (k,).
    run, name, value : one entry each: the run's place in the run table, the name's in `names`, and the number.
    n : how many runs there are.
    """

    def __init__(
        self,
        names: Sequence[str],
        run: NDArray[np.integer[Any]],
        name: NDArray[np.integer[Any]],
        value: NDArray[np.float64],
        n: int,
    ) -> None:
        used, name = np.unique(name, return_inverse=True)
        self.names = sorted(names[place] for place in used)
        rank = {one: place for place, one in enumerate(self.names)}
        name = np.array([rank[names[place]] for place in used], np.int32)[name]
        # by run, and in a run by name: what a page asks for most are some runs
        order = np.lexsort((name, run))
        self._name, self._value = name[order], np.asarray(value, np.float64)[order]
        self._begin = np.concatenate([[0], np.cumsum(np.bincount(run, minlength=n))]).astype(np.int64)
        self._rank = rank

    @classmethod
    def from_table(cls, frame: pd.DataFrame) -> Metrics:
        """Return the numbers of a table with a row a run and a column a metric."""
        block = frame.to_numpy(np.float64, na_value=np.nan)
        run, name = np.nonzero(~np.isnan(block))
        return cls([str(column) for column in frame.columns], run, name, block[run, name], len(frame))

    def __len__(self) -> int:
        return len(self._begin) - 1

    def __contains__(self, full: object) -> bool:
        return full in self._rank

    def values(self, full: str) -> NDArray[np.float64]:
        """Return one metric of every run (n,), nan where a run has none."""
        dense = np.full(len(self), np.nan)
        if full in self._rank:
            places = np.flatnonzero(self._name == self._rank[full])
            dense[np.searchsorted(self._begin, places, side="right") - 1] = self._value[places]
        return dense

    def score(self, run: int, full: str) -> float:
        """Return one metric of the run at a place, nan where it has none."""
        rank = self._rank.get(full)
        begin, end = self._begin[run], self._begin[run + 1]
        place = begin if rank is None else begin + np.searchsorted(self._name[begin:end], rank)
        there = rank is not None and place < end and self._name[place] == rank
        return float(self._value[place]) if there else float("nan")

    def of_run(self, run: int) -> dict[str, float]:
        """Return every metric of the run at a place by its full name, in the order of the names."""
        entries = slice(self._begin[run], self._begin[run + 1])
        names = (self.names[one] for one in self._name[entries])
        return dict(zip(names, self._value[entries].tolist(), strict=True))

    def table(self, runs: NDArray[np.integer[Any]], index: pd.Index) -> pd.DataFrame:
        """Return the metrics that any of the runs at these places has, a column each; `index` names the runs."""
        counts = self._begin[runs + 1] - self._begin[runs]
        row = np.repeat(np.arange(len(runs)), counts)
        entry = np.repeat(self._begin[runs] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        used, column = np.unique(self._name[entry], return_inverse=True)
        block = np.full((len(used), len(runs)), np.nan)
        block[column, row] = self._value[entry]
        return pd.DataFrame(
            block.T, index=index, columns=pd.Index([self.names[one] for one in used], dtype=STR), copy=False
        )
