"""How far apart a classifier's classes lie in its latent space, upright and, for meshes, rotated."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import record
from training.contract import LABEL, Evaluation, Findings, Fitted, Method

if TYPE_CHECKING:
    from training.data import Floats, Values


def applies(method: Method) -> bool:
    """Say whether the method is a classifier."""
    return method.targets == LABEL


def evaluate(fitted: Fitted) -> Findings:
    """Return the distance of each pair of classes in each of the method's codes; nothing where it has no codes."""
    label = fitted.truth["test"][:, 0]
    rows = [
        (code, *row)
        for code, parts in fitted.outcome.embeddings.items()
        if "test" in parts
        for row in distances(parts["test"], label)
    ]
    if not rows:
        return Findings()
    columns = list(record.COLUMNS[record.Artifact.SEPARATION])
    return Findings({record.Artifact.SEPARATION: pd.DataFrame(rows, columns=columns)})


def distances(codes: Floats, label: Values) -> list[tuple[str, str, float, float]]:
    """Return for each pair of the classes of codes (n, d): the two, their centres' distance, and it over their spread.

    A class's spread is the root of the mean squared distance of its codes to their centre; a pair's the mean of both.
    The last number is nan where neither class has any.
    """
    names = np.unique(label).tolist()
    centre = {name: codes[label == name].mean(axis=0, dtype=np.float64) for name in names}
    spread = {name: float(np.sqrt(((codes[label == name] - centre[name]) ** 2).sum(axis=1).mean())) for name in names}
    rows = []
    for one, other in itertools.combinations(names, 2):
        apart, within = float(np.linalg.norm(centre[one] - centre[other])), (spread[one] + spread[other]) / 2
        rows.append((one, other, apart, apart / within if within > 0 else float("nan")))
    return rows


# last: The codes of rotated meshes are another evaluation's.
EVALUATION = Evaluation(applies, evaluate, last=True)
