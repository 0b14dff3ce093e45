"""The networks that docs/networks.md shows are fitted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from affect import metrics
from tests import small_data
from training.data import Part, Split
from training.networks import loop
from training.views import Inputs, View, whole

GUIDE = (Path(__file__).resolve().parent.parent / "docs/networks.md").read_text("utf-8")
N = 300


def example(name: str) -> Any:
    """Return a function that the guide shows."""
    (block,) = (
        b for b in re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE) if f"def {name}(" in b
    )
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    return namespace[name]


def part(x: View, y: np.ndarray | None) -> Part:
    names = np.arange(len(x)).astype(str)
    return Part(names, names, Inputs({"x": x}), y)


def job(truth: np.ndarray, log: list) -> Any:
    def score(predictions: np.ndarray) -> float:
        return metrics.score(truth, predictions, ["valence", "arousal"], ["ccc"])["ccc", "all"]

    return small_data.job(log=log, direction="maximize", score=score)


def test_the_recurrent_network_of_the_guide_learns():
    """Valence is the last value of a window, and arousal its mean."""
    values = np.random.default_rng(0).uniform(-1, 1, (2 * N, 2)).astype(np.float32)
    rows = np.arange(2 * N)[:, None] + np.arange(-3, 1)
    view = View(values, np.where(rows < 0, -1, rows))
    windows, mask = view[:]
    y = np.stack([windows[:, -1, 0], windows[..., 1].sum(axis=1) / mask.sum(axis=1)], axis=1).astype(float)
    split = Split(part(view.take(slice(0, N)), y[:N]), part(view.take(slice(N, 2 * N)), y[N:]), None, {}, ("v", "a"))
    log: list = []
    params = {"width": 16, "learning_rate": 0.02, "epochs": 20}
    _, predictions = example("fit_recurrent")(params, split, job(y[N:], log))
    assert predictions["validation"].shape == (N, 2)
    assert max(value for _, value, _ in log) > 0.8


def test_the_gan_of_the_guide_learns_from_labelled_and_unlabelled_rows():
    x = np.random.default_rng(0).uniform(-1, 1, (3 * N, 4)).astype(np.float32)
    y = x[:, :2].astype(float)
    parts = [part(whole(x[at : at + N]), y[at : at + N] if at < 2 * N else None) for at in (0, N, 2 * N)]
    split = Split(*parts[:2], None, {}, ("v", "a"), unlabelled=parts[2])
    log: list = []
    lent = job(y[N : 2 * N], log)
    with loop.seeded(lent):
        generator = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        discriminator = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 3))
        example("fit_gan")(generator, discriminator, split, lent, rounds=8)
    assert max(value for _, value, _ in log) > 0.5 > log[0][1]
    assert {"train__loss", "train__generator", "train__discriminator", "train__regression"} == set(log[0][2])
    with torch.no_grad():
        assert generator(torch.rand(500, 8)).mean(dim=0).abs().max() < 0.5
