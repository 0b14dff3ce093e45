"""Which test samples are stored where not all can be, and how wrong they are; the underscore marks what is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.contract import Fitted


def choose(error: NDArray[np.float64], worst: int, others: int) -> NDArray[np.int64]:
    """Return the rows that are stored, in order: all of few, else the `worst` by error (n,) and `others` evenly."""
    if len(error) <= worst + others:
        return np.arange(len(error))
    first = np.argsort(-error, kind="stable")[:worst]
    even = np.linspace(0, len(error) - 1, others).round().astype(np.int64)
    return np.union1d(first, even)


def error(fitted: Fitted) -> NDArray[np.float64]:
    """Return how wrong each test prediction is (n,): mean |prediction − truth|, or 1 − the true class's probability."""
    predicted, truth = np.asarray(fitted.outcome.predictions["test"], float), fitted.truth["test"]
    if not fitted.split.classes:
        wrong: NDArray[np.float64] = np.abs(predicted - truth).mean(axis=1)
        return wrong
    place = {name: number for number, name in enumerate(fitted.split.classes)}
    of = np.array([place.get(str(name), -1) for name in np.asarray(truth)[:, 0]])
    probability = predicted[np.arange(len(of)), of]
    return np.where(of >= 0, 1 - probability, 1.0)  # a class that train lacks is always missed


def last(view: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the rows (b, …) of a view; of windows the last step, which is what is predicted."""
    values, _ = view[rows]
    steps: NDArray[Any] = values[:, -1] if view.windowed else values
    return steps
