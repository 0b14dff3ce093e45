"""Motion capture: reading a BVH file against pybvh, and ``prepare motion`` against the recording's own length.

The recording is made up: 60 s at 120 frames a second, 19 joints. One core. Reading is bound by the conversion of text
to numbers and by the checks that say in which line a file is wrong; the features by SciPy's rotations.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.row import Row, in_turn, row
from tests.training.motion_capture.recordings import write
from training.motion_capture import bvh
from training.prepare import motion

SECONDS, FPS = 60, 120
ROUNDS = 5


def rows(scale: float) -> Iterator[Row]:
    """Yield reading, and the two presets; a shorter recording on a smaller scale."""
    import pybvh

    seconds = max(5, round(SECONDS * scale))
    with tempfile.TemporaryDirectory(prefix="affectory-bench-") as folder:
        file = write(Path(folder), frames=seconds * FPS)
        ours, theirs = in_turn(lambda: bvh.read(file), lambda: pybvh.read_bvh_file(str(file)), rounds=ROUNDS)
        yield row(
            "motion · reading a BVH file",
            "pybvh.read_bvh_file",
            ours,
            theirs,
            note="bound by text to numbers, and checks",
        )
        for preset in ("published", "plain"):
            taken = []
            for _ in range(ROUNDS):
                begun = time.process_time()
                motion.windows(file, motion.Options(preset))
                taken.append(time.process_time() - begun)
            topic = f"motion · prepare motion --preset {preset}, {seconds} s at {FPS} fps"
            yield row(topic, "real time, a core", median(taken), float(seconds), ">= 20")
