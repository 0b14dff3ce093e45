"""Laban Movement Analysis features from pleasure, arousal and dominance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import preparation, trees

METHOD = Method(
    title="Boosted trees from PAD to LMA features",
    source="lma-thesis-report-8",
    data="motion",
    inputs="pad",
    targets="features",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit one regressor for each feature from P, A and D; rows whose features are outliers leave the train part."""
    train, validation = split.train, split.validation
    inliers = preparation.inliers(train.targets(), params, job.seed)
    x, y = np.asarray(train.x)[inliers], train.targets()[inliers]
    model = trees.fit(
        (x, y),
        (np.asarray(validation.x), validation.targets()),
        params,
        job,
        (preparation.scaling(x, "none"), preparation.scaling(y, params["scaling"])),
        label_range=(split.low, split.high),
    )
    return Outcome(
        model=model,
        predictions={name: model.predict(part.inputs) for name, part in split.parts().items()},
        parameters=model.leaves(),
    )


def load(folder: Path, device: str) -> trees.Trees:
    """Read a saved model; trees predict on the CPU wherever they are."""
    return trees.load(folder)
