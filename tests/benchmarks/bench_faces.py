"""Images: a training step of the face VAE with its data against the same step on one batch that is there already.

The published network at its default width on 64 × 64 images, batch 16, Adam, mirrored images, one thread. With its
data means: shuffled, gathered, mirrored and converted from bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from search_spaces.faces import face_vae_continuous
from tests.benchmarks.row import Row, in_turn, row
from training.networks import face_vae, vae
from training.networks.batches import Batches, Shuffled

PICTURES, BATCH = 640, face_vae_continuous.DEFAULTS["batch"]
ROUNDS = 5


def rows(scale: float) -> Iterable[Row]:
    """Yield an epoch of steps with and without data loading; fewer images on a smaller scale."""
    n = max(4, int(PICTURES * scale) // BATCH) * BATCH
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8)
    va = torch.rand(n, 2) * 2 - 1
    shape = face_vae.Shape(face_vae_continuous.DEFAULTS["width"], outputs=1)
    module = face_vae.FaceVae(shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-4, fused=True)
    order = torch.Generator().manual_seed(0)
    batches = Batches(Shuffled(n, BATCH), [images, va], "cpu")

    def step(wanted: Tensor, labels: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        mean, log_variance = module.moments(module.down(wanted)).chunk(2, dim=-1)
        z = vae.draw(mean, log_variance)
        error = functional.mse_loss(module.decode(z), wanted) + 1e-5 * vae.kl(mean, log_variance).mean()
        (error + 0.1 * face_vae.squared_error(module.project(z), labels)).backward()
        optimiser.step()

    def with_data() -> None:
        for batch, labels in batches.epoch(order):
            step(face_vae.scaled(face_vae.mirrored(batch)), labels)

    ready, known = face_vae.scaled(images[:BATCH]), va[:BATCH]

    def without() -> None:
        for _ in range(n // BATCH):
            step(ready, known)

    own, bare = in_turn(with_data, without, rounds=ROUNDS)
    torch.set_num_threads(threads)
    note = f"{n} images, one thread: {n / own:.0f} images/s with data, {n / bare:.0f} without"
    yield row(
        f"face VAE, a training step, batch {BATCH}", "the same without data loading", own, bare, ">= 0.95", note=note
    )
