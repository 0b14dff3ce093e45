"""The tasks by which codes of valence and arousal are judged, as one table beside the baselines of the same split.

Source: The Bridge from D to E, its seven tasks. Tasks 2 to 5 are scores and stand here. Images (task 1) are kept by
``samples``; t-SNE (6) and the circumplex (7) are drawn from the codes, which every run keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from affect import metrics, record
from training.contract import Evaluation, Findings, Fitted, Method
from training.evaluation import _predictors

if TYPE_CHECKING:
    from training.data import Floats, Values

CODES = _predictors.CODES
LEVELS = 10
"""A discrete label is round(10 · label), −10 … 10."""

NEAR_ZERO = (
    "the loss holds codes near 0, so that a chunk's mean errs by about the labels' mean square, {:.3f} over both axes, "
    "and hardly more: the source's chunks strayed far further"
)
NO_PROJECTION = "not applicable: this method trains no projection of its codes"
NO_LABELS = "not applicable: the data set has no emotion labels"
ONE_CLASS = "not applicable: all train rows are of one class"


class Row(NamedTuple):
    """A row of alignment.parquet; `note` says why a value is missing, or how it is to be read."""

    task: str
    code: str
    predictor: str
    target: str
    metric: str
    value: float
    n: int
    note: str = ""


def applies(method: Method) -> bool:
    """Say whether the method is about valence and arousal; whether its model has codes is seen when it is fitted."""
    return method.targets == "va"


def evaluate(fitted: Fitted) -> Findings:
    """Return the scores of tasks 2 to 5: predictors are fitted on train codes and scored on test codes.

    Predictors and baselines have the names that the published scores have. Nothing is returned without z_v and z_a.
    """
    import pandas as pd

    if not _predictors.coded(fitted):
        return Findings()
    rows = [*_alignment(fitted), *_emotion_power(fitted), *_power(fitted)]
    alignment = {(row.predictor, row.metric, row.target): row.value for row in rows if row.task == "alignment"}
    probe = {target: alignment["linear_probe", "mse", target] for target in CODES.values()}
    return Findings(
        {record.Artifact.ALIGNMENT: pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.ALIGNMENT]))},
        {
            record.metric("test", "mse_linear_probe", target): value
            for target, value in {**probe, record.ALL: float(np.mean(list(probe.values())))}.items()
        },
    )


def _codes(fitted: Fitted, code: str) -> tuple[Floats, Floats]:
    parts = fitted.outcome.embeddings[code]
    return parts["train"], parts["test"]


def _truth(fitted: Fitted, target: str) -> tuple[Values, Values]:
    column = fitted.split.targets.index(target)
    return fitted.truth["train"][:, column], fitted.truth["test"][:, column]


# --------------------------------------------------------------------------------------------------------- task 2


def _alignment(fitted: Fitted) -> Iterator[Row]:
    """Yield how far the codes are from the labels: each axis, and their sum as ``combined``.

    The source does not say how the numbers of a chunk meet one label, so all readings are given: the mean over the
    chunk, the trained projection, and a linear probe (ridge) fitted on train codes; beside the train labels' mean.
    """
    readings: dict[str, dict[str, Floats]] = {"chunk_mean": {}, "linear_probe": {}, record.MEAN: {}}
    for code, target in CODES.items():
        train, test = _codes(fitted, code)
        of_train, of_test = _truth(fitted, target)
        readings["chunk_mean"][target] = test.mean(axis=1)
        readings["linear_probe"][target] = _predictors.predicted(
            _predictors.ridge(), train, of_train, test, fitted.job.seed
        )
        readings[record.MEAN][target] = np.full(len(of_test), of_train.mean())
    trained = record.ALL in fitted.method.objective_weights
    if trained:
        columns = {target: fitted.split.targets.index(target) for target in CODES.values()}
        of_method = fitted.outcome.predictions["test"]
        readings["trained_projection"] = {target: of_method[:, column] for target, column in columns.items()}
    square = sum(float(np.mean(np.square(_truth(fitted, target)[1]))) for target in CODES.values())
    for reading, by_target in readings.items():
        note = NEAR_ZERO.format(square) if reading == "chunk_mean" else ""
        for metric, measure in (("mse", metrics.mse), ("mae", metrics.mae)):
            errors = {target: measure(_truth(fitted, target)[1], pred) for target, pred in by_target.items()}
            yield from _both(reading, metric, errors, fitted, note)
    if not trained:
        for metric in ("mse", "mae"):
            nothing = dict.fromkeys(CODES.values(), np.nan)
            yield from _both("trained_projection", metric, nothing, fitted, NO_PROJECTION)
    yield from _cross_entropy(fitted)


def _cross_entropy(fitted: Fitted) -> Iterator[Row]:
    """Yield the cross-entropy (natural logarithm) of a method that gives the probabilities of discrete labels.

    ``mean`` are the frequencies of train's labels, one added to each class.
    """
    model: Any = fitted.outcome.model
    probabilities = getattr(model, "probabilities", None)
    own = (
        probabilities({code: _codes(fitted, code)[1] for code in fitted.outcome.embeddings}) if probabilities else None
    )
    if own is None:
        return
    classes = own.shape[2]
    errors: dict[str, dict[str, float]] = {"trained_projection": {}, record.MEAN: {}, "chance": {}}
    for axis, target in enumerate(CODES.values()):
        train, test = (discrete(values) + LEVELS for values in _truth(fitted, target))
        often = np.bincount(train, minlength=classes) + 1.0
        at = np.arange(len(test)), test
        for name, of_class in (
            ("trained_projection", own[:, axis]),
            (record.MEAN, np.tile(often / often.sum(), (len(test), 1))),
            ("chance", np.full((len(test), classes), 1 / classes)),
        ):
            # a probability that is 0 in single precision is not an error without end
            errors[name][target] = float(-np.log(np.maximum(of_class[at].astype(np.float64), 1e-12)).mean())
    for name, by_target in errors.items():
        yield from _both(name, "cross_entropy", by_target, fitted)


def _both(predictor: str, metric: str, values: Mapping[str, float], fitted: Fitted, note: str = "") -> Iterator[Row]:
    for target, value in {**values, "combined": float(sum(values.values()))}.items():
        n = 0 if np.isnan(value) else len(fitted.truth["test"])
        yield Row("alignment", "", predictor, target, metric, value, n, note)


# -------------------------------------------------------------------------------------------------- tasks 3, 4 and 5


def _emotion_power(fitted: Fitted) -> Iterator[Row]:
    """Yield how well emotions are read from each code. Samples without an emotion are left out."""
    seed = fitted.job.seed
    for code in CODES:
        predictors = _predictors.classifiers(seed, "fully_connected")
        known = {} if fitted.labels is None else {part: fitted.labels[part] != "" for part in ("train", "test")}
        if fitted.labels is None or not all(rows.any() for rows in known.values()):
            scores, n, note = dict.fromkeys([*predictors, "chance", "majority"], np.nan), 0, NO_LABELS
        else:
            parts = zip(("train", "test"), _codes(fitted, code), strict=True)
            train, test = ((values[known[part]], fitted.labels[part][known[part]]) for part, values in parts)
            scores, n, note = _predictors.accuracies(predictors, train, test, seed), len(test[1]), ""
        for predictor, value in scores.items():
            yield _classified("emotion_power", code, predictor, "emotion", value, n, note)


def _power(fitted: Fitted) -> Iterator[Row]:
    """Yield how well each code gives its own axis (task 4) and the other one (task 5), which it should not.

    Beside the labels as they are, as explained variance and R², stand those of round(10 · label), as accuracy.
    """
    seed = fitted.job.seed
    for code, own in CODES.items():
        train, test = _codes(fitted, code)
        for target in CODES.values():
            task = "regressive_power" if target == own else "inverse_power"
            of_train, of_test = _truth(fitted, target)
            rows: dict[str, Floats] = {
                name: _predictors.predicted(predictor, train, of_train, test, seed)
                for name, predictor in _predictors.regressors(seed).items()
            }
            rows[record.MEAN] = np.full(len(of_test), of_train.mean())
            for name, pred in rows.items():
                yield Row(task, code, name, target, "ev", metrics.ev(of_test, pred), len(of_test))
                yield Row(task, code, name, target, "r2", metrics.r2(of_test, pred), len(of_test))
            scores = _predictors.accuracies(
                _predictors.classifiers(seed, "mlp"), (train, discrete(of_train)), (test, discrete(of_test)), seed
            )
            for name, value in scores.items():
                yield _classified(task, code, name, target, value, len(of_test), "")


def _classified(task: str, code: str, predictor: str, target: str, value: float, n: int, note: str) -> Row:
    return Row(task, code, predictor, target, "accuracy", value, n, note or (ONE_CLASS if np.isnan(value) else ""))


def discrete(values: Values) -> Values:
    """Return round(10 · label), −10 … 10."""
    return np.clip(np.round(LEVELS * np.asarray(values)), -LEVELS, LEVELS).astype(np.int64)


EVALUATION = Evaluation(applies, evaluate)
