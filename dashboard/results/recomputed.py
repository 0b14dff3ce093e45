"""Scores computed now from the stored test predictions: a metric that came later needs no new training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import metrics, record
from affect.per_sequence import per_sequence
from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.results.stacks import target_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.results.comparing import Reader
    from dashboard.results.protocol import Protocol

POOLED, BY_RECORDING = "over all test samples", "mean over recordings"
FORMS = (POOLED, BY_RECORDING)
UNDEFINED = ("ccc", "pcc", "ev", "r2")
"""Metrics that mean nothing in a recording whose truth never changes; such a recording is left out of their mean."""
COLUMNS = ("study", "score", "± sd over seeds", "seeds", "recorded", "run_id")


def known(protocol: Protocol) -> tuple[str, ...]:
    """Return the metrics that can be computed from a protocol's predictions."""
    return metrics.CLASSIFICATION if protocol.record.classes else metrics.REGRESSION


def score(table: pd.DataFrame, metric: str, target: str, form: str) -> float:
    """Return one metric of the test rows of predictions.parquet; of all targets, the mean over them.

    ValueError where the table has no such target, or the form asks for recordings and there are none.
    """
    rows = table[table["part"] == "test"]
    targets = target_names(rows) if target == record.ALL else [target]
    if rows.empty or not targets or not {f"pred_{name}" for name in targets} <= set(rows.columns):
        raise ValueError(f"no test predictions of {target}")
    if form == POOLED:
        true, pred = (rows[[f"{side}_{name}" for name in targets]].to_numpy() for side in ("true", "pred"))
        return metrics.score(true, pred, targets, [metric])[metric, record.ALL]
    if "sequence" not in rows or rows["sequence"].isna().any():
        raise ValueError("its samples belong to no recordings")
    found = [
        per_sequence(metric, rows[f"true_{name}"], rows[f"pred_{name}"], rows["sequence"].astype(str))
        for name in targets
    ]
    return float(np.mean([one.changing if metric in UNDEFINED else one.mean for one in found]))


def board(
    read: Reader, protocol: Protocol, studies: Sequence[str], metric: str, target: str, form: str
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a row a study, best first (`COLUMNS`), and study → why it has none.

    A seed's score is of the test rows of all its folds together. `recorded` is what the study logged of that metric
    when it was scored, nan where it did not; of recordings only where the record has such a metric.
    """
    rows, lost = [], {}
    index = protocol.index
    logged = metric if form == POOLED else f"{metric}_per_recording"
    for study in studies:
        try:
            values = [
                score(pd.concat([read.table(run, Artifact.PREDICTIONS) for run in folds]), metric, target, form)
                for folds in index.by_seed(study)
            ]
        except (Damaged, ValueError) as problem:
            lost[study] = str(problem)
            continue
        if values:
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
            own = index.score(study, record.metric("test", logged, target))
            rows.append((index.title(study), float(np.mean(values)), sd, len(values), own, study))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    rising = metrics.DIRECTION.get(metric) != "maximize"
    return found.sort_values("score", ascending=rising, kind="stable").reset_index(drop=True), lost
