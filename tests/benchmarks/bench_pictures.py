"""Reading a folder of photographs: kept from the first read, against opening each one again as a loader does.

Photographs of 350 × 350 with no face box: the first read decodes, looks for the face, cuts and scales; the second finds
what was kept. The peer opens and scales each image and looks for no face.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.row import Row, in_turn, row
from training.datasets import _images, synthetic_faces

PICTURES, SIDE = 720, 350
ROUNDS = 3


def rows(scale: float) -> Iterable[Row]:
    """Yield the second read against a loader's pass; fewer images on a smaller scale."""
    images = synthetic_faces.generate().blocks["images"].values
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, image in enumerate(images[: max(10, int(PICTURES * scale))]):
            path = Path(folder) / f"{i:04d}.jpg"
            Image.fromarray(image.transpose(1, 2, 0)).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
            paths.append(path)

        def opened() -> None:
            for path in paths:
                with Image.open(path) as image:
                    np.asarray(image.convert("RGB").resize((_images.SIZE, _images.SIZE)))

        begun = time.perf_counter()
        _images.load(paths)
        first = time.perf_counter() - begun
        again, loader = in_turn(lambda: _images.load(paths), opened, rounds=ROUNDS)
    yield row(
        f"images · {len(paths):,} photographs, second read",
        "opening each again",
        again,
        loader,
        "<= 0.1",
        note=f"the first read, which looks for the faces too, took {first:.1f} s",
    )
