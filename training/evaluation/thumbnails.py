"""What test samples look like: small images of all of them (or of many), and the meshes of some."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from affect.record import COLUMNS, Artifact
from training.contract import IMAGES, Evaluation, Findings, Fitted, Method
from training.evaluation import _test_samples, figures

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
    wrong, tables = _test_samples.error(fitted), {}
    if IMAGES in test.inputs:
        rows = _test_samples.choose(wrong, WORST, OTHERS)
        pngs = [png(image) for some in _split(rows) for image in _test_samples.last(test.inputs[IMAGES], some)]
        values = dict(zip(COLUMNS[Artifact.THUMBNAILS], (fitted.test_sample[rows], pngs), strict=True))
        tables[Artifact.THUMBNAILS] = pd.DataFrame(values)
    if MESHES in test.inputs:
        rows = _test_samples.choose(wrong, figures.WORST, figures.OTHERS)
        meshes = np.asarray(_test_samples.last(test.inputs[MESHES], rows), np.float32)
        n, vertices, _ = meshes.shape
        table = pd.DataFrame(meshes.reshape(-1, 3), columns=["x", "y", "z"])
        table.insert(0, "vertex", np.tile(np.arange(vertices), n))
        table.insert(0, "sample", np.repeat(fitted.test_sample[rows], vertices))
        tables[Artifact.TEST_MESHES] = table
    return Findings(tables)


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
