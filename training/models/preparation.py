"""Outliers and scaling: fitted on the train part, and only train rows are ever removed.

A method calls `inliers` on its train measurements and `scaling` on the rows that are left, and keeps the `Scaling`
with its model, so that predictions and errors are in the data's own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.contract import Params
    from training.data import Floats

OUTLIERS = ("none", "iqr", "isolation_forest")
SCALINGS = ("none", "standard", "robust")

NORMAL_IQR = 1.3489795003921634
"""The interquartile range of a standard normal: it makes a robust scale comparable to a standard deviation."""


def within_fences(values: Floats, reference: Floats, factor: float = 1.5) -> NDArray[np.bool_]:
    """Return (n,) whether each row of `values` (n, d) lies within Tukey's fences of `reference` (m, d) in every column.

    The fences are ``factor`` interquartile ranges below the first and above the third quartile. A column whose
    interquartile range is 0 has no fences: half of its values are equal, and every other one would be an outlier.
    """
    first, third = np.quantile(np.asarray(reference, dtype=np.float64), [0.25, 0.75], axis=0)
    reach = factor * (third - first)
    reach[reach == 0] = np.inf
    return np.asarray(((values >= first - reach) & (values <= third + reach)).all(axis=1))


def inliers(values: Floats, params: Params, seed: int) -> NDArray[np.bool_]:
    """Return (n,) which train rows stay, judged on `values` (n, d), the measured features of the train part.

    Parameters
    ----------
    params : ``outliers`` is none, iqr (with ``iqr_factor``) or isolation_forest (with ``contamination``, the share
        of rows that goes; Liu, Ting and Zhou, Isolation Forest, 2008).
    seed : seeds the isolation forest.

    Raises
    ------
    ValueError : an unknown kind, or fewer than two rows left.
    """
    kind = params["outliers"]
    if kind == "none":
        stays = np.ones(len(values), dtype=bool)
    elif kind == "iqr":
        stays = within_fences(values, values, params["iqr_factor"])
    elif kind == "isolation_forest":
        from sklearn.ensemble import IsolationForest

        forest = IsolationForest(contamination=params["contamination"], random_state=seed)
        stays = forest.fit_predict(values) == 1
    else:
        raise ValueError(f"outliers is {kind!r}, expected one of {', '.join(OUTLIERS)}")
    if stays.sum() < 2:
        raise ValueError(f"outliers={kind} keeps {stays.sum()} of {len(values)} train rows; at least 2 are needed")
    return np.asarray(stays)


@dataclass(frozen=True)
class Scaling:
    """A shift and a scale for each column; `scale` is never 0.

    Parameters
    ----------
    centre, scale : (d,) float64 in the column's own unit.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def apply(self, values: Floats) -> Floats:
        """Map (n, d) in the data's own units to scaled values."""
        return (values - self.centre) / self.scale

    def undo(self, values: Floats) -> Floats:
        """Map (n, d) scaled values back to the data's own units."""
        return values * self.scale + self.centre

    def state(self) -> dict[str, list[float]]:
        """Return what JSON can hold; `from_state` reads it back without loss."""
        return {"centre": self.centre.tolist(), "scale": self.scale.tolist()}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Scaling:
        """Rebuild what `state` returned."""
        return Scaling(np.array(state["centre"], dtype=np.float64), np.array(state["scale"], dtype=np.float64))


def scaling(values: Floats, kind: str) -> Scaling:
    """Fit a `Scaling` to train rows (n, d).

    none is the identity, standard takes mean and standard deviation, robust takes median and interquartile range
    (in units of a normal's standard deviation). A column with a scale of 0 takes its standard deviation instead, and
    a constant column 1. Raises ValueError for another `kind`.
    """
    values = np.asarray(values, dtype=np.float64)
    spread = np.ptp(values, axis=0)
    # the mean of equal values is off by a rounding error, and so their deviation is not exactly 0: ask for the span
    deviation = np.where(spread == 0, 1.0, values.std(axis=0))
    if kind == "none":
        return Scaling(np.zeros(values.shape[1]), np.ones(values.shape[1]))
    if kind == "standard":
        return Scaling(values.mean(axis=0), deviation)
    if kind == "robust":
        first, middle, third = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        reach = (third - first) / NORMAL_IQR
        return Scaling(middle, np.where(reach == 0, deviation, reach))
    raise ValueError(f"scaling is {kind!r}, expected one of {', '.join(SCALINGS)}")
