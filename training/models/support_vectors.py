"""Support vector regression on statistics of windows, a machine for each axis: fitted by scikit-learn, kept as arrays.

Drucker, Burges, Kaufman, Smola, Vapnik, Support Vector Regression Machines, NIPS 1996.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.contract import Outcome
from training.models import window_features
from training.models.window_features import WindowFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job, Params
    from training.data import Floats, Split
    from training.views import Inputs

    Numbers = NDArray[np.float64]

AT_ONCE = 4096
MOST_ITERATIONS = 200_000
"""Of libsvm for one machine: with a large C it may go on for hours without a better prediction."""


@dataclass(frozen=True)
class Machine:
    """Support vectors (m, d), their coefficients (m,), the intercept, and the kernel: linear, or rbf with its gamma."""

    kernel: str
    gamma: float
    vectors: Numbers
    coefficients: Numbers
    intercept: float

    def predict(self, x: Numbers) -> Numbers:
        """Map rows (n, d) to (n,)."""
        from sklearn.metrics.pairwise import linear_kernel, rbf_kernel

        values = np.empty(len(x))
        for first in range(0, len(x), AT_ONCE):
            rows = x[first : first + AT_ONCE]
            near = (
                linear_kernel(rows, self.vectors)
                if self.kernel == "linear"
                else rbf_kernel(rows, self.vectors, self.gamma)
            )
            values[first : first + AT_ONCE] = near @ self.coefficients + self.intercept
        return values


@dataclass(frozen=True)
class SupportVectors:
    """A `Machine` for each axis, on the features of windows; predictions are kept within the label range."""

    features: WindowFeatures
    machines: tuple[Machine, ...]
    low: float | None
    high: float | None

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → the columns that it was fitted on."""
        return self.features.columns

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to valence and arousal (n, 2)."""
        x = self.features.of(inputs)
        values = np.stack([machine.predict(x) for machine in self.machines], axis=1)
        return window_features.clipped(values, self.low, self.high)

    def save(self, folder: Path) -> None:
        """Write support_vectors.safetensors and support_vectors.json."""
        from safetensors.numpy import save_file

        arrays: dict[str, Numbers] = {}
        for k, machine in enumerate(self.machines):
            arrays |= {f"vectors{k}": machine.vectors, f"coefficients{k}": machine.coefficients}
        save_file(arrays, folder / "support_vectors.safetensors")
        state = {
            "features": self.features.state(),
            "machines": [[one.kernel, one.gamma, one.intercept] for one in self.machines],
            "range": [self.low, self.high],
        }
        (folder / "support_vectors.json").write_text(json.dumps(state), encoding="utf-8")


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit a machine for each axis; ``C``, ``epsilon``, ``kernel`` and ``gamma`` (over d) are libsvm's.

    Its time grows with the square of the train samples: of more than ``most_samples`` that many are drawn evenly, in
    the order of the data, which is logged. A machine that is not done after `MOST_ITERATIONS` is taken as it is, which
    is logged.
    """
    import logging

    from sklearn.svm import SVR

    train, log = split.train, logging.getLogger(__name__)
    features = window_features.fit(train.inputs, split.blocks, params["statistics"])
    x, y = features.of(train.inputs), train.targets()
    if len(x) > params["most_samples"]:
        rows = np.unique(np.linspace(0, len(x) - 1, params["most_samples"]).round().astype(np.int64))
        log.warning("fitted to %d of %d train samples, evenly drawn (most_samples)", len(rows), len(x))
        x, y = x[rows], y[rows]
    gamma = params["gamma"] / x.shape[1]
    machines = []
    for axis in range(y.shape[1]):
        svr = SVR(
            kernel=params["kernel"], C=params["C"], epsilon=params["epsilon"], gamma=gamma, max_iter=MOST_ITERATIONS
        )
        state = np.random.get_state()  # scikit-learn draws a seed for libsvm from it, which a regression never uses
        svr.fit(x, y[:, axis])
        np.random.set_state(state)
        if svr.n_iter_ >= MOST_ITERATIONS:
            log.warning("%s: stopped after %d iterations", split.targets[axis], MOST_ITERATIONS)
        vectors, coefficients = np.ascontiguousarray(svr.support_vectors_), np.ascontiguousarray(svr.dual_coef_[0])
        machines.append(Machine(params["kernel"], gamma, vectors, coefficients, float(svr.intercept_[0])))
    model = SupportVectors(features, tuple(machines), split.low, split.high)
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    job.report(1, job.score(predictions["validation"]))
    count = sum(one.coefficients.size + 1 for one in model.machines)
    return Outcome(model=model, predictions=predictions, parameters=count)


def load(folder: Path) -> SupportVectors:
    """Read what `SupportVectors.save` wrote."""
    from safetensors.numpy import load_file

    state = json.loads((folder / "support_vectors.json").read_text(encoding="utf-8"))
    arrays = load_file(folder / "support_vectors.safetensors")
    machines = tuple(
        Machine(kernel, gamma, arrays[f"vectors{k}"], arrays[f"coefficients{k}"], intercept)
        for k, (kernel, gamma, intercept) in enumerate(state["machines"])
    )
    return SupportVectors(WindowFeatures.from_state(state["features"]), machines, *state["range"])
