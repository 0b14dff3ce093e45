"""Valence and arousal from video and audio, each averaged over its window, side by side.

Nothing is learnt before the average, so windows are averaged once and not in every epoch. The objective is CCC, as for
the other methods of fusion: see `training.methods.fusion.bayesian_ridge`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import window_features

if TYPE_CHECKING:
    from torch import Tensor

    from training.networks.batches import Batch
    from training.networks.fusion import FittedConcat

METHOD = Method(
    title="Averages of video and audio, concatenated",
    source="audio-visual-fusion",
    data="fusion",
    inputs=("video", "audio"),
    targets="va",
    objective="ccc",
    settings={"window_s": (1, 2, 3, 4)},
    context="window_s",
)

PATIENCE = 10


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation agrees best.

    ``loss`` is rmse, the root of the mean squared error of each axis, added up, as in the source; or ccc, 1 − CCC.
    """
    import torch

    from training.networks import ccc, fitted, fusion, loop
    from training.networks.batches import Batches, Shuffled
    from training.networks.step import Descent, optimiser

    features = window_features.fit(split.train.inputs, split.blocks, "mean")
    train, validation = (features.of(part.inputs).astype(np.float32) for part in (split.train, split.validation))
    shape = fusion.Shape(features.size, params["width"], params["dropout"], len(split.targets))

    def loss(batch: Batch) -> Tensor:
        x, y = batch
        if params["loss"] == "ccc":
            return ccc.loss(module(x), y)
        # the root of 0 has no gradient
        return torch.sqrt((module(x) - y).square().mean(dim=0) + 1e-8).sum()

    def validate() -> float:
        return job.score(fitted.run(module, module, [validation], fusion.AT_ONCE))

    # layers of this size take longer on two threads than on one
    with loop.seeded(job, most_threads=1):
        module = fusion.Concat(shape).to(job.device)
        loop.fit(
            Descent(module, loss, optimiser(module, "adam", params["learning_rate"], params["weight_decay"])),
            Batches(Shuffled(len(train), params["batch"]), [train, split.train.targets()], job.device),
            validate,
            loop.Schedule(epochs=params["epochs"], patience=PATIENCE),
            job,
        )
        model = fusion.FittedConcat(module, shape, features)
        predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model=model, predictions=predictions, parameters=fitted.count(module))


def load(folder: Path, device: str) -> FittedConcat:
    """Read a saved model."""
    from training.networks import fusion

    return fusion.load(folder, device)
