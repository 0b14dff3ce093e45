"""The predictions of a study's finals as one array, which is what a paired test compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from affect import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Stack(NamedTuple):
    """A study's finals on one part: sample names (n,), truth (n, t), predictions (seeds, n, t), groups (n,)."""

    sample: NDArray[np.str_]
    true: NDArray[np.generic]
    pred: NDArray[np.generic]
    group: NDArray[np.str_]

    @property
    def groups(self) -> int:
        """Number of groups behind the samples."""
        return len(set(self.group.tolist()))

    @property
    def size(self) -> int:
        """Bytes of the numbers, roughly."""
        return int(self.true.nbytes + self.pred.nbytes) + 100 * len(self.sample)


def target_names(frame: pd.DataFrame) -> list[str]:
    """Return the targets that a predictions table has both truth and prediction of, in its order."""
    return [c[5:] for c in frame.columns if c.startswith("true_") and f"pred_{c[5:]}" in frame.columns]


def stack(tables: Sequence[pd.DataFrame], target: str = record.ALL, part: str = "test") -> Stack:
    """Put the prediction tables of a study's finals into one stack, samples in the order of their names.

    ValueError where there is no table, no row of the part, no such target, a number is missing, or the finals differ
    in their samples.
    """
    if not tables:
        raise ValueError("no predictions")
    ordered = [t[t["part"] == part].sort_values("sample", kind="stable") for t in tables]
    first = ordered[0]
    wanted = target_names(first) if target == record.ALL else [target]
    if not wanted or not {f"true_{t}" for t in wanted} <= set(first.columns):
        raise ValueError(f"no predictions of {'any target' if target == record.ALL else target}")
    if first.empty:
        raise ValueError(f"no predictions of the {part} part")
    sample = first["sample"].to_numpy()
    if any(not np.array_equal(sample, other["sample"].to_numpy()) for other in ordered[1:]):
        raise ValueError("its final runs have different samples")
    columns = [f"pred_{name}" for name in wanted]
    if lost := [name for name in columns if any(name not in table for table in ordered)]:
        raise ValueError(f"a final run has no column {', '.join(lost)}")
    return Stack(
        sample,
        _values(first, [f"true_{t}" for t in wanted]),
        np.stack([_values(table, columns) for table in ordered]),
        first["group"].astype(str).to_numpy(object),
    )


def _values(table: pd.DataFrame, columns: list[str]) -> NDArray[np.generic]:
    """Return columns as numbers, or of classes as texts. ValueError where a number is not finite."""
    frame = table[columns]
    if all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes):
        numbers = frame.to_numpy(float)
        if not np.isfinite(numbers).all():
            raise ValueError(f"{', '.join(columns)} have values that are no finite numbers")
        return numbers
    return frame.astype(str).to_numpy(object)


def of_images(predictions: pd.DataFrame, reconstructions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a run's errors of reconstructed images as a table that `stack` reads, target ``picture``.

    An image's error is already a mean over its pixels: with a truth of 0 it stands as the prediction whose `metric`
    (mse or mae) is that error. ValueError where the reconstructions have no such metric.
    """
    if metric not in reconstructions:
        raise ValueError(f"reconstructions have no {metric}")
    group = predictions[["sample", "part", "group"]].merge(reconstructions[["sample", "part", metric]])
    error = np.sqrt(group[metric]) if metric == "mse" else group[metric]
    named = {f"true_{record.PICTURE}": 0.0, f"pred_{record.PICTURE}": error}
    return group.drop(columns=metric).assign(**named)


def differ(a: Stack, b: Stack) -> str:
    """Return why two stacks cannot be compared in pairs; empty where they have the same samples and truth.

    Numbers are the same within what rounding to 32 bits changes.
    """
    if not np.array_equal(a.sample, b.sample):
        return "other test samples"
    if a.true.shape != b.true.shape:
        return "other targets"
    if a.true.dtype == object or b.true.dtype == object:
        same = np.array_equal(a.true, b.true)
    else:
        same = np.allclose(a.true.astype(float), b.true.astype(float), rtol=1e-5, atol=1e-6)
    return "" if same else "other values of the same samples' annotation"
