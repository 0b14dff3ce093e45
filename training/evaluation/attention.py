"""What a network with attention looked at: how much the last step of a window takes of each step before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import record
from training import views
from training.contract import Evaluation, Findings, Fitted, Method
from training.model_protocols import Attends
from training.views import PADDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data import Block, Dataset
    from training.views import Inputs

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
    context = fitted.method.seconds(fitted.job.settings)
    blocks = {name: views.find(fitted.data.blocks, name, context) for name in weights if name != record.NOTHING}
    before = {name: seconds_before(fitted.data, block, inputs, name) for name, block in blocks.items()}
    return Findings({record.Artifact.ATTENTION: table(weights, fitted.test_sample[rows], before)})


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


def seconds_before(data: Dataset, block: Block, inputs: Inputs, name: str) -> NDArray[np.float64]:
    """Return how many seconds before its sample each step of an input's windows lies, (n, steps); nan where padded.

    A row of a stream lies where its interval ends: an audio window is heard when it is over.
    """
    view = inputs[name]
    at = np.asarray(data.time if block.stream is None else block.stream.end, np.float64)
    rows = np.asarray(view.rows[:]).reshape(len(view), -1)
    now = np.asarray(inputs.time, np.float64)[:, None]
    # times are written in milliseconds
    return np.where(rows == PADDING, np.nan, np.round(now - at[rows], 3))


def table(
    weights: Mapping[str, NDArray[np.floating]], sample: NDArray[np.str_], before: Mapping[str, NDArray[np.floating]]
) -> pd.DataFrame:
    """Return attention.parquet of weights, block → (n, heads, steps), and of seconds before, block → (n, steps).

    Padded steps, whose weight is 0 in every head, are left out.
    """
    frames = []
    for block, of in weights.items():
        n, heads, steps = of.shape
        with_mean = np.concatenate([of.mean(axis=1, keepdims=True), of], axis=1)
        seconds = before[block] if block in before else np.full((n, steps), np.nan)
        frames.append(
            pd.DataFrame(
                {
                    "sample": np.repeat(sample, (heads + 1) * steps),
                    "head": np.tile(np.repeat(np.arange(-1, heads), steps), n),
                    "modality": block,
                    "before_s": np.repeat(seconds[:, None], heads + 1, axis=1).reshape(-1),
                    "weight": with_mean.reshape(-1).astype(np.float32),
                }
            )
        )
    whole = pd.concat(frames, ignore_index=True)
    return whole[(whole["weight"] > 0) | (whole["modality"] == record.NOTHING)].reset_index(drop=True)


EVALUATION = Evaluation(applies, evaluate, once=True)
