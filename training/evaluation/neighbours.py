"""The samples nearest to each test sample in the inputs: what resembles it before a method has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect.record import COLUMNS, Artifact
from training.contract import IMAGES, Evaluation, Findings, Fitted, Method
from training.evaluation import _test_samples, thumbnails

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Part

NEAREST = 6
"""Neighbours of each test sample."""
WORST, OTHERS = 500, 1500
"""Test samples that have neighbours where there are more than both together: the worst, and others evenly."""
AMONG = 20_000
"""Samples of a part that may be a neighbour: of more, so many evenly."""
GRID = 16
"""Blocks across and down whose mean grey values stand for an image."""
AT_ONCE = 256
"""Samples that are read at once."""


def applies(method: Method) -> bool:
    """Say that every method has inputs to compare."""
    return True


def evaluate(fitted: Fitted) -> Findings:
    """Return neighbours.parquet: of each test sample the nearest others of all parts.

    Distances are Euclidean over all inputs side by side, each divided by its standard deviation on train. Images are
    compared by the grey values of `GRID` × `GRID` blocks, meshes by their vertices about their centre; of a window the
    last step counts.
    """
    import pandas as pd
    from sklearn.neighbors import NearestNeighbors

    split = fitted.split
    if split.test is None or not len(split.test):
        return Findings()
    names, parts, values = [], [], []
    for name, part in split.parts().items():
        rows = np.linspace(0, len(part) - 1, min(AMONG, len(part))).round().astype(np.int64)
        names.append((fitted.test_sample if name == "test" else part.sample)[rows])
        parts.append(np.full(len(rows), name))
        values.append(flat(part, rows))
    spread = values[0].std(axis=0)  # train is the first part
    scale = np.where(spread > 0, spread, 1.0)
    every, of = np.concatenate(names), np.concatenate(parts)
    chosen = _test_samples.choose(_test_samples.error(fitted), WORST, OTHERS)
    among = np.concatenate(values) / scale
    nearest = NearestNeighbors(n_neighbors=min(NEAREST + 1, len(among)), algorithm="brute").fit(among)
    distance, near = nearest.kneighbors(flat(split.test, chosen) / scale)
    found = []
    for sample, far, rows in zip(fitted.test_sample[chosen], distance, near, strict=True):
        others = [(every[row], of[row], d) for d, row in zip(far, rows, strict=True) if every[row] != sample][:NEAREST]
        found += [(sample, rank, *other) for rank, other in enumerate(others, 1)]
    return Findings({Artifact.NEIGHBOURS: pd.DataFrame(found, columns=list(COLUMNS[Artifact.NEIGHBOURS]))})


def flat(part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the inputs of some samples as one row of numbers each, (b, d)."""
    found = []
    for some in (rows[k : k + AT_ONCE] for k in range(0, len(rows), AT_ONCE)):
        blocks = [_numbers(_test_samples.last(view, some), name) for name, view in part.inputs.items()]
        found.append(np.concatenate(blocks, axis=1))
    return np.nan_to_num(np.concatenate(found))


def _numbers(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Return one block's values (b, …) as (b, d)."""
    if name == IMAGES:
        grey = values.astype(np.float32).mean(axis=1)
        height, width = (max(side // GRID, 1) for side in grey.shape[1:])
        whole = grey[:, : grey.shape[1] // height * height, : grey.shape[2] // width * width]
        b, rows, columns = whole.shape
        means: NDArray[np.float32] = whole.reshape(b, rows // height, height, columns // width, width).mean(axis=(2, 4))
        return means.reshape(b, -1)
    if name == thumbnails.MESHES:
        values = values - values.mean(axis=1, keepdims=True)
    flat: NDArray[np.float32] = np.asarray(values, np.float32).reshape(len(values), -1)
    return flat


EVALUATION = Evaluation(applies, evaluate, once=True)
