"""Videos: ``prepare frames`` with a face search in every frame, against the video's own length and OpenCV's usual way.

The video is made up: 640×360, 30 frames a second, a drawn head of a photograph's size that no cascade takes for a face,
so that the whole frame is searched again and again: the slowest case. One core.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from tests.benchmarks.row import Row, row
from tests.training.video import films
from training.video import faces

SECONDS, FPS = 12, 30
ROUNDS = 3


def rows(scale: float) -> Iterator[Row]:
    """Yield the search in real time, and against a loop over `cv2.VideoCapture` that searches whole frames."""
    seconds = max(3, round(SECONDS * scale))
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 120, (360, 640, 1), np.uint8).repeat(3, axis=2)
    frames = []
    for k in range(seconds * FPS):
        frame = ground.copy()
        frame[100:220, 250 + k % 40 : 350 + k % 40] = 200
        frames.append(frame)
    with tempfile.TemporaryDirectory(prefix="affectory-bench-") as folder:
        file = films.write(Path(folder) / "film.mp4", frames, rate=FPS)
        ours = [_cpu(lambda: faces.look(file, FPS)) for _ in range(ROUNDS)]
        theirs = [_cpu(lambda: _usual(file)) for _ in range(ROUNDS)]
    yield row(
        f"video · prepare frames, {seconds} s at 640×360", "real time, a core", median(ours), float(seconds), ">= 2.5"
    )
    yield row("video · a face search in every frame", "cv2.VideoCapture, whole frames", median(ours), median(theirs))


def _cpu(work: object) -> float:
    begun = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - begun


def _usual(file: Path) -> int:
    import cv2
    import cv2.data

    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")
    film, found = cv2.VideoCapture(str(file)), 0
    while True:
        there, frame = film.read()
        if not there:
            return found
        found += len(cascade.detectMultiScale(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), 1.15, 3, minSize=(50, 50)))
