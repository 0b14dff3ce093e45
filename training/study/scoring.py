"""From predictions to a run's figures: tables, scores, trivial rows, and a study's summary over its final runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect import metrics, statistics
from affect.record import (
    ALL,
    BASELINES,
    HIGH,
    LABEL_MEAN,
    LOW,
    MAJORITY,
    MEAN,
    N_GROUPS,
    PICTURE,
    SD,
    Artifact,
    metric,
)
from training.contract import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from training.contract import Floats, Method, Outcome, Values
    from training.protocols import Protocol

FEW_TARGETS = 8
"""Up to this many targets each has its own interval and trivial rows; above, only their mean has."""


def check(protocol: Protocol, outcome: Outcome, parts: Iterable[str]) -> None:
    """Raise ValueError unless there is a finite prediction for each sample of `parts`.

    That is (n, t), or of a classifier the probabilities (n, c) of its classes. Images, where a method gives any, are
    of the shape and kind of what it was handed.
    """
    truth = protocol.truth()
    for part in parts:
        if part not in outcome.predictions:
            raise ValueError(f"the method gave no predictions for {part}")
        values: Any = outcome.predictions[part]
        found, expected = np.shape(values), (len(truth[part]), len(protocol.classes or protocol.targets))
        if found != expected:
            raise ValueError(f"predictions for {part} have shape {found}, expected {expected}")
        if not np.isfinite(values).all():
            raise ValueError(f"predictions for {part} hold {(~np.isfinite(values)).sum()} NaN or inf values")
        if protocol.classes and not (np.all(values >= 0) and np.allclose(np.sum(values, axis=1), 1, atol=1e-3)):
            raise ValueError(f"predictions for {part} are no probabilities of {len(protocol.classes)} classes")
        if part in outcome.images:
            again = outcome.images[part]
            wanted = (len(truth[part]), *protocol.data.blocks[IMAGES].values.shape[1:])
            if again.shape != wanted or again.dtype != np.uint8:
                raise ValueError(f"images for {part} are {again.dtype} {again.shape}, expected uint8 {wanted}")


def predicted(protocol: Protocol, values: Floats) -> Values:
    """Return predictions as the truth has them: numbers (n, t), or the most probable class of each row (n, 1)."""
    if not protocol.classes:
        return values
    names: Values = np.array(protocol.classes)[np.argmax(values, axis=1)][:, None]
    return names


def scores(protocol: Protocol, outcome: Outcome, method: Method) -> dict[str, float]:
    """Return every metric of validation and, where it was predicted, test, by full name.

    Beside the targets' are the errors of reconstructed images, and what the search optimises where that is a sum.
    """
    truth = protocol.truth()
    figures: dict[str, float] = {}
    for part in ("validation", "test"):
        if part not in outcome.predictions:
            continue
        found = metrics.score(
            truth[part], predicted(protocol, outcome.predictions[part]), protocol.targets, protocol.metrics
        )
        if part in outcome.images:
            errors = image_errors(_images(protocol, part), outcome.images[part])
            found |= {(name, PICTURE): float(values.mean()) for name, values in errors.items()}
        if len(method.objective_weights) > 1:
            found[method.objective, method.objective_target] = method.objective_value(
                {target: found[method.objective, target] for target in method.objective_weights}
            )
        figures |= {metric(part, name, target): value for (name, target), value in found.items()}
    return figures


def objectives(method: Method, *, multi_objective: bool = False) -> list[str]:
    """Return the full names of the metrics that the search optimises: one, or each target's if `multi_objective`."""
    targets = list(method.objective_weights) if multi_objective else [method.objective_target]
    return [metric("validation", method.objective, target) for target in targets]


def baselines(protocol: Protocol, *, images: bool = False) -> dict[str, float]:
    """Return the figures of the trivial rows: always the train mean, and the train mean of the sample's label.

    The label mean is left out where a label alone determines the targets (PAD that is one constant triple per label):
    there it is no baseline but the answer. A classifier's row is always the most frequent class of train. With
    `images`, the mean train image stands for every reconstruction.
    """
    truth, labels = protocol.truth(), protocol.labels()
    figures = {}
    for part in ("validation", "test"):
        rows: dict[str, Any] = {}
        if protocol.classes:
            rows[MAJORITY] = metrics.majority_row(truth["train"][:, 0], len(truth[part]))[:, None]
        else:
            rows[MEAN] = metrics.mean_row(truth["train"], len(truth[part]))
            if labels is not None:
                by_label = metrics.label_mean_row(truth["train"], labels["train"], labels["train"])
                if not np.allclose(by_label, truth["train"]):
                    rows[LABEL_MEAN] = metrics.label_mean_row(truth["train"], labels["train"], labels[part])
        for aspect, row in rows.items():
            for (name, target), value in metrics.score(truth[part], row, protocol.targets, protocol.metrics).items():
                if target == ALL or len(protocol.targets) <= FEW_TARGETS:
                    figures[metric(part, name, target, aspect)] = value
        if images:
            mean = _images(protocol, "train").mean(axis=0).round().astype(np.uint8)
            true = _images(protocol, part)
            errors = image_errors(true, np.broadcast_to(mean, true.shape))
            figures |= {metric(part, name, PICTURE, MEAN): float(values.mean()) for name, values in errors.items()}
    return figures


def _images(protocol: Protocol, part: str) -> Values:
    images: Values = protocol.data.blocks[IMAGES].values[protocol.rows(part)]
    return images


def image_errors(true: Values, again: Values) -> dict[str, Values]:
    """Return mse and mae (n,) of each image, uint8 (n, …), over its pixels, whose full range is 1."""
    found: dict[str, list[Values]] = {"mse": [], "mae": []}
    for rows in np.array_split(np.arange(len(true)), max(1, len(true) // 512)):  # float copies of all would be large
        error = (again[rows].astype(np.float64) - true[rows]) / 255
        axes = tuple(range(1, error.ndim))
        found["mse"].append(np.mean(error**2, axis=axes))
        found["mae"].append(np.mean(np.abs(error), axis=axes))
    return {name: np.concatenate(values) for name, values in found.items()}


def tables(protocol: Protocol, outcome: Outcome) -> dict[str, pd.DataFrame]:
    """Return the artifacts from which a final's scores can be computed again, by file name."""
    made = {Artifact.PREDICTIONS: predictions_table(protocol, outcome.predictions)}
    if outcome.images:
        made[Artifact.RECONSTRUCTIONS] = reconstructions_table(protocol, outcome.images)
    return made


def reconstructions_table(protocol: Protocol, images: Mapping[str, Values]) -> pd.DataFrame:
    """Return reconstructions.parquet: the errors of each image that was reconstructed."""
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": protocol.data.sample[protocol.rows(part)],
                    "part": part,
                    **image_errors(_images(protocol, part), again),
                }
            )
            for part, again in images.items()
        ],
        ignore_index=True,
    )


def predictions_table(protocol: Protocol, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return predictions.parquet: a row per sample of a predicted part, true and predicted targets beside each other.

    Values keep float64, so that every figure can be computed again from the file to the last digit.
    """
    import pandas as pd

    data, truth, labels = protocol.data, protocol.truth(), protocol.labels()
    tables = []
    for part, values in predictions.items():
        rows = protocol.rows(part)
        columns: dict[str, Any] = {
            "sample": data.sample[rows],
            "group": data.group[rows],
            "sequence": (data.group if data.sequence is None else data.sequence)[rows],
            "time": np.arange(len(rows), dtype=float) if data.time is None else data.time[rows],
            "part": part,
        }
        if labels is not None:
            columns["label"] = labels[part]
        kind = str if protocol.classes else float
        found = predicted(protocol, values)
        for i, target in enumerate(protocol.targets):
            columns[f"true_{target}"] = np.asarray(truth[part][:, i], dtype=kind)
            columns[f"pred_{target}"] = np.asarray(found[:, i], dtype=kind)
        for i, name in enumerate(protocol.classes):
            columns[f"prob_{name}"] = np.asarray(values[:, i], dtype=float)
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def embeddings_table(protocol: Protocol, embeddings: Mapping[str, Mapping[str, Floats]]) -> pd.DataFrame:
    """Return embeddings.parquet: a row per sample and code, d0 … dn (empty beyond a shorter code's length)."""
    import pandas as pd

    tables = []
    for code, parts in embeddings.items():
        for part, values in parts.items():
            table = pd.DataFrame(values, columns=[f"d{i}" for i in range(values.shape[1])])
            table.insert(0, "sample", protocol.data.sample[protocol.rows(part)])
            table.insert(1, "part", part)
            table.insert(2, "code", code)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def summary(
    protocol: Protocol, finals: Sequence[Mapping[str, float]], on_test: Sequence[Values], seed: int
) -> dict[str, float]:
    """Return a study's own figures from those of its final runs.

    Parameters
    ----------
    finals : each final's metrics by full name.
    on_test : each final's test predictions, numbers or class names (n, t).
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
    return {**figures, **intervals(protocol, on_test, seed)}


def intervals(protocol: Protocol, on_test: Sequence[Values], seed: int) -> dict[str, float]:
    """Return the 95 % interval over test groups of each metric, as aspects low, high and groups; none under ten groups.

    Groups are drawn again with replacement, the metric is computed for each seed's predictions, numbers or class names
    (n, t), on the same draw, and averaged over seeds. `seed` is the bootstrap's.
    """
    figures: dict[str, float] = {}
    few = len(protocol.targets) <= FEW_TARGETS
    over_groups = statistics.intervals(
        protocol.truth()["test"],
        np.stack(on_test),
        protocol.data.group[protocol.rows("test")],
        protocol.targets,
        protocol.metrics,
        seed=seed,
    )
    for (name, target), found in over_groups.items():
        if few or target == ALL:
            figures[metric("test", name, target, LOW)] = found.low
            figures[metric("test", name, target, HIGH)] = found.high
            figures[metric("test", name, target, N_GROUPS)] = found.groups
    return figures
