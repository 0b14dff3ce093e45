"""How far each feature moves when a latent space of one value is walked in small steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affect import record
from training.contract import Evaluation, Findings, Fitted, Method

STEP = 0.05
STARTS = 400
"""Steps that are kept at most, evenly spaced over the walk: more cannot be told apart in a figure."""


def applies(method: Method) -> bool:
    """Say whether the method has a latent space that may be of one value."""
    return 1 in method.settings.get("latent_size", ())


def evaluate(fitted: Fitted) -> Findings:
    """Return how much each feature changes, in its own unit and over its train range, when z goes on by `STEP`.

    z is walked over the range of the train part's codes. Nothing is returned where z has more than one value.
    """
    if fitted.job.settings["latent_size"] != 1:
        return Findings()
    codes = fitted.outcome.embeddings["z"]["train"]
    low, high = float(codes.min()), float(codes.max())
    count = max(1, int(np.ceil((high - low) / STEP)))
    start = low + STEP * np.unique(np.linspace(0, count - 1, min(count, STARTS)).round())
    # a Model need not have decode; a method with a latent space does
    model: Any = fitted.outcome.model
    change = model.decode((start + STEP)[:, None]) - model.decode(start[:, None])
    span = np.ptp(fitted.truth["train"], axis=0)
    over = np.divide(change, span, out=np.full(change.shape, np.nan), where=span > 0)
    features = fitted.split.targets
    table = pd.DataFrame(
        {
            "feature": np.repeat(features, len(start)),
            "z_from": np.tile(start, len(features)),
            "step": STEP,
            "change": change.T.ravel(),
            "change_over_range": over.T.ravel(),
        }
    )
    return Findings({record.Artifact.SENSITIVITY: table})


EVALUATION = Evaluation(applies, evaluate)
