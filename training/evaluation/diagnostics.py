"""What the same configuration would score under a kinder protocol: never ranked, shown to explain published scores.

A published error of 0.05 whose split is not stated cannot be told from a leak. These scores tell how far each leak
goes: windows of one clip on both sides, outliers removed before the split, windows that the fit has seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import metrics, record
from training import cache
from training.contract import Evaluation, Findings, Fitted, Job, Method
from training.data import Part, Split
from training.models.preparation import within_fences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Floats

METRICS = ("mae", "mse")
SHARE = 0.15

HEART_ROUNDS = 600

EXPLANATION = {
    "own_train": "Scored on the very windows that the method was fitted on: how much of it is learned by heart.",
    "by_heart": (
        "Not this method: XGBoost with its own defaults, 600 rounds and no stopping, scored on the windows that it "
        "was fitted on. It knows them by heart; an error near 0 whose split is not stated may be one of this kind."
    ),
    "cleaned_test": (
        "Scored on the protocol's test part without its outliers (outside Tukey's fences of the train features): what "
        "leaving out hard windows is worth. Nothing leaks, but the score is not that of all windows."
    ),
    "random_windows": (
        "Fitted again on a 70/15/15 split of the train and validation windows drawn at random: windows of one clip, "
        "which share its label, are on both sides. It leaks."
    ),
    "random_windows_cleaned": (
        "The same after removing outliers (Tukey's fences of all of these windows) before the split: the kindest "
        "protocol that is still met in practice. It leaks, and hard windows are left out."
    ),
}
"""Each diagnostic, in words that stand beside its scores."""


def applies(method: Method) -> bool:
    """Say whether the method works on windows of motion; one that needs a fitted method cannot be fitted anew alone."""
    return method.data == "motion" and not method.all_needed()


def evaluate(fitted: Fitted) -> Findings:
    """Return the table of diagnostics. Refits see train and validation alone, never the protocol's test part."""
    split = fitted.split
    known = split.joined().train
    rows = [_rows("own_train", fitted.truth["train"], fitted.outcome.predictions["train"], split.targets)]
    if fitted.method.targets == "pad":
        rows.append(_rows("by_heart", fitted.truth["train"], _by_heart(split.train, fitted.job), split.targets))
    if split.test is not None:
        measured = np.asarray(split.test.x) if fitted.method.inputs == "features" else fitted.truth["test"]
        inside = within_fences(measured, _features(fitted, split.train))
        true, pred = fitted.truth["test"][inside], fitted.outcome.predictions["test"][inside]
        rows.append(_rows("cleaned_test", true, pred, split.targets))
    features = _features(fitted, known)
    everything, clean = np.ones(len(known), dtype=bool), within_fences(features, features)
    for name, inside in (("random_windows", everything), ("random_windows_cleaned", clean)):
        if inside.sum() * SHARE < 1:
            continue
        leaking, true = _random_windows(_taken(known, np.flatnonzero(inside)), split, fitted.job.seed)
        rows.append(_rows(name, true, fitted.refit(leaking).predictions["test"], split.targets))
    return Findings({record.Artifact.DIAGNOSTICS: pd.concat(rows, ignore_index=True)})


def _features(fitted: Fitted, part: Part) -> Floats:
    return np.asarray(part.x) if fitted.method.inputs == "features" else part.targets()


def _by_heart(train: Part, job: Job) -> Floats:
    """Return what boosted trees that nothing holds back predict for their own train rows (n, t).

    It depends on the data alone and takes longer than many a study: it is kept, and the next study reads it.
    """
    import xgboost as xgb

    x = np.ascontiguousarray(train.x)
    content = hashlib.sha256(x.tobytes() + np.ascontiguousarray(train.targets()).tobytes())
    file = job.cache / f"by_heart-{HEART_ROUNDS}-{xgb.__version__}-{content.hexdigest()[:24]}.npy"
    if file.exists():
        return np.load(file, allow_pickle=False)
    options = {"nthread": job.threads, "seed": 0}
    pred = []
    for target in train.targets().T:
        table = xgb.QuantileDMatrix(x, target, nthread=job.threads)
        pred.append(xgb.train(options, table, HEART_ROUNDS).predict(table))
    predictions = np.stack(pred, axis=1)
    job.cache.mkdir(parents=True, exist_ok=True)
    with cache.whole(file) as part:  # another study may read it now
        np.save(part, predictions, allow_pickle=False)
    return predictions


def _rows(diagnostic: str, true: Floats, pred: Floats, targets: tuple[str, ...]) -> pd.DataFrame:
    """Return a line for each target and metric; none where no window is left to be scored."""
    columns = record.COLUMNS[record.Artifact.DIAGNOSTICS]
    scores = metrics.score(true, pred, targets, METRICS) if len(true) else {}
    rows = [
        (diagnostic, target, metric, value, len(true), EXPLANATION[diagnostic])
        for (metric, target), value in scores.items()
    ]
    return pd.DataFrame(rows, columns=list(columns))


def _random_windows(known: Part, split: Split, seed: int) -> tuple[Split, Floats]:
    """Split windows 70/15/15 at random; return the split, its test targets hidden as ever, and those targets."""
    order = np.random.default_rng(seed).permutation(len(known))
    share = round(SHARE * len(known))
    test, validation, train = np.split(order, [share, 2 * share])
    hidden = _taken(known, test)
    truth = hidden.targets()
    parts = _taken(known, train), _taken(known, validation), replace(hidden, y=None, label=None)
    return Split(*parts, split.blocks, split.targets, split.low, split.high), truth


def _taken(part: Part, rows: NDArray[np.intp]) -> Part:
    label = None if part.label is None else part.label[rows]
    return Part(part.sample[rows], part.group[rows], part.inputs.take(rows), part.targets()[rows], label)


# once: It refits: one final of a study has it.
EVALUATION = Evaluation(applies, evaluate, once=True)
