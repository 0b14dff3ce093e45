"""Networks on frames: a step of a fit, with its batches from a memory-mapped file, against the network alone.

The peer is the same network, loss and optimiser on one batch that lies in memory. What is beyond it is the share of a
step that is not the network. One thread.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.row import Row, row
from training.networks import augmentation, ccc, cnns, frame_cnn
from training.networks import batches as batches_module
from training.networks.batches import Batches, Shuffled
from training.networks.step import Descent, optimiser

BATCH, FRAMES = 32, 30_000
NETWORKS = (("cnn_m", 0.25), ("cnn_m", 1), ("vgg16", 0.25), ("vgg16", 1), ("resnet50", 0.25), ("resnet50", 1))


def rows(scale: float) -> Iterable[Row]:
    """Yield a step of each network against the network alone; fewer steps on a smaller scale."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        n = max(4 * BATCH, int(FRAMES * scale))
        images = np.lib.format.open_memmap(Path(folder) / "frames.npy", "w+", np.uint8, (n, 3, 64, 64))
        images[:] = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
        va = np.random.default_rng(1).uniform(-1, 1, (n, 2)).astype(np.float32)
        for name, width in NETWORKS:
            yield _of(name, width, images, va, max(2, int((40 if width < 1 else 8) * scale)))
    torch.set_num_threads(threads)


def _of(name: str, width: float, images: np.ndarray, va: np.ndarray, steps: int) -> Row:
    module = cnns.placed(frame_cnn.FrameCnn(frame_cnn.Shape(name, width, 64, 0.1)), "cpu")

    def step(batch):
        frames = augmentation.moved(augmentation.mirrored(batch[0]), 2)
        return ccc.loss(module(frames), batch[1])

    def alone(batch):
        return ccc.loss(module(batch[0]), batch[1])

    fit, network = (Descent(module, loss, optimiser(module, "adam", 1e-6)) for loss in (step, alone))
    # frames that do not fit in memory are fetched batch by batch
    batches_module.WHOLE_BYTES, before = 0, batches_module.WHOLE_BYTES
    source = batches_module.endless(
        Batches(Shuffled(len(va), BATCH), [images, va], "cpu"), torch.Generator().manual_seed(0)
    )
    held = next(source)
    fit.train_mode()
    taken: dict[str, list[float]] = {"fit": [], "network": []}
    for k in range(steps + 1):
        begun = time.perf_counter()
        fit.take(next(source), k)
        middle = time.perf_counter()
        network.take(held, k)
        if k:
            taken["fit"].append(middle - begun)
            taken["network"].append(time.perf_counter() - middle)
    batches_module.WHOLE_BYTES = before
    ours, peer = (float(np.median(times)) for times in taken.values())
    note = f"{BATCH / ours:.0f} frames/s; {max(0.0, 1 - peer / ours):.1%} of a step is not the network"
    return row(f"{name}, width {width}, batch {BATCH}", "the network alone", ours, peer, "<= 1.053", note=note)
