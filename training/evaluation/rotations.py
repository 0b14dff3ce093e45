"""How a classifier of meshes does when the test meshes are turned at random, and by which angle it falls.

All methods and seeds are tested on the same rotated meshes, features made anew from each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect import metrics, record
from training.contract import Evaluation, Findings, Fitted, Method
from training.geometry.rotations import about, draws, rotate

if TYPE_CHECKING:
    from training.data import Floats, Values

SEED = 1992
DRAWS, ANGLES, TURNS = 5, tuple(range(30, 181, 30)), 2
"""Draws from SO(3), angles in degrees, and random axes for each angle."""

UNTURNED = ("hks", "aligned")
FEW_DRAWS, FEW_ANGLES, FEW_TURNS = 3, (90, 180), 1
"""The same for features that no rotation changes, which takes few draws to show: signatures cost 10 ms a mesh."""


def applies(method: Method) -> bool:
    """Say whether the method classifies meshes."""
    return "landmarks" in method.all_blocks()


def evaluate(fitted: Fitted) -> Findings:
    """Return the scores of each draw from SO(3) and of each angle, the draws' means, and the codes of the first draw.

    The angle 0 are the run's own predictions.
    """
    assert fitted.split.test is not None
    inputs, n = fitted.split.test.inputs, len(fitted.split.test)
    meshes = np.asarray(inputs.x)
    true, classes = fitted.truth["test"], np.array(fitted.split.classes)
    rng = np.random.default_rng(SEED)
    few = fitted.job.settings.get("features") in UNTURNED
    count, angles, turns = (FEW_DRAWS, FEW_ANGLES, FEW_TURNS) if few else (DRAWS, ANGLES, TURNS)

    rows: list[dict[str, Any]] = []

    def score(angle: float, draw: int, probabilities: Floats) -> None:
        scores = metrics.score(true, _named(classes, probabilities), fitted.split.targets, metrics.CLASSIFICATION)
        rows.extend(
            {"angle": angle, "draw": draw, "metric": metric, "target": target, "value": value}
            for (metric, target), value in scores.items()
        )

    model: Any = fitted.outcome.model  # a Model need not have encode; a method that has codes does
    codes: dict[str, dict[str, Floats]] = {}
    for draw in range(count):
        turned = rotate(meshes, draws(n, rng).astype(meshes.dtype))
        score(np.nan, draw, model.predict(inputs.replace(landmarks=turned)))
        if draw == 0 and "penultimate" in fitted.outcome.embeddings:
            codes["penultimate_rotated"] = {"test": model.encode(inputs.replace(landmarks=turned))}
    score(0.0, 0, fitted.outcome.predictions["test"])
    for angle in angles:
        for draw in range(turns):
            matrices = about(rng.normal(size=(n, 3)), angle).astype(meshes.dtype)
            score(float(angle), draw, model.predict(inputs.replace(landmarks=rotate(meshes, matrices))))

    table = pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.ROTATIONS]))
    over_all = table[table["angle"].isna() & (table["target"] == record.ALL)]
    means = over_all.groupby("metric")["value"].mean()
    scores = {record.metric("test", str(name), record.ROTATED): float(value) for name, value in means.items()}
    # always the most frequent class: it sees no mesh, turned or not
    majority = metrics.majority_row(fitted.truth["train"][:, 0], n)[:, None]
    for (name, target), value in metrics.score(true, majority, fitted.split.targets, metrics.CLASSIFICATION).items():
        if target == record.ALL:
            scores[record.metric("test", name, record.ROTATED, record.MAJORITY)] = value
    return Findings({record.Artifact.ROTATIONS: table}, scores, codes)


def _named(classes: Values, probabilities: Floats) -> Values:
    """Return the most probable class (n, 1) of probabilities (n, c)."""
    named: Values = classes[np.argmax(probabilities, axis=1)][:, None]
    return named


EVALUATION = Evaluation(applies, evaluate)
