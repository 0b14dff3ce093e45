"""Small networks: the bench's training loop against the loops that people write, on the same net, data and steps.

A net of 512-128-2 on 4,096 rows, batch 64, Adam, the validation error once an epoch, one thread.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.row import Row, in_turn, row
from training.contract import Job
from training.networks import loop
from training.networks.batches import Batches, Shuffled
from training.networks.step import Descent, optimiser

INPUTS, HIDDEN, OUTPUTS, BATCH, RATE = 512, 128, 2, 64, 1e-3
ROWS, EPOCHS = 4096, 20
ROUNDS = 5


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS))


def usual(batches: Callable[[], Iterable[Sequence[Tensor]]], validation: tuple[Tensor, Tensor], epochs: int) -> None:
    """Fit as a tutorial does: any iterable of batches, Adam as it comes."""
    module, loss = network(), nn.MSELoss()
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE)
    for _ in range(epochs):
        module.train()
        total = 0.0
        for x, y in batches():
            optimiser.zero_grad()
            value = loss(module(x), y)
            value.backward()
            optimiser.step()
            total += value.item()
        module.eval()
        with torch.no_grad():
            float(loss(module(validation[0]), validation[1]))


def rows(scale: float) -> Iterable[Row]:
    """Yield the loop against plain indexing and against a DataLoader; fewer rows on a smaller scale."""
    n = max(BATCH * 2, int(ROWS * scale))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n + n // 4, INPUTS, generator=generator)
    y = torch.tanh(x[:, :OUTPUTS] + 0.1 * torch.randn(len(x), OUTPUTS, generator=generator))
    train, validation = (x[:n], y[:n]), (x[n:], y[n:])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    mse = nn.MSELoss()

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            job = Job({}, 0, "cpu", lambda step, value, **scores: None, Path(folder), Path(folder), threads=1)
            with loop.seeded(job):
                module = network()
                loop.fit(
                    Descent(module, lambda batch: mse(module(batch[0]), batch[1]), optimiser(module, "adam", RATE)),
                    Batches(Shuffled(n, BATCH), train, "cpu"),
                    lambda: float(mse(module(validation[0]), validation[1])),
                    loop.Schedule(epochs=EPOCHS),
                    job,
                )

    def indexed() -> Iterable[Sequence[Tensor]]:
        order = torch.randperm(n)
        for start in range(0, n, BATCH):
            chosen = order[start : start + BATCH]
            yield train[0][chosen], train[1][chosen]

    loader = DataLoader(TensorDataset(*train), batch_size=BATCH, shuffle=True)
    own, plain, loaded = in_turn(
        ours,
        lambda: usual(indexed, validation, EPOCHS),
        lambda: usual(lambda: loader, validation, EPOCHS),
        rounds=ROUNDS,
    )
    torch.set_num_threads(threads)
    note = f"{n} rows, {EPOCHS} epochs, one thread"
    yield row("small net 512-128-2, batch 64", "plain loop indexing whole tensors", own, plain, "<= 0.8", note=note)
    yield row("small net 512-128-2, batch 64", "torch DataLoader", own, loaded, note=note)
