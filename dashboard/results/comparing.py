"""Which studies a paired test over groups can tell apart, from the predictions of their final runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from affect import metrics, record, statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

TESTED = 20
"""Studies, best first, that are tested in pairs; those after them are ranked by their figure alone."""


class Stack(NamedTuple):
    """A study's finals on one part: sample names (n,), truth (n, t), predictions (seeds, n, t), groups (n,)."""

    sample: NDArray[np.str_]
    true: NDArray[np.generic]
    pred: NDArray[np.generic]
    group: NDArray[np.str_]


def target_names(frame: pd.DataFrame) -> list[str]:
    """Return the targets that a predictions table has both truth and prediction of, in its order."""
    return [c[5:] for c in frame.columns if c.startswith("true_") and f"pred_{c[5:]}" in frame.columns]


def stack(tables: Sequence[pd.DataFrame], target: str = record.ALL, part: str = "test") -> Stack:
    """Put the prediction tables of a study's finals into one stack, samples in the order of their names.

    ValueError where there is no table, no such target, or the finals differ in their samples.
    """
    if not tables:
        raise ValueError("no predictions")
    ordered = [t[t["part"] == part].sort_values("sample", kind="stable") for t in tables]
    first = ordered[0]
    wanted = target_names(first) if target == record.ALL else [target]
    if not wanted or f"true_{wanted[0]}" not in first:
        raise ValueError(f"no predictions of {target}")
    sample = first["sample"].to_numpy()
    if any(not np.array_equal(sample, other["sample"].to_numpy()) for other in ordered[1:]):
        raise ValueError("the final runs have different samples")
    return Stack(
        sample,
        first[[f"true_{t}" for t in wanted]].to_numpy(),
        np.stack([t[[f"pred_{name}" for name in wanted]].to_numpy() for t in ordered]),
        first["group"].to_numpy(),
    )


def of_pictures(predictions: pd.DataFrame, reconstructions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a run's errors of reconstructed pictures as a table that `stack` reads, target ``picture``.

    A picture's error is already a mean over its pixels: beside a truth of 0 it stands as the prediction whose `metric`
    (mse or mae) is that error.
    """
    if metric not in reconstructions:
        raise ValueError(f"reconstructions have no {metric}")
    group = predictions[["sample", "part", "group"]].merge(reconstructions[["sample", "part", metric]])
    error = np.sqrt(group[metric]) if metric == "mse" else group[metric]
    named = {f"true_{record.PICTURE}": 0.0, f"pred_{record.PICTURE}": error}
    return group.drop(columns=metric).assign(**named)


def paired(a: Stack, b: Stack, metric: str) -> statistics.Paired | None:
    """Compare two stacks by a paired test over groups; None where their samples or their truth differ."""
    if not np.array_equal(a.sample, b.sample) or not np.array_equal(a.true, b.true):
        return None
    return statistics.paired(a.true, a.pred, b.pred, a.group, metric)


def ranks(order: Sequence[str], stacks: Mapping[str, Stack], metric: str) -> dict[str, int]:
    """Return the rank of each study of `order` (best first): those that a test cannot tell apart share one.

    Each rank's best is compared with all after it, p adjusted after Holm. A study without a stack, one after the
    first `TESTED`, or a metric that cannot be tested, is ranked by its place alone.
    """
    if metric not in (*metrics.REGRESSION, *metrics.CLASSIFICATION):
        return {study: place for place, study in enumerate(order, start=1)}
    return statistics.ties(order, _Lazy(list(order), stacks, metric))


class _Lazy(dict[tuple[str, str], float]):
    """Adjusted p of pairs, computed when a pair's first study turns out to be a rank's best."""

    def __init__(self, order: list[str], stacks: Mapping[str, Stack], metric: str) -> None:
        self.order, self.stacks, self.metric = order, stacks, metric

    def __contains__(self, pair: object) -> bool:
        if isinstance(pair, tuple) and not super().__contains__(pair):
            self._compare(pair[0])
        return super().__contains__(pair)

    def _compare(self, best: str) -> None:
        after = self.order[self.order.index(best) + 1 :]
        adjusted = statistics.holm(list(self._p(best, after)))
        for study, p in zip(after, adjusted, strict=True):
            self[best, study] = 0.0 if np.isnan(p) else float(p)

    def _p(self, best: str, after: list[str]) -> Iterator[float]:
        for study in after:
            tested = self.order.index(study) < TESTED and best in self.stacks and study in self.stacks
            found = paired(self.stacks[best], self.stacks[study], self.metric) if tested else None
            yield float("nan") if found is None else found.p
