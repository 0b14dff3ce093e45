"""From predictions to a run's figures: tables, scores, trivial rows, and a study's summary over its final runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect import metrics, statistics
from affect.record import ALL, BASELINES, HIGH, LABEL_MEAN, LOW, MEAN, N_GROUPS, SD, metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from training.contract import Floats
    from training.splits import Protocol

FEW_TARGETS = 8
"""Up to this many targets each has its own interval and trivial rows; above, only their mean has."""


def check(protocol: Protocol, predictions: Mapping[str, Floats], parts: Iterable[str]) -> None:
    """Raise ValueError unless there is a finite (n, t) prediction for each of `parts`."""
    truth = protocol.truth()
    for part in parts:
        if part not in predictions:
            raise ValueError(f"the method gave no predictions for {part}")
        found, expected = np.shape(predictions[part]), truth[part].shape
        if found != expected:
            raise ValueError(f"predictions for {part} have shape {found}, expected {expected}")
        if not np.isfinite(predictions[part]).all():
            raise ValueError(f"predictions for {part} hold {(~np.isfinite(predictions[part])).sum()} NaN or inf values")


def scores(protocol: Protocol, predictions: Mapping[str, Floats]) -> dict[str, float]:
    """Return every regression metric of validation and, where it was predicted, test, by full name."""
    truth = protocol.truth()
    return {
        metric(part, name, target): value
        for part in ("validation", "test")
        if part in predictions
        for (name, target), value in metrics.score(truth[part], predictions[part], protocol.targets).items()
    }


def baselines(protocol: Protocol) -> dict[str, float]:
    """Return the figures of the trivial rows: always the train mean, and the train mean of the sample's label.

    The label mean is left out where a label alone determines the targets (PAD that is one constant triple per label):
    there it is no baseline but the answer.
    """
    truth, labels = protocol.truth(), protocol.labels()
    figures = {}
    for part in ("validation", "test"):
        rows = {MEAN: metrics.mean_row(truth["train"], len(truth[part]))}
        if labels is not None:
            by_label = metrics.label_mean_row(truth["train"], labels["train"], labels["train"])
            if not np.allclose(by_label, truth["train"]):
                rows[LABEL_MEAN] = metrics.label_mean_row(truth["train"], labels["train"], labels[part])
        for aspect, row in rows.items():
            for (name, target), value in metrics.score(truth[part], row, protocol.targets).items():
                if target == ALL or len(protocol.targets) <= FEW_TARGETS:
                    figures[metric(part, name, target, aspect)] = value
    return figures


def predictions_table(protocol: Protocol, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return predictions.parquet: a row per sample of a predicted part, true and predicted targets beside each other.

    Values keep float64, so that every figure can be computed again from the file to the last digit.
    """
    import pandas as pd

    data, truth, labels = protocol.data, protocol.truth(), protocol.labels()
    tables = []
    for part, predicted in predictions.items():
        rows = np.flatnonzero(protocol.part == part)
        columns: dict[str, Any] = {
            "sample": data.sample[rows],
            "group": data.group[rows],
            "sequence": (data.group if data.sequence is None else data.sequence)[rows],
            "time": np.arange(len(rows), dtype=float) if data.time is None else data.time[rows],
            "part": part,
        }
        if labels is not None:
            columns["label"] = labels[part]
        for i, target in enumerate(protocol.targets):
            columns[f"true_{target}"] = np.asarray(truth[part][:, i], dtype=float)
            columns[f"pred_{target}"] = np.asarray(predicted[:, i], dtype=float)
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def embeddings_table(protocol: Protocol, embeddings: Mapping[str, Mapping[str, Floats]]) -> pd.DataFrame:
    """Return embeddings.parquet: a row per sample and code, d0 … dn (empty beyond a shorter code's length)."""
    import pandas as pd

    tables = []
    for code, parts in embeddings.items():
        for part, values in parts.items():
            table = pd.DataFrame(values, columns=[f"d{i}" for i in range(values.shape[1])])
            table.insert(0, "sample", protocol.data.sample[protocol.part == part])
            table.insert(1, "part", part)
            table.insert(2, "code", code)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def summary(
    protocol: Protocol, finals: Sequence[Mapping[str, float]], predicted: Sequence[Floats], seed: int
) -> dict[str, float]:
    """Return a study's own figures from those of its final runs.

    Parameters
    ----------
    finals : each final's metrics by full name.
    predicted : each final's test predictions (n, t).
    seed : of the bootstrap.

    Returns
    -------
    Means over seeds under the finals' own names, their standard deviation as aspect sd, and `intervals` on test.
    """
    figures: dict[str, float] = {}
    for name in finals[0]:
        head, _, rest = name.partition("/")
        values = [final[name] for final in finals if name in final]
        if head in ("val", "test"):
            over_seeds = statistics.mean_sd(values)
            figures[name] = over_seeds.mean
            if over_seeds.sd is not None:
                figures[f"{head}.{SD}/{rest}"] = over_seeds.sd
        elif head.partition(".")[2] in BASELINES:  # the same for each seed
            figures[name] = values[0]
        elif head == "cost":
            figures[name] = float(np.mean(values))
    return {**figures, **intervals(protocol, predicted, seed)}


def intervals(protocol: Protocol, predicted: Sequence[Floats], seed: int) -> dict[str, float]:
    """Return the 95 % interval over test groups of each metric, as aspects low, high and groups; none under ten groups.

    Groups are drawn again with replacement, the metric is computed for each seed's predictions (n, t) on the same draw,
    and averaged over seeds. `seed` is the bootstrap's.
    """
    figures: dict[str, float] = {}
    few = len(protocol.targets) <= FEW_TARGETS
    over_groups = statistics.intervals(
        protocol.truth()["test"],
        np.stack(predicted),
        protocol.data.group[protocol.part == "test"],
        protocol.targets,
        seed=seed,
    )
    for (name, target), found in over_groups.items():
        if few or target == ALL:
            figures[metric("test", name, target, LOW)] = found.low
            figures[metric("test", name, target, HIGH)] = found.high
            figures[metric("test", name, target, N_GROUPS)] = found.groups
    return figures
