"""Pleasure, arousal and dominance from Laban Movement Analysis features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import preparation, trees

METHOD = Method(
    title="Boosted trees from LMA features to PAD",
    source="lma-thesis-report-8",
    data="motion",
    inputs="features",
    targets="pad",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit one regressor each for P, A and D; rows whose features are outliers leave the train part."""
    train, validation = split.train, split.validation
    features = np.asarray(train.x)
    inliers = preparation.inliers(features, params, job.seed)
    x, y = features[inliers], train.targets()[inliers]
    model = trees.fit(
        (x, y),
        (np.asarray(validation.x), validation.targets()),
        params,
        job,
        # trees do not mind the scale of their inputs, and P, A and D share one scale by definition
        (preparation.scaling(x, params["scaling"]), preparation.scaling(y, "none")),
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
