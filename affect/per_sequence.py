"""Scores of each recording by itself, with the conventions of `affect.metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from affect import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike


class PerSequence(NamedTuple):
    """A metric's mean over sequences, each counted once, and the table: sequence, n (rows), value, constant.

    In a sequence that is `constant` the true series has one value. Its CCC and PCC are 0 by convention whatever is
    predicted; `changing` leaves such sequences out.
    """

    mean: float
    table: pd.DataFrame

    @property
    def changing(self) -> float:
        """Return the mean over the sequences whose true series changes; nan without any."""
        return float(self.table.loc[~self.table["constant"], "value"].mean())


def per_sequence(name: str, true: ArrayLike, pred: ArrayLike, sequence: ArrayLike) -> PerSequence:
    """Score each sequence (n,) of two series (n,) on its own; see `PerSequence`."""
    import pandas as pd

    metrics.check_names([name])
    t, p, s = np.asarray(true), np.asarray(pred), np.asarray(sequence)
    if not t.shape == p.shape == s.shape or t.ndim != 1 or t.size == 0:
        raise ValueError(f"expected three series of one length, found shapes {t.shape}, {p.shape} and {s.shape}")
    one: Callable[[ArrayLike, ArrayLike], float] = getattr(metrics, name)
    names, index = np.unique(s, return_inverse=True)
    rows = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    table = pd.DataFrame(
        {
            "sequence": names,
            "n": [len(r) for r in rows],
            "value": [one(t[r], p[r]) for r in rows],
            "constant": [bool((t[r] == t[r[0]]).all()) for r in rows],
        }
    )
    return PerSequence(float(table["value"].mean()), table)
