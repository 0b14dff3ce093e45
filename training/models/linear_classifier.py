"""Linear classifiers of mesh features with more features than samples: discriminant analysis, ridge, logistic.

All three share one unit for their penalty: it is added to the features' variances, which are scaled so that they sum
to 1. They are fitted in the space that the samples span, which changes no result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.geometry.mesh_features import Features

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from training.contract import Params
    from training.data import Floats, Indices, Split
    from training.views import Inputs

    Array = NDArray[np.float64]

SHARPNESS = 4.0
"""Ridge regression has no probabilities: its scores, about 1 apart, times this are taken as their logarithms."""

RELATIVE_RANK = 1e-10
"""Directions in which samples vary less than this share of the most are rounding errors."""


def fit(features: Floats, y: Indices, split: Split, params: Params) -> tuple[Array, Array]:
    """Fit weights (v * c, classes) and bias (classes,) to features (n, v, c) and rows (n,) of the split's classes.

    ``features @ weights + bias`` are logarithms of probabilities, but for a constant. Each class weighs the same.

    params : ``model`` is discriminant (Fisher's, with a covariance that all classes share), ridge (regression of a
        class's indicator) or logistic; ``penalty`` as above. ``coordinates`` is positions or differences, under which
        the penalty falls on a vertex's features or on how far they are from its neighbours'.
    """
    n, v, c = features.shape
    classes = len(split.classes)
    x = np.asarray(features, dtype=np.float64)
    operator = None
    if params["coordinates"] == "differences":
        triangles = split.block.triangles
        if triangles is None:
            raise ValueError("coordinates=differences need the triangles of the meshes")
        operator = differences(triangles, v)
        x = operator @ x
    x = x.reshape(n, v * c)
    weight = 1.0 / np.bincount(y, minlength=classes)[y] / len(np.unique(y))
    centre = weight @ x
    basis = _span(x - centre)
    reduced = (x - centre) @ basis
    size = np.sqrt(weight @ (reduced**2).sum(axis=1))
    weights, bias = MODELS[params["model"]](reduced / size, y, weight, classes, params["penalty"])
    weights = basis @ weights / size
    bias = bias - centre @ weights
    if operator is not None:
        # differences are linear too: the model needs no triangles
        weights = np.einsum("ij,icm->jcm", operator, weights.reshape(v, c, -1)).reshape(v * c, -1)
    return weights, bias


def _span(x: Array) -> Array:
    """Return an orthonormal basis (p, r) of the rows of x (n, p)."""
    by_rows = len(x) < x.shape[1]
    values, vectors = np.linalg.eigh(x @ x.T if by_rows else x.T @ x)
    large = values > RELATIVE_RANK * values[-1]
    basis: Array = x.T @ vectors[:, large] / np.sqrt(values[large]) if by_rows else vectors[:, large]
    return basis


def _discriminant(x: Array, y: Indices, weight: Array, classes: int, penalty: float) -> tuple[Array, Array]:
    """Linear discriminant analysis; classes that train lacks get no probability.

    The penalty is Friedman's (Regularized Discriminant Analysis, JASA 84, 1989, equation 18).
    """
    indicator = np.eye(classes)[y] * weight[:, None]
    share = indicator.sum(axis=0)
    means = indicator.T @ x / np.where(share > 0, share, 1.0)[:, None]
    within = x - means[y]
    covariance = (within * weight[:, None]).T @ within
    weights = _solve(covariance, penalty, means.T)
    return weights, np.where(share > 0, -0.5 * (means.T * weights).sum(axis=0), -50.0)


def _ridge(x: Array, y: Indices, weight: Array, classes: int, penalty: float) -> tuple[Array, Array]:
    indicator = np.eye(classes)[y]
    share = weight @ indicator
    covariance = (x * weight[:, None]).T @ x
    slopes = (x * weight[:, None]).T @ (indicator - share)
    weights = _solve(covariance, penalty, slopes)
    return SHARPNESS * weights, SHARPNESS * share


def _solve(covariance: Array, penalty: float, right: Array) -> Array:
    return np.asarray(np.linalg.solve(covariance + penalty * np.eye(len(covariance)), right))


def _logistic(x: Array, y: Indices, weight: Array, classes: int, penalty: float) -> tuple[Array, Array]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0 / penalty, max_iter=300, tol=1e-5).fit(x, y, sample_weight=weight)
    weights, bias = np.zeros((x.shape[1], classes)), np.full(classes, -50.0)
    if len(fitted.classes_) == 2:  # scikit-learn keeps one row for two classes
        weights[:, fitted.classes_[1]], bias[fitted.classes_] = fitted.coef_[0], (0.0, fitted.intercept_[0])
    else:
        weights[:, fitted.classes_], bias[fitted.classes_] = fitted.coef_.T, fitted.intercept_
    return weights, bias


MODELS: dict[str, Callable[[Array, Indices, Array, int, float], tuple[Array, Array]]] = {
    "discriminant": _discriminant,
    "ridge": _ridge,
    "logistic": _logistic,
}


def differences(triangles: Indices, vertices: int) -> Array:
    """Return the matrix (v, v) that maps vertices to how far each is from the mean of its neighbours.

    Lipman et al., Differential Coordinates for Interactive Mesh Editing, Shape Modeling International 2004: what a
    muscle does to the skin beside it stands out from the shape of the whole face.
    """
    joined = np.zeros((vertices, vertices))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        joined[triangles[:, a], triangles[:, b]] = joined[triangles[:, b], triangles[:, a]] = 1.0
    matrix: Array = np.eye(vertices) - joined / joined.sum(axis=1, keepdims=True).clip(min=1.0)
    return matrix


@dataclass(frozen=True)
class LinearMeshes:
    """A fitted linear classifier that takes meshes (n, v, 3).

    Parameters
    ----------
    seen : what it sees of a mesh, (v, c).
    weights : (v * c, classes).  bias : (classes,).
    """

    seen: Features
    weights: Array
    bias: Array

    def predict(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to the probabilities (n, classes)."""
        scores = self.encode(inputs)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(likely / likely.sum(axis=1, keepdims=True))

    def encode(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to the scores (n, classes), whose largest is the prediction."""
        return np.asarray(self.features(inputs).reshape(inputs.samples, -1) @ self.weights + self.bias)

    def features(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to what `logits` takes, (n, v, c)."""
        return self.seen.of(np.asarray(inputs.x))

    def logits(self, features: Tensor) -> Tensor:
        """Map features (n, v, c) to the scores (n, classes), differentiably."""
        import torch

        weights, bias = (torch.as_tensor(value).to(features) for value in (self.weights, self.bias))
        return features.flatten(start_dim=1) @ weights + bias

    def save(self, folder: Path) -> None:
        """Write linear.safetensors and linear.json."""
        from safetensors.numpy import save_file

        save_file({"weights": np.ascontiguousarray(self.weights), "bias": self.bias}, folder / "linear.safetensors")
        (folder / "linear.json").write_text(json.dumps(self.seen.state()), encoding="utf-8")


def load(folder: Path) -> LinearMeshes:
    """Read what `LinearMeshes.save` wrote."""
    from safetensors.numpy import load_file

    state: dict[str, Any] = json.loads((folder / "linear.json").read_text(encoding="utf-8"))
    values = load_file(folder / "linear.safetensors")
    return LinearMeshes(Features.from_state(state), values["weights"], values["bias"])
