"""Emotion from meshes by a linear model: the baseline that graph networks must beat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from affect import metrics
from training.contract import Job, Outcome, Params
from training.data import Split
from training.geometry import mesh_features, rotations
from training.methods.meshes._family import MESHES
from training.models import linear_classifier
from training.models.linear_classifier import LinearMeshes

METHOD = replace(MESHES, title="Linear model of meshes")

ROTATED = 8
"""How often each train mesh is turned where rotations are trained and features turn: an epoch of a network each."""


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train in one step; validation only says how good it is."""
    train, validation = split.train, split.validation
    x, y = np.asarray(train.x), train.targets()
    features = mesh_features.Features.fit(x, job)
    if params["horizontal_flip"]:
        x, y = np.concatenate([x, mesh_features.mirrored(x)]), np.tile(y, 2)
    if job.settings["rotations"] == "train" and features.turns:
        copies = min(ROTATED, job.epochs or ROTATED)
        x, y = np.tile(x, (copies, 1, 1)), np.tile(y, copies)
        x = rotations.rotate(x, rotations.draws(len(x), np.random.default_rng(job.seed)))
    weights, bias = linear_classifier.fit(features.of(x), y, split, params)
    model = LinearMeshes(features, weights, bias)
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    job.report(1, metrics.f1(validation.targets(), predictions["validation"].argmax(axis=1)))
    return Outcome(
        model=model,
        predictions=predictions,
        embeddings={"penultimate": {name: model.encode(part.inputs) for name, part in split.parts().items()}},
        parameters=weights.size + bias.size,
    )


def load(folder: Path, device: str) -> LinearMeshes:
    """Read a saved model; it predicts on the CPU wherever it is."""
    return linear_classifier.load(folder)
