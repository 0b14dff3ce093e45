"""What a network with attention looked at: how much the last step of a window takes of each step before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import record
from training.contract import Evaluation, Findings, Fitted, Method
from training.model_protocols import Attends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RECORDINGS = 6
"""Test recordings that are kept at most, evenly over their names."""
SAMPLES = 120
"""Samples of a recording that are kept at most, evenly over its time."""


def applies(method: Method) -> bool:
    """Say whether the method looks back on the steps of several modalities, as networks with attention do."""
    return method.context is not None and {"video", "audio"} <= {*method.all_blocks()}


def evaluate(fitted: Fitted) -> Findings:
    """Return the weights of a model that attends, for a bounded number of test samples; nothing for other models.

    `before_s` is how many seconds a step is before the sample; "nothing" has none. Head −1 is the mean over the heads.
    """
    test, model = fitted.split.test, fitted.outcome.model
    if test is None or not isinstance(model, Attends) or test.inputs.sequence is None or test.inputs.time is None:
        return Findings()
    rows = kept(test.inputs.sequence, test.inputs.time)
    inputs = test.inputs.take(rows)
    weights = model.attend(inputs)
    if not weights:
        return Findings()
    seconds = fitted.method.seconds(fitted.job.settings)
    return Findings({record.Artifact.ATTENTION: table(weights, fitted.test_sample[rows], float(seconds or 0.0))})


def kept(sequence: NDArray[np.str_], time: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the rows of at most `RECORDINGS` recordings and `SAMPLES` samples of each, in time order."""
    names = np.unique(sequence)
    chosen = names[np.unique(np.linspace(0, len(names) - 1, min(RECORDINGS, len(names))).round().astype(int))]
    found = []
    for name in chosen:
        rows = np.flatnonzero(sequence == name)
        rows = rows[np.argsort(time[rows], kind="stable")]
        found.append(rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).round().astype(int))])
    return np.concatenate(found).astype(np.int64)


def table(weights: Mapping[str, NDArray[np.floating]], sample: NDArray[np.str_], seconds: float) -> pd.DataFrame:
    """Return attention.parquet of weights, block → (n, heads, steps), of windows of so many seconds.

    Padded steps, whose weight is 0 in every head, are left out.
    """
    frames = []
    for block, of in weights.items():
        n, heads, steps = of.shape
        with_mean = np.concatenate([of.mean(axis=1, keepdims=True), of], axis=1)
        before = np.arange(steps - 1, -1, -1) * (seconds / steps)
        frames.append(
            pd.DataFrame(
                {
                    "sample": np.repeat(sample, (heads + 1) * steps),
                    "head": np.tile(np.repeat(np.arange(-1, heads), steps), n),
                    "modality": block,
                    "before_s": np.full(n * (heads + 1) * steps, np.nan)
                    if block == record.NOTHING
                    else np.tile(before, n * (heads + 1)),
                    "weight": with_mean.reshape(-1).astype(np.float32),
                }
            )
        )
    whole = pd.concat(frames, ignore_index=True)
    return whole[(whole["weight"] > 0) | (whole["modality"] == record.NOTHING)].reset_index(drop=True)


EVALUATION = Evaluation(applies, evaluate, once=True)
