"""From predictions to what a run records: tables, scores, baselines, and a study's summary over its final runs."""

from __future__ import annotations

import dataclasses
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
    N_SEEDS,
    N_UNDEFINED,
    PICTURE,
    SD,
    Artifact,
    metric,
)
from training.contract import CLASSES, IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from training.contract import Method, Outcome
    from training.data import Floats, Split, Values
    from training.protocols import Protocol

FEW_TARGETS = 8
"""Up to this many targets each has its own interval and baselines; above, only their mean has."""


def check(protocol: Protocol, outcome: Outcome, parts: Iterable[str]) -> None:
    """Raise ValueError unless there is a finite prediction for each sample of `parts`.

    That is (n, t), or of a classifier the probabilities (n, c) of its classes. Images, where a method gives any, have
    the shape and type of those that it was given.
    """
    truth = protocol.truth()
    for part in parts:
        if part not in outcome.predictions:
            raise ValueError(f"the method gave no predictions for {part}")
        values: Any = outcome.predictions[part]
        shape, expected = np.shape(values), (len(truth[part]), len(protocol.classes or protocol.targets))
        if shape != expected:
            raise ValueError(f"predictions for {part} have shape {shape}, expected {expected}")
        if not np.isfinite(values).all():
            raise ValueError(f"predictions for {part} hold {(~np.isfinite(values)).sum()} NaN or inf values")
        if protocol.classes and not (np.all(values >= 0) and np.allclose(np.sum(values, axis=1), 1, atol=1e-3)):
            raise ValueError(f"predictions for {part} are no probabilities of {len(protocol.classes)} classes")
        if part in outcome.images:
            reconstructed = outcome.images[part]
            wanted = (len(truth[part]), *protocol.data.blocks[IMAGES].values.shape[1:])
            if reconstructed.shape != wanted or reconstructed.dtype != np.uint8:
                raise ValueError(
                    f"images for {part} are {reconstructed.dtype} {reconstructed.shape}, expected uint8 {wanted}"
                )


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
    by_name: dict[str, float] = {}
    for part in ("validation", "test"):
        if part not in outcome.predictions:
            continue
        of_part = metrics.score(
            truth[part], predicted(protocol, outcome.predictions[part]), protocol.targets, protocol.metrics
        )
        if part in outcome.images:
            errors = image_errors(_images(protocol, part), outcome.images[part])
            of_part |= {(name, PICTURE): float(values.mean()) for name, values in errors.items()}
        if len(method.objective_weights) > 1:
            of_part[method.objective, method.objective_target] = method.objective_value(
                {target: of_part[method.objective, target] for target in method.objective_weights}
            )
        by_name |= {metric(part, name, target): value for (name, target), value in of_part.items()}
    return by_name


def on_validation(method: Method, split: Split, predictions: Floats, images: Any = None) -> float:
    """Return the method's objective on validation, from predictions of it and, where it weighs them, images.

    `predictions` are those of an `Outcome`: numbers (n, t), or of a classifier probabilities (n, c). Nan where one is
    not finite: a fit that diverges so ends with the best weights before.
    """
    if not np.isfinite(predictions).all():
        return float("nan")
    part, names = split.validation, (method.objective,)
    true: Any = part.targets()
    pred: Any = predictions
    if split.classes:
        classes = np.array(split.classes)
        true, pred = classes[true][:, None], classes[np.argmax(predictions, axis=1)][:, None]
    targets = (CLASSES,) if split.classes else split.targets
    of_target = {target: value for (_, target), value in metrics.score(true, pred, targets, names).items()}
    if images is not None:
        of_target[PICTURE] = float(image_errors(np.asarray(part.x), images)[method.objective].mean())
    missing = [target for target in method.objective_weights if target not in of_target]
    if missing:
        raise ValueError(f"the objective weights {missing[0]}, which was not given to be scored")
    return float(method.objective_value(of_target))


def generated_table(
    split: Split, step: int, images: NDArray[np.uint8], predictions: Floats | None = None
) -> pd.DataFrame:
    """Return rows of samples.parquet for images uint8 (n, 3, h, w) that a method generated at `step`.

    `predictions` are the targets (n, t), or probabilities of classes (n, c), that they were generated for; valence,
    arousal and the class stand in their columns.
    """
    import pandas as pd

    from training.evaluation.samples import png

    columns: dict[str, Any] = {"valence": np.nan, "arousal": np.nan, "label": ""}
    if predictions is not None and split.classes:
        columns["label"] = np.array(split.classes)[np.argmax(predictions, axis=1)]
    elif predictions is not None:
        by_target = dict(zip(split.targets, np.asarray(predictions, dtype=float).T, strict=True))
        columns |= {name: values for name, values in by_target.items() if name in columns}
    return pd.DataFrame(
        {
            "kind": "generated",
            "sample": [str(i) for i in range(len(images))],
            "code": "",
            "step": float(step),
            "png": [png(image) for image in images],
            **columns,
        }
    )


def without_validation_in_train(split: Split, outcome: Outcome) -> Outcome:
    """Return the outcome of a fit on train and validation together as that of `split`: train without validation.

    Its train part held the rows of train first and those of validation after them.
    """
    n = len(split.train)

    def cut(parts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[:n] if name == "train" else values for name, values in parts.items()}

    return dataclasses.replace(
        outcome,
        predictions=cut(outcome.predictions),
        images=cut(outcome.images),
        embeddings={code: cut(parts) for code, parts in outcome.embeddings.items()},
    )


def objectives(method: Method, *, multi_objective: bool = False) -> list[str]:
    """Return the full names of the metrics that the search optimises: one, or each target's if `multi_objective`."""
    targets = list(method.objective_weights) if multi_objective else [method.objective_target]
    return [metric("validation", method.objective, target) for target in targets]


def baselines(protocol: Protocol, *, images: bool = False) -> dict[str, float]:
    """Return the scores of the baselines (`baseline_rows`) on validation and test, by full name.

    With `images`, the mean train image stands for every reconstruction.
    """
    truth = protocol.truth()
    by_name: dict[str, float] = {}
    for part in ("validation", "test"):
        for aspect, row in baseline_rows(protocol, part).items():
            by_name |= baseline_scores(protocol, part, aspect, truth[part], row)
        if images:
            mean = _images(protocol, "train").mean(axis=0).round().astype(np.uint8)
            true = _images(protocol, part)
            errors = image_errors(true, np.broadcast_to(mean, true.shape))
            by_name |= {metric(part, name, PICTURE, MEAN): float(values.mean()) for name, values in errors.items()}
    return by_name


def baseline_rows(protocol: Protocol, part: str) -> dict[str, Any]:
    """Return aspect → what a baseline predicts for a part (n, t): the train mean, and the train mean of the label.

    The label mean is left out where a label alone determines the targets (PAD that is one constant triple per label):
    there it is no baseline but the answer. Rows without a label are nan in it. A classifier's baseline is always the
    most frequent class of train.
    """
    truth, labels = protocol.truth(), protocol.labels()
    n = len(truth[part])
    if protocol.classes:
        return {MAJORITY: metrics.majority_row(truth["train"][:, 0], n)[:, None]}
    rows = {MEAN: metrics.mean_row(truth["train"], n)}
    if labels is not None:
        by_label = metrics.label_mean_row(truth["train"], labels["train"], labels["train"])
        known = labels["train"] != ""
        if known.any() and not np.allclose(by_label[known], truth["train"][known]):
            rows[LABEL_MEAN] = metrics.label_mean_row(truth["train"], labels["train"], labels[part])
    return rows


def baseline_scores(protocol: Protocol, part: str, aspect: str, true: Values, row: Values) -> dict[str, float]:
    """Return every metric of a baseline's rows (n, t) by full name; of many targets only their mean.

    Rows that are nan are left out; without any other there is no metric.
    """
    known = np.ones(len(row), dtype=bool) if protocol.classes else np.isfinite(row).all(axis=1)
    if not known.any():
        return {}
    few = len(protocol.targets) <= FEW_TARGETS
    scored = metrics.score(true[known], row[known], protocol.targets, protocol.metrics)
    return {metric(part, name, target, aspect): v for (name, target), v in scored.items() if target == ALL or few}


def _images(protocol: Protocol, part: str) -> Values:
    images: Values = protocol.data.blocks[IMAGES].values[protocol.rows(part)]
    return images


def image_errors(true: Values, reconstructed: Values) -> dict[str, Values]:
    """Return mse and mae (n,) of each image, uint8 (n, …), over its pixels, whose full range is 1."""
    errors: dict[str, list[Values]] = {"mse": [], "mae": []}
    for rows in np.array_split(np.arange(len(true)), max(1, len(true) // 512)):  # float copies of all would be large
        error = (reconstructed[rows].astype(np.float64) - true[rows]) / 255
        axes = tuple(range(1, error.ndim))
        errors["mse"].append(np.mean(error**2, axis=axes))
        errors["mae"].append(np.mean(np.abs(error), axis=axes))
    return {name: np.concatenate(values) for name, values in errors.items()}


def tables(protocol: Protocol, outcome: Outcome) -> dict[str, pd.DataFrame]:
    """Return the artifacts from which a final's scores can be computed again, by file name."""
    of_name = {Artifact.PREDICTIONS: predictions_table(protocol, outcome.predictions)}
    if outcome.images:
        of_name[Artifact.RECONSTRUCTIONS] = reconstructions_table(protocol, outcome.images)
    return of_name


def reconstructions_table(protocol: Protocol, images: Mapping[str, Values]) -> pd.DataFrame:
    """Return reconstructions.parquet: the errors of each image that was reconstructed."""
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": protocol.data.sample[protocol.rows(part)],
                    "part": part,
                    **image_errors(_images(protocol, part), reconstructed),
                }
            )
            for part, reconstructed in images.items()
        ],
        ignore_index=True,
    )


def predictions_table(protocol: Protocol, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return predictions.parquet: a row per sample of a predicted part, true and predicted targets beside each other.

    Values keep float64, so that every score can be computed again from the file to the last digit.
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
        pred = predicted(protocol, values)
        for i, target in enumerate(protocol.targets):
            columns[f"true_{target}"] = np.asarray(truth[part][:, i], dtype=kind)
            columns[f"pred_{target}"] = np.asarray(pred[:, i], dtype=kind)
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


def summary(protocol: Protocol, finals: Sequence[Mapping[str, float]], on_test: Sequence[Values]) -> dict[str, float]:
    """Return a study's own scores from those of its final runs.

    Parameters
    ----------
    finals : each final's metrics by full name.
    on_test : each final's test predictions, numbers or class names (n, t).

    Returns
    -------
    Means over seeds under the finals' own names, their standard deviation as aspect sd, and `intervals` on test. A
    metric that some finals lack (its evaluation failed) has the number of those that have it as aspect seeds.
    """
    return {**over_seeds(finals), **intervals(protocol, on_test)}


def over_seeds(finals: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return mean, and as aspects sd and seeds, of what each final (or all folds of one seed) has, by full name."""
    by_name: dict[str, float] = {}
    for name in dict.fromkeys(name for final in finals for name in final):
        head, _, rest = name.partition("/")
        values = [final[name] for final in finals if name in final]
        if head in ("val", "test"):
            mean_sd = statistics.mean_sd(values)
            by_name[name] = mean_sd.mean
            if mean_sd.sd is not None:
                by_name[f"{head}.{SD}/{rest}"] = mean_sd.sd
            if len(values) < len(finals):
                by_name[f"{head}.{N_SEEDS}/{rest}"] = float(len(values))
        elif head.partition(".")[2] in (*BASELINES, N_UNDEFINED):  # the same for each seed
            by_name[name] = values[0]
        elif head == "cost":
            by_name[name] = float(np.mean(values))
    return by_name


def intervals(protocol: Protocol, on_test: Sequence[Values]) -> dict[str, float]:
    """Return the 95 % interval over test groups of each metric, as aspects low, high and groups; none under three.

    `on_test` has each seed's predictions, numbers or class names (n, t): see `affect.statistics.intervals`.
    """
    groups = protocol.data.group[protocol.rows("test")]
    return intervals_of(protocol, protocol.truth()["test"], on_test, groups)


def intervals_of(protocol: Protocol, true: Values, on_test: Sequence[Values], groups: Values) -> dict[str, float]:
    """Return the same for true targets (n, t) and groups (n,) that are given: of all folds together, say."""
    by_name: dict[str, float] = {}
    few = len(protocol.targets) <= FEW_TARGETS
    over_groups = statistics.intervals(true, np.stack(on_test), groups, protocol.targets, protocol.metrics)
    for (name, target), interval in over_groups.items():
        if few or target == ALL:
            by_name[metric("test", name, target, LOW)] = interval.low
            by_name[metric("test", name, target, HIGH)] = interval.high
            by_name[metric("test", name, target, N_GROUPS)] = interval.groups
    return by_name
