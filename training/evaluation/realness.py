"""Which frames a GAN's discriminator takes for real: test frames, and as many that its generator made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affect import record
from training.contract import Evaluation, Findings, Fitted, Method
from training.model_protocols import Generates

MOST = 1000
"""Frames of each kind that are judged at most, test frames evenly over the part."""


def applies(method: Method) -> bool:
    """Say whether the method is a GAN, which learns from frames without labels."""
    return "labelled_share" in method.settings


def evaluate(fitted: Fitted) -> Findings:
    """Return the probability of being real of test frames and of generated ones, and the share that is told rightly."""
    model: Any = fitted.outcome.model
    test = fitted.split.test
    if test is None or not isinstance(model, Generates):
        return Findings()
    rows = np.unique(np.linspace(0, len(test) - 1, min(MOST, len(test))).round().astype(np.int64))
    real = model.realness(test.inputs.take(rows))
    _, _, generated = model.generate(len(rows), seed=fitted.job.seed)
    table = pd.DataFrame(
        {
            "kind": np.repeat(["real", "generated"], len(rows)),
            "sample": [*fitted.test_sample[rows].tolist(), *map(str, range(len(rows)))],
            "probability": np.concatenate([real, generated]).astype(float),
        }
    )
    shares = {"accuracy_real": float((real > 0.5).mean()), "accuracy_generated": float((generated < 0.5).mean())}
    scores = {record.metric("test", name): value for name, value in shares.items()}
    return Findings({record.Artifact.REALNESS: table}, scores)


EVALUATION = Evaluation(applies, evaluate)
