"""Trials that were scored on several folds of train and validation: each fold's score, and each fold's epochs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect.record import FOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLD = re.compile(r"fold (\d+)/(.+)")
"""What `affect.record.fold_curve` returns."""
VALUES = ("run_id", "fold", "value")


def values(curves: pd.DataFrame, curve: str) -> pd.DataFrame:
    """Return a row for each fold that a run has been scored on: `VALUES`, by run and fold.

    curves : run_id, metric, step, value (`dashboard.store.Store.curves`).  curve : the objective's, such as val/mae.
    """
    kept = (
        curves[curves["metric"] == FOLDS + curve] if len(curves) else pd.DataFrame(columns=["run_id", "step", "value"])
    )
    table = kept.rename(columns={"step": "fold"})[list(VALUES)].drop_duplicates(["run_id", "fold"], keep="last")
    return table.astype({"run_id": str, "fold": int}).sort_values(["run_id", "fold"]).reset_index(drop=True)


def so_far(curves: pd.DataFrame, curve: str) -> dict[Any, float]:
    """Return each run's mean over the folds that it has been scored on."""
    return values(curves, curve).groupby("run_id")["value"].mean().to_dict()


def counts(curves: pd.DataFrame, curve: str) -> dict[Any, int]:
    """Return on how many folds each run has been scored."""
    return values(curves, curve).groupby("run_id").size().to_dict()


def by_fold(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of folds under the names that they have in any fit, with the number of the `fold`.

    Other curves are left out: ``fold 3/val/mae`` becomes val/mae of fold 3.
    """
    parts = curves["metric"].astype(str).str.extract(_FOLD) if len(curves) else pd.DataFrame(columns=[0, 1])
    inside = parts[1].notna()
    kept = curves[inside] if len(curves) else curves
    return kept.assign(fold=parts.loc[inside, 0].astype(int), metric=parts.loc[inside, 1])


def has_folds(metrics: Iterable[Any]) -> bool:
    """Return whether any curve is of a fold's fit."""
    return any(_FOLD.fullmatch(str(name)) for name in metrics)


def mean_over_folds(curves: pd.DataFrame) -> pd.DataFrame:
    """Return each run's mean over its folds by epoch: run_id, metric, step, value.

    curves : what `by_fold` returns. A mean ends with the shortest fold: beyond it the rest would be other persons.
    """
    found = []
    for (run_id, metric), of in curves.groupby(["run_id", "metric"], sort=False):
        wide = of.pivot_table(index="step", columns="fold", values="value").dropna()
        found.append(pd.DataFrame({"run_id": run_id, "metric": metric, "step": wide.index, "value": wide.mean(axis=1)}))
    empty = pd.DataFrame(columns=["run_id", "metric", "step", "value"])
    return pd.concat(found, ignore_index=True) if found else empty
