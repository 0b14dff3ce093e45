"""What a model without a time axis is given of windows: statistics of each block's valid steps, scaled on train.

A window's padding is left out. A sample without any step of a block, such as a frame before the first audio window has
ended, is given the train mean, and where train has such samples an indicator tells them from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.contract import UserError
from training.models import preparation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data import Block, Floats
    from training.views import Inputs, View

STATISTICS = ("mean", "mean_sd")

AT_ONCE_BYTES = 1 << 26
"""Windows are copied out of their stream so many bytes at a time."""


def pooled(view: View, statistics: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return statistics (n, d) over the valid steps of each window, 0 where there is none, and where there is one (n,).

    view : (n, T, c) windows, or (n, c) where each sample has one row.
    statistics : mean, d = c; or mean_sd, d = 2 c, with the standard deviation (divided by N) after the means.

    Raises ValueError for other statistics.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"statistics is {statistics!r}, expected one of {', '.join(STATISTICS)}")
    n, c = len(view), view.shape[-1]
    features = np.zeros((n, c if statistics == "mean" else 2 * c))
    observed = np.zeros(n, bool)
    steps = view.shape[1] if view.windowed else 1
    size = max(1, AT_ONCE_BYTES // (8 * steps * c))
    for first in range(0, n, size):
        part = slice(first, min(n, first + size))
        values, mask = view[part]
        values, mask = values.reshape(-1, steps, c).astype(np.float64), mask.reshape(-1, steps)
        count = np.maximum(mask.sum(axis=1), 1)[:, None]
        mean = values.sum(axis=1) / count
        features[part, :c] = mean
        if statistics == "mean_sd":
            deviation = np.where(mask[:, :, None], values - mean[:, None], 0.0)
            features[part, c:] = np.sqrt((deviation**2).sum(axis=1) / count)
        observed[part] = mask.any(axis=1)
    return features, observed


@dataclass(frozen=True)
class WindowFeatures:
    """From a model's inputs to scaled features (n, d), as fitted on train; see `fit`.

    Parameters
    ----------
    statistics : of `STATISTICS`.
    columns : block → the columns that it had at the fit.
    scaling : block → shift and scale of its statistics.
    indicated : blocks that samples of train lack; each adds a feature that is 1 where the block is missing.
    """

    statistics: str
    columns: Mapping[str, tuple[str, ...]]
    scaling: Mapping[str, preparation.Scaling]
    indicated: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return d, the number of features."""
        return sum(len(scaling.centre) for scaling in self.scaling.values()) + len(self.indicated)

    def of(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return features (n, d) of the samples; UserError where a block has more or fewer columns than at the fit."""
        features = []
        for block, names in self.columns.items():
            width = inputs[block].shape[-1]
            if width != len(names):
                raise UserError(f"the model was fitted on {len(names)} columns of {block}, and these rows have {width}")
            values, observed = pooled(inputs[block], self.statistics)
            scaled = np.asarray(self.scaling[block].apply(values))
            scaled[~observed] = 0.0
            features.append(scaled)
            if block in self.indicated:
                features.append((~observed)[:, None].astype(np.float64))
        return np.concatenate(features, axis=1)

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold; `from_state` reads it back without loss."""
        return {
            "statistics": self.statistics,
            "columns": {block: list(names) for block, names in self.columns.items()},
            "scaling": {block: scaling.state() for block, scaling in self.scaling.items()},
            "indicated": list(self.indicated),
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> WindowFeatures:
        """Rebuild what `state` returned."""
        return WindowFeatures(
            statistics=state["statistics"],
            columns={block: tuple(names) for block, names in state["columns"].items()},
            scaling={block: preparation.Scaling.from_state(one) for block, one in state["scaling"].items()},
            indicated=tuple(state["indicated"]),
        )


def fit(inputs: Inputs, blocks: Mapping[str, Block], statistics: str) -> WindowFeatures:
    """Fit scales to the inputs of train; `blocks` describes them. Samples that lack a block have no say in its scale.

    Raises UserError where no sample of train has any row of a block.
    """
    scaling, indicated = {}, []
    for block in inputs:
        values, observed = pooled(inputs[block], statistics)
        if not observed.any():
            raise UserError(f"no sample of train has any row of {block} in its window")
        scaling[block] = preparation.scaling(values[observed], "standard")
        if not observed.all():
            indicated.append(block)
    columns = {block: blocks[block].columns for block in inputs}
    return WindowFeatures(statistics, columns, scaling, tuple(indicated))


def clipped(values: Floats, low: float | None, high: float | None) -> Floats:
    """Return predictions within the label range, where there is one."""
    if low is None or high is None:
        return values
    within: Any = np.clip(values, low, high)
    return within
