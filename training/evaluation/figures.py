"""The moving figures of some test windows: those with the largest errors, and others evenly over the test part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from affect.record import Artifact
from training.contract import Evaluation, Findings, Fitted, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORST, OTHERS = 40, 80
"""Windows that are kept: a figure is 180 rows."""
BLOCKS = {"features", "pad"}


def applies(method: Method) -> bool:
    """Say whether the method is about windows of motion."""
    return bool(BLOCKS & {*method.all_blocks(), method.targets})


def evaluate(fitted: Fitted) -> Findings:
    """Return figures.parquet: where the joints are in each frame of a window; none where the data has no figures."""
    import pandas as pd

    from affect.body import JOINTS

    if fitted.data.figures is None:
        return Findings()
    row = {name: place for place, name in enumerate(fitted.data.sample.tolist())}
    error = np.abs(np.asarray(fitted.outcome.predictions["test"], float) - fitted.truth["test"]).mean(axis=1)
    chosen = [name for name in fitted.test_sample[choose(error)].tolist() if name in row]
    positions = fitted.data.figures(np.array([row[name] for name in chosen], np.int64))
    known = ~np.isnan(positions).any(axis=(1, 2, 3))
    positions, names = positions[known], np.array(chosen, np.str_)[known]
    if not len(names):
        return Findings()
    n, frames, joints, _ = positions.shape
    table = pd.DataFrame(positions.reshape(-1, 3), columns=["x", "y", "z"])
    table.insert(0, "joint", np.tile(JOINTS, n * frames))
    table.insert(0, "frame", np.tile(np.repeat(np.arange(frames), joints), n))
    table.insert(0, "sample", np.repeat(names, frames * joints))
    return Findings({Artifact.FIGURES: table})


def choose(error: NDArray[np.float64], worst: int = WORST, others: int = OTHERS) -> NDArray[np.int64]:
    """Return the rows that are kept, in order: the `worst` by error (n,), and `others` evenly among all."""
    first = np.argsort(-error, kind="stable")[:worst]
    even = np.linspace(0, len(error) - 1, min(others, len(error))).round().astype(np.int64)
    return np.union1d(first, even)


EVALUATION = Evaluation(applies, evaluate, once=True)
