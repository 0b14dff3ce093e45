"""Memory: one epoch over more frames than fit in it, through reader, protocol, split, views and loop.

507,000 frames of 64×64 are 6.2 GB on disk, as many as Aff-Wild's. They are synthetic frames, of which only 2,000 are
drawn and stand for all others: what is measured does not depend on what is seen. ``frames/cnn_rnn`` with CNN-M at a
fiftieth of its width is fitted for one epoch, and predicts every frame.

Pages of a memory-mapped file count as the process's memory while they are mapped, though the system may drop them at
any time. So both are shown: what the process has taken for itself alone (RssAnon), and the most that it had in memory,
mapped pages included (VmHWM).

It takes 6.2 GB of disk in the cache, which it checks first and gives back, and some ten minutes on two quiet cores, so
it runs only where it is named: ``make bench ARGS=memory``.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from search_spaces.frames.cnn_rnn import TINY
from tests.benchmarks.row import Row, row
from training import cache, protocols
from training.contract import Job
from training.datasets import _drawing, synthetic_frames
from training.methods.frames import cnn_rnn
from training.networks import windows

FRAMES = 507_000
FRAME_BYTES = 3 * 64 * 64
BUDGET_GB = 4.0
WINDOW_S = 4
SETTINGS = {"cell": "gru", "cnn": "cnn_m", "context_s": 1, "width": 0.02}
PARAMS = {**TINY, "chunk": 16, "batch": 128, "epochs": 1}


def rows(scale: float) -> Iterable[Row]:
    """Yield memory and speed of one epoch; fewer frames on a smaller scale, where the budget is not the question."""
    frames = max(2000, int(FRAMES * scale))
    needed, free = 1.2 * frames * FRAME_BYTES, shutil.disk_usage(cache.folder()).free
    if free < needed:
        raise OSError(f"{cache.folder()}: expected {needed / 1e9:.1f} GB of free disk, found {free / 1e9:.1f} GB")
    with watched() as peak:
        data = data_of(frames)
        before = status()["RssAnon"]
        wide = protocols.for_method(cnn_rnn.METHOD, data, {**SETTINGS, "context_s": WINDOW_S}).split(
            cnn_rnn.METHOD, {**SETTINGS, "context_s": WINDOW_S}, test=True
        )
        windowing = status()["RssAnon"] - before
        assert wide.train.x.shape[1] == WINDOW_S * synthetic_frames.RATE
        del wide
        fetching, taken, predicting = one_epoch(data)
    size = frames * FRAME_BYTES / 1e9
    about = f"{frames:,} frames, {size:.2f} GB on disk"
    yield row("memory · epoch, taken by the process (RssAnon)", "4 GB", peak["RssAnon"], BUDGET_GB, "<= 1", unit="GB",
              note=f"{about}; at most {peak['RssFile']:.2f} GB of mapped pages at a time")  # fmt: skip
    yield row("memory · epoch, mapped pages included (VmHWM)", "4 GB", status()["VmHWM"], BUDGET_GB, "<= 1", unit="GB",
              note=about)  # fmt: skip
    yield row(f"memory · {WINDOW_S} s windowing", "its frames", size + windowing, size, "<= 1.2", unit="GB",
              note=f"the split itself takes {1e3 * windowing:.0f} MB")  # fmt: skip
    trained = sum(taken["samples"])
    yield row("memory · training step", "without fetching frames", taken["seconds"], taken["seconds"] - fetching,
              "<= 1.05", note=f"{trained / taken['seconds']:.0f} samples/s on {torch.get_num_threads()} threads, "
              f"{100 * fetching / taken['seconds']:.1f} % fetching; all predicted in {predicting:.0f} s")  # fmt: skip


def data_of(frames: int) -> Any:
    """Return synthetic frames, of which the first 2,000 are drawn and stand for all others."""
    drawn = synthetic_frames.generate(frames=2000).blocks["images"].values

    def repeated(parameters: Any, seed: Any) -> Any:
        return drawn[np.arange(len(parameters["zoom"])) % len(drawn)]

    with mock.patch.object(_drawing, "draw", repeated):
        return synthetic_frames.generate(frames=frames)


def one_epoch(data: Any) -> tuple[float, dict[str, Any], float]:
    """Fit for an epoch; return seconds of fetching, seconds and samples of the steps, seconds of predicting."""
    spent: dict[str, Any] = {"fetching": 0.0, "samples": [], "seconds": 0.0}

    class Timed(windows.WindowBatches):
        def epoch(self, generator: torch.Generator) -> Iterator[Any]:
            start = now = time.perf_counter()
            for batch in super().epoch(generator):
                spent["fetching"] += time.perf_counter() - now
                spent["samples"].append(len(batch[1]))
                yield batch
                now = time.perf_counter()
            spent["seconds"] = now - start

    reported: list[float] = []
    split = protocols.for_method(cnn_rnn.METHOD, data, SETTINGS).split(cnn_rnn.METHOD, SETTINGS, test=True)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(windows, "WindowBatches", Timed):
        job = Job(
            settings=SETTINGS,
            seed=0,
            device="cpu",
            report=lambda step, value, **scores: reported.append(time.perf_counter()),
            cache=Path(folder),
            checkpoint=Path(folder),
            threads=torch.get_num_threads(),
        )
        outcome = cnn_rnn.fit(PARAMS, split, job)
    assert all(np.isfinite(values).all() for values in outcome.predictions.values())
    return spent["fetching"], spent, time.perf_counter() - reported[-1]


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Yield the peaks of RssAnon and RssFile, in GB, which go up while the block runs."""
    peak = {"RssAnon": 0.0, "RssFile": 0.0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            now = status()
            for name in peak:
                peak[name] = max(peak[name], now[name])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def status() -> dict[str, float]:
    """Return this process's memory as Linux tells it, in GB, by name."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    pairs = (line.split(":") for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 / 1e9 for name, value in pairs}
