"""How well each feature is generated or reconstructed, beside the two baselines of the same split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import metrics, record
from training.contract import Evaluation, Findings, Fitted, Method

if TYPE_CHECKING:
    from training.data import Floats


def applies(method: Method) -> bool:
    """Say whether the method's targets are features."""
    return method.targets == "features"


def evaluate(fitted: Fitted) -> Findings:
    """Return MSE, MAE and MAE over the feature's range for each feature of the test part, with one example.

    The range is that of the train part; a feature that is constant there has none, and its mae_over_range is nan. The
    example is one test sample, drawn by the job's seed and the same for all rows: its true value, and the row's.
    """
    train, test = fitted.truth["train"], fitted.truth["test"]
    rows = {"method": fitted.outcome.predictions["test"], record.MEAN: metrics.mean_row(train, len(test))}
    if fitted.labels is not None and (fitted.labels["test"] != "").any():
        rows[record.LABEL_MEAN] = metrics.label_mean_row(train, fitted.labels["train"], fitted.labels["test"])
    span = np.ptp(train, axis=0)
    example = int(np.random.default_rng(fitted.job.seed).integers(len(test)))
    table = pd.concat([_row(row, pred, test, span, fitted.split.targets, example) for row, pred in rows.items()])
    table = table.assign(example_sample=str(fitted.test_sample[example])).reset_index(drop=True)
    if not (span > 0).any():
        return Findings({record.Artifact.FEATURE_ERRORS: table})
    return Findings(
        {record.Artifact.FEATURE_ERRORS: table},
        {
            # the mean leaves constant features out, as nan does
            record.metric("test", "mae_over_range", aspect="" if row == "method" else row): float(
                table.loc[table["row"] == row, "mae_over_range"].mean()
            )
            for row in rows
        },
    )


def _row(row: str, pred: Floats, true: Floats, span: Floats, features: tuple[str, ...], example: int) -> pd.DataFrame:
    """Return a table with a row for each feature: `pred` and `true` are (n, t), `span` is (t,).

    Samples whose `pred` is nan (they have no label) do not count.
    """
    known = np.isfinite(pred).all(axis=1)
    return pd.DataFrame(
        {
            "row": row,
            "feature": features,
            "mse": np.square(pred - true)[known].mean(axis=0),
            "mae": np.abs(pred - true)[known].mean(axis=0),
            "mae_over_range": metrics.mae_over_range(true[known], pred[known], span),
            "example_true": true[example],
            "example_pred": pred[example],
        }
    )


EVALUATION = Evaluation(applies, evaluate)
