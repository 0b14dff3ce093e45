"""Valence and arousal by Bayesian ridge regression from video, audio or both.

The objective is CCC, which the field's challenges rank by and which tables of fusion compare: a ridge regression
already minimises the squared error, and between models of nearly the same error CCC prefers the one that moves with
the labels. MSE, MAE and RMSE are recorded beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import window_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data import Floats
    from training.models.window_features import WindowFeatures
    from training.views import Inputs

METHOD = Method(
    title="Bayesian ridge regression",
    source="audio-visual-fusion",
    data="fusion",
    inputs={"modality": {"video": ("video",), "audio": ("audio",), "both": ("video", "audio")}},
    targets="va",
    objective="ccc",
    settings={"modality": ("video", "audio", "both"), "window_s": (1, 2, 3, 4)},
    context="window_s",
)


@dataclass(frozen=True)
class Ridges:
    """One linear model for each axis, from window features.

    Parameters
    ----------
    features : what it sees of the inputs.
    weights : (d, t).  bias : (t,).  low, high : label range, or None.
    """

    features: WindowFeatures
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    low: float | None
    high: float | None

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → the columns that it was fitted on."""
        return self.features.columns

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to valence and arousal (n, 2)."""
        return window_features.clipped(self.features.of(inputs) @ self.weights + self.bias, self.low, self.high)

    def save(self, folder: Path) -> None:
        """Write ridges.json."""
        state = {
            "features": self.features.state(),
            "weights": self.weights.tolist(),
            "bias": self.bias.tolist(),
            "range": [self.low, self.high],
        }
        (folder / "ridges.json").write_text(json.dumps(state), encoding="utf-8")


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit one model for each axis to the statistics of the train windows.

    ``alpha_1, alpha_2`` are shape and rate of the gamma prior over the noise's precision, ``lambda_1, lambda_2`` of
    the one over the weights' precision (MacKay, Bayesian Interpolation, Neural Computation 4, 1992).
    """
    from sklearn.linear_model import BayesianRidge

    train = split.train
    features = window_features.fit(train.inputs, split.blocks, params["statistics"])
    x, y = features.of(train.inputs), train.targets()
    priors = {name: params[name] for name in ("alpha_1", "alpha_2", "lambda_1", "lambda_2")}
    fitted = [BayesianRidge(**priors).fit(x, y[:, axis]) for axis in range(y.shape[1])]
    model = Ridges(
        features,
        np.stack([one.coef_ for one in fitted], axis=1),
        np.array([one.intercept_ for one in fitted]),
        split.low,
        split.high,
    )
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    job.report(1, job.score(predictions["validation"]))
    return Outcome(model=model, predictions=predictions, parameters=model.weights.size + model.bias.size)


def load(folder: Path, device: str) -> Ridges:
    """Read a saved model; it predicts on the CPU wherever it is."""
    state = json.loads((folder / "ridges.json").read_text(encoding="utf-8"))
    features = window_features.WindowFeatures.from_state(state["features"])
    return Ridges(features, np.array(state["weights"]), np.array(state["bias"]), *state["range"])
