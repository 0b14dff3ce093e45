"""Whether generated motion still says what it was asked to: generated features, read back to PAD by a fitted judge."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect import record
from training.contract import Evaluation, Findings, Fitted, Method
from training.views import single


def applies(method: Method) -> bool:
    """Say whether the method generates features from PAD."""
    return method.all_blocks() == ("pad",) and method.targets == "features"


def evaluate(fitted: Fitted) -> Findings:
    """Return the PAD of every test sample, and what the judge recovers from its generated and from its real features.

    The judge is a `lma_to_pad` of the same train part. What it gets from real features is its own error, without which
    the round trip's cannot be read: a generator can even be easier to read than people are.
    """
    test = fitted.split.test
    if test is None:
        raise ValueError("the round trip is made with a test part, and there is none")
    judge = fitted.job.prerequisites["judge"]
    generated, real = (
        judge.predict(single(features)) for features in (fitted.outcome.predictions["test"], fitted.truth["test"])
    )
    asked, axes = np.asarray(test.x), fitted.split.block.columns
    scores: dict[str, float] = {}
    for name, pad in (("mae_round_trip", generated), ("mae_round_trip_real", real)):
        error = np.abs(pad - asked).mean(axis=0)
        scores |= {record.metric("test", name, axis): float(e) for axis, e in zip(axes, error, strict=True)}
        scores[record.metric("test", name)] = float(error.mean())
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": fitted.test_sample,
                    "target": axis,
                    "true": asked[:, i],
                    "recovered": generated[:, i],
                    "recovered_from_real": real[:, i],
                }
            )
            for i, axis in enumerate(axes)
        ],
        ignore_index=True,
    )
    return Findings({record.Artifact.ROUND_TRIP: table}, scores)


EVALUATION = Evaluation(applies, evaluate, prerequisites={"judge": "motion/lma_to_pad"})
