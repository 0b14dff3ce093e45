"""Meshes whose emotion lifts a known vertex, and a classifier that looks at their heights: for evaluations' tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests import small_data
from training import protocols
from training.contract import LABEL, Fitted, Job, Method, Outcome
from training.data import Block, Dataset

CLASSES = ("anger", "happy", "surprise")
VERTICES = 12
MOVED = {"anger": (1,), "happy": (4, 5), "surprise": (9,)}
TRIANGLES = np.array([[i, (i + 1) % VERTICES, (i + 5) % VERTICES] for i in range(VERTICES)])
METHOD = Method("toy", "none", "meshes", "landmarks", LABEL, "f1", settings={"features": ("xyz", "hks")})


class Heights:
    """Says the class whose vertices stand highest over the centroid."""

    def encode(self, inputs: Any) -> Any:
        landmarks = np.asarray(inputs.x)
        height = landmarks[:, :, 1] - landmarks[:, :, 1].mean(axis=1, keepdims=True)
        return np.stack([height[:, MOVED[name]].mean(axis=1) for name in CLASSES], axis=1)

    def predict(self, inputs: Any) -> Any:
        scores = np.exp(np.clip(self.encode(inputs), -30, 30))
        return scores / scores.sum(axis=1, keepdims=True)

    def save(self, folder: Any) -> None:
        raise NotImplementedError


def data(persons: int = 80, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    ring = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    rest = np.stack([50 * np.cos(ring), 0 * ring, 50 * np.sin(ring)], axis=1)
    person = np.repeat(np.arange(persons), len(CLASSES))
    label = np.tile(CLASSES, persons)
    meshes = rest + rng.normal(0, 1, (len(label), VERTICES, 3)) + (160, 160, 0)
    for row, name in enumerate(label.tolist()):
        meshes[row, list(MOVED[name]), 1] += 12
    return Dataset(
        name="synthetic_toy",
        version="1",
        synthetic=True,
        blocks={"landmarks": Block(meshes.astype(np.float32), unit="px", triangles=TRIANGLES)},
        sample=np.array([f"s{i}" for i in range(len(label))]),
        group=np.array([f"p{i:02d}" for i in person]),
        group_kind="person",
        persons_known=True,
        label=label,
        truth={"vertices": MOVED},
    )


def fitted(model: Any = None, features: str = "xyz") -> Fitted:
    """Return what an evaluation is handed of a final run with `model`, which knows the classes without a fit."""
    made = data()
    protocol = protocols.make(made, LABEL)
    split = protocol.split(METHOD, {}, test=True)
    model = model or Heights()
    outcome = Outcome(
        model,
        {name: model.predict(part.inputs) for name, part in split.parts().items()},
        embeddings={"penultimate": {name: model.encode(part.inputs) for name, part in split.parts().items()}},
    )
    job: Job = small_data.job({"features": features, "rotations": "none"})
    truth, labels = protocol.truth(), protocol.labels()
    names = made.sample[protocol.rows("test")]
    return Fitted(METHOD, made, split, truth, labels, names, job, outcome, lambda _: outcome)
