"""What each modality adds: scores with one of two masked, and the lag at which audio and video follow the labels.

The lag is scanned without the method. A ridge regression from the features of one modality, fitted on train, reads the
labels of L seconds before; the correlation with the labels of the test recordings, both as differences from the
recording's mean, has its peak at the modality's lag. Where annotators react late both lags are less by their reaction
time, and audio's lag against video is the difference of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect import metrics, record, statistics
from training.contract import Evaluation, Findings, Fitted, Method
from training.views import PADDING, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Block, Dataset

    Numbers = NDArray[np.float64]

MASKED, LAG, PEAK = "masked", "lag", "peak"
NOTHING = "none"
METRICS = ("ccc", "mae")
LAGS = np.round(np.arange(-10, 11) * 0.2, 1)
"""Seconds by which a modality may come after the labels."""

PENALTY = 0.1
"""Of the ridge regression, times the number of train rows: features are standardised."""

FEWEST = 20
"""Rows of a modality, in train and in test, under which no lag is looked for."""


def applies(method: Method) -> bool:
    """Say whether the method may be given video and audio."""
    return {"video", "audio"} <= {*method.all_blocks()}


def evaluate(fitted: Fitted) -> Findings:
    """Return the scores on test with each modality masked, and the scan of lags.

    A masked modality has its train mean at every step that it has. `value` is a score, and `difference` is how far it
    is from the score without a mask, with its 95 % interval and p over test groups (`affect.statistics.paired`). Of a
    lag, `value` is the correlation; of a peak it is the lag in seconds. A model of one input
    has nothing to mask.
    """
    table = pd.DataFrame(
        [*_masked(fitted), *_scanned(fitted)], columns=list(record.COLUMNS[record.Artifact.MODALITIES])
    )
    return Findings({record.Artifact.MODALITIES: table}) if len(table) else Findings()


# ------------------------------------------------------------------------------------------------------------ masked


def _masked(fitted: Fitted) -> list[dict[str, Any]]:
    train, test = fitted.split.train, fitted.split.test
    if test is None or len(test.inputs) < 2:
        return []
    place = {name: i for i, name in enumerate(fitted.data.sample.tolist())}
    group = fitted.data.group[[place[name] for name in fitted.test_sample.tolist()]]
    true, targets = np.asarray(fitted.truth["test"]), fitted.split.targets
    whole = np.asarray(fitted.outcome.predictions["test"], np.float64)
    rows = _scores(NOTHING, true, whole, targets)
    for block, view in test.inputs.items():
        inputs = type(test.inputs)(
            {**test.inputs.views, block: View(_constant(train.inputs[block]), view.rows)},
            test.inputs.sequence,
            test.inputs.time,
        )
        pred = np.asarray(fitted.outcome.model.predict(inputs), np.float64)
        for row in _scores(block, true, pred, targets):
            of = slice(None) if row["target"] == record.ALL else [targets.index(row["target"])]
            paired = statistics.paired(true[:, of], pred[:, of], whole[:, of], group, row["metric"])
            ends = {"low": paired.low, "high": paired.high, "p": paired.p, "groups": paired.groups}
            rows.append({**row, "difference": paired.difference, **ends})
    return rows


def _constant(view: View) -> Any:
    """Return values of the shape of a view's, all the mean of the rows that it has; they take no memory."""
    rows = np.unique(np.asarray(view.rows[:]))
    rows = rows[rows != PADDING]
    mean = view.values[rows].mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(view.values.shape[1:])
    return np.broadcast_to(mean.astype(view.dtype), view.values.shape)


def _scores(modality: str, true: Numbers, pred: Numbers, targets: tuple[str, ...]) -> list[dict[str, Any]]:
    scores = metrics.score(true, pred, targets, list(METRICS))
    return [
        {"kind": MASKED, "modality": modality, "target": target, "metric": metric, "value": value}
        for (metric, target), value in scores.items()
    ]


# --------------------------------------------------------------------------------------------------------------- lag


def _scanned(fitted: Fitted) -> list[dict[str, Any]]:
    data = fitted.data
    if data.sequence is None or data.time is None or fitted.split.targets != data.blocks["va"].columns:
        return []
    of = dict(zip(data.sample.tolist(), data.sequence.tolist(), strict=True))
    train = np.unique([of[name] for name in fitted.split.train.sample.tolist()])
    test = np.unique([of[name] for name in fitted.test_sample.tolist()])
    rows = []
    for modality in ("video", "audio"):
        block = _finest(data, modality)
        if block is not None:
            rows += scan(data, modality, block, train, test)
    return rows


def _finest(data: Dataset, modality: str) -> Block | None:
    """Return the modality's block, of several window lengths the shortest."""
    if modality in data.blocks:
        return data.blocks[modality]
    streams = [(name, block) for name, block in data.blocks.items() if name.startswith(f"{modality}_")]
    lengths = [float(np.median(b.stream.end - b.stream.start)) for _, b in streams if b.stream is not None]
    return streams[int(np.argmin(lengths))][1] if lengths else None


def scan(
    data: Dataset, modality: str, block: Block, train: NDArray[np.str_], test: NDArray[np.str_]
) -> list[dict[str, Any]]:
    """Return the correlation of each target at each of `LAGS`, and the peak, for the recordings `test`.

    The same rows count for every lag: those whose shifted intervals all lie in the labelled part of the recording.
    Nothing is returned under `FEWEST` rows.
    """
    assert data.sequence is not None
    assert data.time is not None
    features: dict[str, list[Numbers]] = {"train": [], "test": []}
    labels: dict[str, list[Numbers]] = {"train": [], "test": []}
    for part, recordings in (("train", train), ("test", test)):
        for name in recordings.tolist():
            x, y = _recording(data, block, name)
            if len(x) > 1:
                features[part].append(x - x.mean(axis=0))
                labels[part].append(y - y.mean(axis=0))
    if any(sum(map(len, parts)) < FEWEST for parts in features.values()):
        return []
    x, unseen = (np.concatenate(features[part]) for part in ("train", "test"))
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    x, unseen = x / scale, unseen / scale
    y, truth = (np.concatenate(labels[part]) for part in ("train", "test"))
    weights = np.linalg.solve(x.T @ x + PENALTY * len(x) * np.eye(x.shape[1]), x.T @ y)
    pred = unseen @ weights
    spread = np.sqrt((pred**2).sum(axis=0) * (truth**2).sum(axis=0))
    r = np.divide((pred * truth).sum(axis=0), spread, out=np.zeros(len(spread)), where=spread > 0)
    targets = data.blocks["va"].columns
    by_target = r.reshape(len(LAGS), len(targets))
    rows: list[dict[str, Any]] = []
    for name, values in (*zip(targets, by_target.T, strict=True), (record.ALL, by_target.mean(axis=1))):
        base = {"modality": modality, "target": name, "metric": "pcc"}
        rows += [
            {"kind": LAG, **base, "lag_s": float(lag), "value": float(value)}
            for lag, value in zip(LAGS, values, strict=True)
        ]
        rows.append({"kind": PEAK, **base, "lag_s": peak(values), "value": float(values.max())})
    return rows


def _recording(data: Dataset, block: Block, name: str) -> tuple[Numbers, Numbers]:
    """Return a recording's rows (m, c), and the mean labels (m, lags × t) of their intervals, each lag before them."""
    assert data.sequence is not None
    assert data.time is not None
    frames = np.flatnonzero(data.sequence == name)
    frames = frames[np.argsort(data.time[frames], kind="stable")]
    va = data.blocks["va"].values[frames].astype(np.float64)
    known = np.isfinite(va).all(axis=1)
    time, va = data.time[frames[known]].astype(np.float64), va[known]
    empty = np.empty((0, len(LAGS) * va.shape[1]))
    if len(time) < 3:
        return np.empty((0, block.values.shape[1])), empty
    if block.stream is None:
        half = float(np.median(np.diff(time))) / 2
        rows, start, end = frames[known], time - half, time + half
    else:
        rows = np.flatnonzero(block.stream.sequence == name)
        start, end = (np.asarray(edge, np.float64)[rows] for edge in (block.stream.start, block.stream.end))
    inside = (start - LAGS.max() >= time[0]) & (end - LAGS.min() <= time[-1]) & (end > start)
    rows, start, end = rows[inside], start[inside], end[inside]
    steps = np.diff(time)[:, None] * (va[1:] + va[:-1]) / 2
    integral = np.concatenate([np.zeros((1, va.shape[1])), np.cumsum(steps, axis=0)])
    means = [
        np.column_stack(
            [
                (np.interp(end - lag, time, one) - np.interp(start - lag, time, one)) / (end - start)
                for one in integral.T
            ]
        )
        for lag in LAGS
    ]
    return block.values[rows].astype(np.float64), np.concatenate(means, axis=1)


def peak(values: Numbers) -> float:
    """Return the lag of the largest of the values at `LAGS`, between two of them by a parabola."""
    i = int(np.argmax(values))
    if 0 < i < len(values) - 1:
        left, middle, right = values[i - 1 : i + 2]
        curve = left - 2 * middle + right
        if curve < 0:
            return float(LAGS[i] + (left - right) / (2 * curve) * (LAGS[1] - LAGS[0]))
    return float(LAGS[i])


EVALUATION = Evaluation(applies, evaluate)
