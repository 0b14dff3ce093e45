"""What test samples look like: small images of all of them (or of many), and the meshes of some."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.record import COLUMNS, Artifact
from training.contract import IMAGES, Evaluation, Findings, Fitted, Method
from training.evaluation import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 64
"""Pixels of the longer side of a thumbnail: 2 to 8 kB as PNG."""
WORST, OTHERS = 500, 1500
"""Images that are kept where there are more test samples than both together: the worst, and others evenly."""
MESHES = "landmarks"
AT_ONCE = 64
"""Samples that are read at once: of a windowed method each is as many images as its window has."""


def applies(method: Method) -> bool:
    """Say whether the method sees images or meshes."""
    return bool({IMAGES, MESHES} & set(method.all_blocks()))


def evaluate(fitted: Fitted) -> Findings:
    """Return thumbnails.parquet of test images, and test_meshes.parquet of some test meshes."""
    import pandas as pd

    test = fitted.split.test
    if test is None or not len(test):
        return Findings()
    wrong, tables = error(fitted), {}
    if IMAGES in test.inputs:
        rows = np.arange(len(test)) if len(test) <= WORST + OTHERS else figures.choose(wrong, WORST, OTHERS)
        pngs = [png(image) for some in _split(rows) for image in last(test.inputs[IMAGES], some)]
        values = dict(zip(COLUMNS[Artifact.THUMBNAILS], (fitted.test_sample[rows], pngs), strict=True))
        tables[Artifact.THUMBNAILS] = pd.DataFrame(values)
    if MESHES in test.inputs:
        rows = figures.choose(wrong)
        meshes = np.asarray(last(test.inputs[MESHES], rows), np.float32)
        n, vertices, _ = meshes.shape
        table = pd.DataFrame(meshes.reshape(-1, 3), columns=["x", "y", "z"])
        table.insert(0, "vertex", np.tile(np.arange(vertices), n))
        table.insert(0, "sample", np.repeat(fitted.test_sample[rows], vertices))
        tables[Artifact.TEST_MESHES] = table
    return Findings(tables)


def error(fitted: Fitted) -> NDArray[np.float64]:
    """Return how wrong each test prediction is (n,): mean |prediction − truth|, or 1 − the true class's probability."""
    predicted, truth = np.asarray(fitted.outcome.predictions["test"], float), fitted.truth["test"]
    if not fitted.split.classes:
        wrong: NDArray[np.float64] = np.abs(predicted - truth).mean(axis=1)
        return wrong
    place = {name: number for number, name in enumerate(fitted.split.classes)}
    of = np.array([place.get(str(name), -1) for name in np.asarray(truth)[:, 0]])
    given = predicted[np.arange(len(of)), of]
    return np.where(of >= 0, 1 - given, 1.0)  # a class that train lacks is always missed


def last(view: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the rows (b, …) of a view; of windows the last step, which is what is predicted."""
    values, _ = view[rows]
    found: NDArray[Any] = values[:, -1] if view.windowed else values
    return found


def _split(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[k : k + AT_ONCE] for k in range(0, len(rows), AT_ONCE)]


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image uint8 (3, height, width) as a PNG whose longer side is at most `SIDE` pixels."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(np.moveaxis(image, 0, -1)))
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


EVALUATION = Evaluation(applies, evaluate, once=True)
