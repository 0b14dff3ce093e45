"""Scores of predictions, in pure NumPy.

Conventions, stated once:

- The true series comes first, the predicted one second; both are (n,) or, column by column, (n, t). All is computed in
  float64 and pooled over rows; `affect.per_sequence` scores each recording on its own and averages.
- Variances and covariances divide by N, not N − 1 (so CCC is Lin's own estimator, as in the AVEC and Aff-Wild papers).
- A constant series is defined, never nan. CCC and PCC are 0 where either series is constant, r2 and ev are 0 where the
  true series is: there is nothing to agree with or to explain. (Not 1 for an exact hit, as scikit-learn has it, for a
  constant feature met up to rounding would then jump between 0 and 1.) A constant is a series whose values are equal.
- SAGR is the share of rows whose signs are equal; zero is a sign of its own.
- Macro F1 averages over the classes that are true or predicted at least once, UAR over those that are true at least
  once.
- The target ``all`` is the mean of the targets' scores: rmse/all is the mean of the roots, not the root of the mean.
- Empty series, shapes that differ, nan and inf raise ValueError: a score of broken predictions is not a number to keep.

A change of any result raises `affect.record.METRIC_VERSION`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect.record import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

REGRESSION: tuple[str, ...] = ("mse", "mae", "rmse", "ccc", "pcc", "sagr", "ev", "r2")
CLASSIFICATION: tuple[str, ...] = ("accuracy", "f1", "uar")
MAPS: tuple[str, ...] = ("pointing_game", "vertex_auc")
"""Of activation maps, against vertices that are known to move."""
RECORDINGS: tuple[str, ...] = ("ccc_per_recording",)
"""Means over recordings, each scored by itself; see `affect.per_sequence`."""

ADVERSARIAL: tuple[str, ...] = ("accuracy_real", "accuracy_generated")
"""Of a GAN's discriminator: shares of real and of generated frames that it tells rightly."""

LABEL: dict[str, str] = {
    "mse": "MSE",
    "mae": "MAE",
    "rmse": "RMSE",
    "ccc": "CCC",
    "pcc": "PCC",
    "sagr": "SAGR",
    "ev": "Explained variance",
    "r2": "R²",
    "accuracy": "Accuracy",
    "f1": "Macro F1",
    "uar": "UAR",
    "pointing_game": "Pointing game",
    "vertex_auc": "AUC over vertices",
    "ccc_per_recording": "CCC per recording",
    "accuracy_real": "Accuracy on real frames",
    "accuracy_generated": "Accuracy on generated frames",
}
"""What a page or a table calls a metric."""

DIRECTION: dict[str, str] = {name: "minimize" if name in ("mse", "mae", "rmse") else "maximize" for name in LABEL}
"""Whether a lower or a higher score is better."""


# -------------------------------------------------------------------------------------------- by column, (n, t) -> (t,)


def _checked(true: ArrayLike, pred: ArrayLike) -> tuple[Array, Array]:
    """Return both as float64 (n, t) in one memory layout; refuse what cannot be scored.

    NumPy adds rows and columns of other layouts in another order, and the last digit of a score with it: a score
    computed again from its artifact must be the same to that digit.
    """
    t, p = np.ascontiguousarray(true, np.float64), np.ascontiguousarray(pred, np.float64)
    if t.shape != p.shape:
        raise ValueError(f"true has shape {t.shape}, predictions have {p.shape}")
    if t.ndim not in (1, 2) or t.size == 0:
        raise ValueError(f"expected a series (n,) or columns (n, t) with at least one row, found shape {t.shape}")
    for name, values in (("true", t), ("predicted", p)):
        if not np.isfinite(values).all():
            raise ValueError(f"{np.sum(~np.isfinite(values))} of {values.size} {name} values are nan or infinite")
    return (t[:, None], p[:, None]) if t.ndim == 1 else (t, p)


def _centred(x: Array) -> Array:
    """Return deviations from the columns' means, exactly 0 in a constant column (a float mean may miss it)."""
    return np.where(np.ptp(x, axis=0) == 0, 0.0, x - x.mean(axis=0))


def ratio(top: Array, bottom: Array) -> Array:
    """Return top / bottom, 0 where bottom is 0: how every score above treats a constant series."""
    zeros = np.zeros(np.broadcast_shapes(top.shape, bottom.shape))
    quotient: Array = np.divide(top, bottom, out=zeros, where=bottom != 0)
    return quotient


def _mse(t: Array, p: Array) -> Array:
    return np.asarray(np.mean((p - t) ** 2, axis=0))


def _mae(t: Array, p: Array) -> Array:
    return np.asarray(np.mean(np.abs(p - t), axis=0))


def _rmse(t: Array, p: Array) -> Array:
    return np.sqrt(_mse(t, p))


def _ccc(t: Array, p: Array) -> Array:
    a, b = _centred(t), _centred(p)
    return ratio(2 * (a * b).mean(axis=0), (a * a + b * b).mean(axis=0) + (t.mean(axis=0) - p.mean(axis=0)) ** 2)


def _pcc(t: Array, p: Array) -> Array:
    a, b = _centred(t), _centred(p)
    # two roots: the product of two small variances underflows before the product of their roots does
    r = ratio((a * b).mean(axis=0), np.sqrt((a * a).mean(axis=0)) * np.sqrt((b * b).mean(axis=0)))
    return np.asarray(np.clip(r, -1.0, 1.0))


def _sagr(t: Array, p: Array) -> Array:
    return np.asarray(np.mean(np.sign(t) == np.sign(p), axis=0))


def _ev(t: Array, p: Array) -> Array:
    return _explained((_centred(p - t) ** 2).mean(axis=0), (_centred(t) ** 2).mean(axis=0))


def _r2(t: Array, p: Array) -> Array:
    return _explained(_mse(t, p), (_centred(t) ** 2).mean(axis=0))


def _explained(error: Array, variance: Array) -> Array:
    return np.where(variance == 0, 0.0, 1.0 - ratio(error, variance))


_BY_COLUMN: dict[str, Callable[[Array, Array], Array]] = {
    "mse": _mse,
    "mae": _mae,
    "rmse": _rmse,
    "ccc": _ccc,
    "pcc": _pcc,
    "sagr": _sagr,
    "ev": _ev,
    "r2": _r2,
}


def _single(name: str, true: ArrayLike, pred: ArrayLike) -> float:
    t, p = _checked(true, pred)
    if t.shape[1] != 1 or np.ndim(true) != 1:
        raise ValueError(f"{name} scores one series (n,), found shape {np.shape(true)}; use score for several")
    return float(_BY_COLUMN[name](t, p)[0])


# ----------------------------------------------------------------------------------------- of one series, (n,) -> float


def mse(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean squared error of two series (n,), in the unit squared."""
    return _single("mse", true, pred)


def mae(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean absolute error of two series (n,), in their unit."""
    return _single("mae", true, pred)


def rmse(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the root of the mean squared error of two series (n,), in their unit."""
    return _single("rmse", true, pred)


def ccc(true: ArrayLike, pred: ArrayLike) -> float:
    """Return Lin's concordance correlation coefficient of two series (n,), −1 … 1.

    2 cov(t, p) / (var t + var p + (mean t − mean p)²): unlike Pearson's it falls with a shift or a change of scale.
    Source: Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 45 (1989).
    """
    return _single("ccc", true, pred)


def pcc(true: ArrayLike, pred: ArrayLike) -> float:
    """Return Pearson's correlation coefficient of two series (n,), −1 … 1."""
    return _single("pcc", true, pred)


def sagr(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the share of rows whose signs agree, 0 … 1.

    Source: Nicolaou, Gunes, Pantic, Continuous prediction of spontaneous affect from multiple cues and modalities in
    valence-arousal space, IEEE Transactions on Affective Computing 2 (2011).
    """
    return _single("sagr", true, pred)


def ev(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the explained variance 1 − var(error) / var(true) of two series (n,): blind to a constant shift."""
    return _single("ev", true, pred)


def r2(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the coefficient of determination 1 − mse / var(true) of two series (n,): 0 for always the mean."""
    return _single("r2", true, pred)


# ----------------------------------------------------------------------------------------------------------- classes


def class_counts(true: ArrayLike, pred: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the classes (c,) of two series of class names (n,), sorted, and both series as indices into them."""
    t, p = np.asarray(true), np.asarray(pred)
    if t.shape != p.shape or t.ndim != 1 or t.size == 0:
        raise ValueError(f"expected two series of classes of one length, found shapes {t.shape} and {p.shape}")
    if np.issubdtype(t.dtype, np.number) != np.issubdtype(p.dtype, np.number):
        raise ValueError(f"classes are {t.dtype} on one side and {p.dtype} on the other")
    classes, both = np.unique(np.concatenate([t, p]), return_inverse=True)
    return classes, both[: len(t)], both[len(t) :]


def accuracy(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the share of rows whose predicted class (n,) is the true one."""
    _, t, p = class_counts(true, pred)
    return float(np.mean(t == p))


def f1(true: ArrayLike, pred: ArrayLike) -> float:
    """Return macro F1: the mean over classes of 2 hits / (times true + times predicted)."""
    classes, t, p = class_counts(true, pred)
    k = len(classes)
    hits = np.bincount(t[t == p], minlength=k)
    return float(np.mean(2 * hits / (np.bincount(t, minlength=k) + np.bincount(p, minlength=k))))


def uar(true: ArrayLike, pred: ArrayLike) -> float:
    """Return the unweighted average recall: the mean over true classes of the share that was found."""
    classes, t, p = class_counts(true, pred)
    k = len(classes)
    times = np.bincount(t, minlength=k)
    return float(np.mean(np.bincount(t[t == p], minlength=k)[times > 0] / times[times > 0]))


def pointing_game(level: ArrayLike, moves: ArrayLike) -> float:
    """Return 1 where the place of the largest level (v,) is one that moves (v,), else 0.

    Source: Zhang et al., Top-down neural attention by excitation backprop, ECCV (2016): there a share over pictures.
    """
    found, true = _map(level, moves)
    return float(true[np.argmax(found)])


def vertex_auc(level: ArrayLike, moves: ArrayLike) -> float:
    """Return the area under the ROC curve of levels (v,) against whether each place moves (v,): chance is 0.5.

    It is the share of pairs, one that moves and one that rests, in which the one that moves has the higher level; a
    tie counts half. Nan where all move or none does.
    """
    found, true = _map(level, moves)
    if true.all() or not true.any():
        return float("nan")
    _, rank, times = np.unique(found, return_inverse=True, return_counts=True)
    middle = (np.cumsum(times) - (times - 1) / 2)[rank]
    hits = int(true.sum())
    return float((middle[true].sum() - hits * (hits + 1) / 2) / (hits * (len(true) - hits)))


def _map(level: ArrayLike, moves: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    found, true = np.asarray(level, np.float64), np.asarray(moves, bool)
    if found.shape != true.shape or found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise ValueError(f"expected finite levels and moves of one length, found shapes {found.shape}, {true.shape}")
    return found, true


_CLASSES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {"accuracy": accuracy, "f1": f1, "uar": uar}


# --------------------------------------------------------------------------------------------------- many at once


def check_names(names: Sequence[str]) -> None:
    """Raise ValueError for a metric that is not one, or where regression and classification are mixed."""
    for name in names:
        if name not in (*REGRESSION, *CLASSIFICATION):
            raise ValueError(f"no metric {name!r}; known: {', '.join((*REGRESSION, *CLASSIFICATION))}")
    if len({name in CLASSIFICATION for name in names}) > 1:
        raise ValueError(f"scores of numbers and of classes cannot be asked for at once: {', '.join(names)}")


def score(
    true: ArrayLike, pred: ArrayLike, targets: Sequence[str], names: Sequence[str] = REGRESSION
) -> dict[tuple[str, str], float]:
    """Return every metric of every target, and under the target ``all`` their mean over targets.

    `true` and `pred` are (n, t), or (n,) for one target; numbers for REGRESSION, class names for CLASSIFICATION.
    """
    check_names(names)
    targets = tuple(targets)
    width = 1 if np.ndim(true) == 1 else np.shape(true)[-1]
    if len(targets) != width or len(set(targets)) != width or ALL in targets:
        raise ValueError(f"{width} columns cannot be named {targets} ({ALL!r} is the name of their mean)")
    classes = bool(names) and names[0] in CLASSIFICATION
    if classes:
        t, p = np.asarray(true), np.asarray(pred)
        if t.shape != p.shape:
            raise ValueError(f"true has shape {t.shape}, predictions have {p.shape}")
        t, p = t.reshape(len(t), -1), p.reshape(len(p), -1)
    else:
        t, p = _checked(true, pred)
    scores: dict[tuple[str, str], float] = {}
    for name in names:
        if classes:
            by_column = np.array([_CLASSES[name](t[:, j], p[:, j]) for j in range(width)])
        else:
            by_column = _BY_COLUMN[name](t, p)
        scores |= {(name, target): float(value) for target, value in zip(targets, by_column, strict=True)}
        scores[name, ALL] = float(by_column.mean())
    return scores


def mae_over_range(true: ArrayLike, pred: ArrayLike, span: ArrayLike) -> Array:
    """Return MAE / span of each column: (n, t) and (t,) to (t,), or (n,) and a number to an array of no axis.

    `span` is the width of the feature's range, in the feature's unit. Nan where it is 0: a constant feature has no
    range, and pages write "n/a".
    """
    t, p = _checked(true, pred)
    width = np.asarray(span, np.float64)
    if width.shape != np.shape(true)[1:] or not (width >= 0).all():
        raise ValueError(f"expected a span of 0 or more for each column, {np.shape(true)[1:]}, found {span!r}")
    error = _mae(t, p).reshape(width.shape)
    over_range: Array = np.divide(error, width, out=np.full(width.shape, np.nan), where=width > 0)
    return over_range


# ----------------------------------------------------------------------------------------------------- baselines


def mean_row(train_true: ArrayLike, n: int) -> Array:
    """Return always-the-mean: the column means of the train targets (m, t), as predictions (n, t)."""
    t = _train(train_true)
    return np.tile(t.mean(axis=0), (n, 1))


def label_mean_row(train_true: ArrayLike, train_label: ArrayLike, label: ArrayLike) -> Array:
    """Return the train mean of each row's class: (m, t), (m,) and the classes (n,) to predict for, to (n, t).

    A class that train does not have gets the mean over all of train. A row without a class ("") is in no class's mean,
    and gets nan: the baseline leaves it out.
    """
    t, train_label, label = _train(train_true), np.asarray(train_label), np.asarray(label)
    if train_label.shape != t.shape[:1]:
        raise ValueError(f"{len(t)} train rows have {train_label.shape} labels")
    means = np.tile(t.mean(axis=0), (len(label), 1))
    for one in np.intersect1d(label, train_label):
        means[label == one] = t[train_label == one].mean(axis=0)
    means[label == ""] = np.nan
    return means


def majority_row(train_label: ArrayLike, n: int) -> NDArray[Any]:
    """Return always-the-majority: the most frequent train class (the first by name of equals), n times."""
    classes, counts = np.unique(np.asarray(train_label), return_counts=True)
    if len(classes) == 0:
        raise ValueError("train has no row")
    return np.repeat(classes[np.argmax(counts)], n)


def _train(train_true: ArrayLike) -> Array:
    t = np.ascontiguousarray(train_true, np.float64)  # one layout: see _checked
    if t.ndim != 2 or len(t) == 0:
        raise ValueError(f"expected train targets (m, t) with at least one row, found shape {t.shape}")
    return t
