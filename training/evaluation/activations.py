"""Which vertices of a face a classifier looks at: a level for each vertex and class, and the face to draw them on.

Two kinds of map. ``pca``, as the source has it: vertex embeddings before pooling, on their three principal components
over the test set, averaged within a class; the vector's length is the level (needs a model with ``vertices``).
``gradient``: integrated gradients of the class's logit from the mean train features, their norm over a vertex's
features, averaged over test samples of the class (needs a model with ``features`` and ``logits``). Where the data
knows which vertices an emotion moves, both are scored against them.

Source: a report on classifying emotion from MediaPipe FaceMesh, section on activations; Sundararajan, Taly, Yan,
Axiomatic attribution for deep networks, ICML (2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect import metrics, record
from training.contract import Evaluation, Findings, Fitted, Method
from training.geometry.hks import spectrum
from training.geometry.mesh_features import mean_face
from training.model_protocols import EmbedsVertices, Explains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Floats, Strings, Values
    from training.views import Inputs

PCA, GRADIENT = "pca", "gradient"
SAMPLES = 300
"""Test samples whose vertices are embedded at most, evenly chosen: more change a class's mean little."""
OF_A_CLASS, STEPS = 10, 8
"""Test samples of a class whose gradients are integrated, and in how many steps."""
EIGENVECTORS = 6


def applies(method: Method) -> bool:
    """Say whether the method classifies meshes."""
    return "landmarks" in method.all_blocks()


def evaluate(fitted: Fitted) -> Findings:
    """Return the maps of each kind that the model allows, the mean train face with its triangles, and the scores."""
    split = fitted.split
    assert split.test is not None
    model, test = fitted.outcome.model, split.test.inputs
    label = fitted.truth["test"][:, 0]
    maps = []
    if isinstance(model, EmbedsVertices):
        some = _evenly(np.arange(len(label)), SAMPLES)
        maps.append(_table(PCA, *embedded(model.vertices(test.take(some)), label[some])))
    if isinstance(model, Explains):
        some = np.concatenate([_evenly(np.flatnonzero(label == name), OF_A_CLASS) for name in split.classes])
        start = model.features(_thinned(split.train.inputs)).mean(axis=0)
        rows = np.searchsorted(np.array(split.classes), label[some])
        levels = integrated(model.logits, model.features(test.take(some)), start, rows, fitted.job.device)
        maps.append(_table(GRADIENT, *_class_means(levels, label[some])))

    tables = mesh(fitted)
    by_name: dict[str, float] = {}
    if maps:
        table = pd.concat(maps, ignore_index=True)
        truth = fitted.data.truth.get("vertices")
        if truth is not None:
            known = [vertex in truth[name] for name, vertex in zip(table["class"], table["vertex"], strict=True)]
            table = table.assign(moves=known)
            by_name = scores(table)
        tables[record.Artifact.ACTIVATIONS] = table
    return Findings(tables, by_name)


def scores(table: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of a table of maps with the column `moves`: each kind's mean over classes, by full name."""
    of_class = table.groupby(["kind", "class"])
    by_name = {}
    for name, score in (("pointing_game", metrics.pointing_game), ("vertex_auc", metrics.vertex_auc)):
        values = {key: score(rows["level"], rows["moves"]) for key, rows in of_class}
        for kind, mean in pd.Series(values).groupby(level=0).mean().items():
            by_name[record.metric("test", name, str(kind))] = float(mean)
    return by_name


def _evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most so many of the rows, evenly spread over them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]


def _thinned(inputs: Inputs) -> Inputs:
    return inputs.take(_evenly(np.arange(inputs.samples), SAMPLES))


def _table(kind: str, names: list[str], level: Floats, components: Floats | None = None) -> pd.DataFrame:
    """Return activations.parquet's rows of a kind from the levels (c, v) and components (c, v, 3) of the classes."""
    of = components if components is not None else np.full((*level.shape, 3), np.nan)
    return pd.DataFrame(
        {
            "kind": kind,
            "class": np.repeat(names, level.shape[1]),
            "vertex": np.tile(np.arange(level.shape[1]), len(names)),
            "level": level.ravel(),
            **{f"pc{i + 1}": of[:, :, i].ravel() for i in range(3)},
        }
    )


# --------------------------------------------------------------------------------------------------------- the maps


def embedded(vertices: Floats, label: Strings | Values) -> tuple[list[str], Floats, Floats]:
    """Return the classes, and from vertex embeddings (n, v, d) their levels (c, v) and components (c, v, 3).

    Components are centred over all vertices of all samples; where d is below 3 those that there are not are 0.
    """
    rows = vertices.reshape(-1, vertices.shape[-1])
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for some in np.array_split(rows, max(1, len(rows) // 50_000)):
        centred = some - mean
        covariance += centred.T @ centred
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :3]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)  # a sign is chance
    # the mean of the projections is the projection of the mean
    names, means = _class_means(vertices, label)
    components = (means - mean) @ axes
    components = np.pad(components, ((0, 0), (0, 0), (0, 3 - components.shape[2])))
    return names, np.linalg.norm(components, axis=2), components


def integrated(
    logits: Any, features: Floats, start: Floats, rows: NDArray[np.int64], device: str, at_once: int = 16
) -> Floats:
    """Return the length (n, v) of the integrated gradients of each sample's own class over its vertices' features.

    Parameters
    ----------
    logits : maps features (n, v, c), a tensor, to logits (n, classes).
    features, start : (n, v, c), and where the path to each begins (v, c).
    rows : (n,) the row of each sample's class.
    """
    import torch
    from captum.attr import IntegratedGradients

    method, gradients = IntegratedGradients(logits), []
    for some in np.array_split(np.arange(len(features)), max(1, -(-len(features) // at_once))):
        x = torch.as_tensor(features[some], dtype=torch.float32, device=device)
        base = torch.as_tensor(start[None], dtype=torch.float32, device=device).expand_as(x)
        target = torch.as_tensor(rows[some], device=device)
        attributed = method.attribute(x, base, target, n_steps=STEPS, internal_batch_size=at_once)
        gradients.append(attributed.detach().norm(dim=2).cpu().numpy())
    return np.concatenate(gradients).astype(np.float64)


def _class_means(values: Floats, label: Strings | Values) -> tuple[list[str], Floats]:
    """Return the classes and the mean (c, …) of the values (n, …) of each."""
    names = np.unique(label).tolist()
    return names, np.stack([values[label == name].mean(axis=0, dtype=np.float64) for name in names])


# --------------------------------------------------------------------------------------------------------- the face


def mesh(fitted: Fitted) -> dict[str, pd.DataFrame]:
    """Return mesh.parquet and triangles.parquet: the mean of the aligned train faces, centred, in the data's unit.

    With heat kernel signatures, the eigenvectors of the Laplacian that they are made of stand beside the vertices.
    """
    meshes = np.asarray(_thinned(fitted.split.train.inputs).x, np.float64)
    apart = meshes - meshes.mean(axis=1, keepdims=True)
    face = mean_face(meshes) * np.sqrt((apart**2).sum(axis=2).mean(axis=1)).mean()
    table = pd.DataFrame({"vertex": np.arange(len(face)), "x": face[:, 0], "y": face[:, 1], "z": face[:, 2]})
    if fitted.job.settings.get("features") == "hks":
        _, vectors = spectrum(face)
        for i in range(1, min(EIGENVECTORS + 1, vectors.shape[1])):  # the first is constant
            table[f"hks{i}"] = vectors[:, i]
    tables = {record.Artifact.MESH: table}
    if (triangles := fitted.split.block.triangles) is not None:
        tables[record.Artifact.TRIANGLES] = pd.DataFrame(triangles, columns=["a", "b", "c"])
    return tables


EVALUATION = Evaluation(applies, evaluate)
