"""The moving figures of some test windows: those with the largest errors, and others evenly over the test part."""

from __future__ import annotations

import numpy as np

from affect.record import Artifact
from training.contract import Evaluation, Findings, Fitted, Method
from training.evaluation import _test_samples

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
    rows = _test_samples.choose(_test_samples.error(fitted), WORST, OTHERS)
    chosen = [name for name in fitted.test_sample[rows].tolist() if name in row]
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


EVALUATION = Evaluation(applies, evaluate, once=True)
