"""Laban Movement Analysis features, each from those of P, A and D that it is most correlated with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect.record import Artifact
from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import preparation, trees

if TYPE_CHECKING:
    import pandas as pd

    from training.data import Floats

METHOD = Method(
    title="Boosted trees from each feature's most correlated axes of PAD",
    source="lma-thesis-report-8",
    data="motion",
    inputs="pad",
    targets="features",
)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit one regressor for each feature from its ``axes`` axes of the largest absolute ``correlation`` on train."""
    from scipy.stats import rankdata

    train, validation = split.train, split.validation
    inliers = preparation.inliers(train.targets(), params, job.seed)
    x, y = np.asarray(train.x)[inliers], train.targets()[inliers]
    by_kind = {"pearson": correlations(y, x), "spearman": correlations(rankdata(y, axis=0), rankdata(x, axis=0))}
    # a stable sort: axes that are tied, as for a constant feature, are taken in the order P, A, D
    ranked = np.argsort(-np.abs(by_kind[params["correlation"]]), axis=1, kind="stable")
    columns = [sorted(int(axis) for axis in row[: params["axes"]]) for row in ranked]
    model = trees.fit(
        (x, y),
        (np.asarray(validation.x), validation.targets()),
        params,
        job,
        (preparation.scaling(x, "none"), preparation.scaling(y, params["scaling"])),
        columns=columns,
        label_range=(split.low, split.high),
    )
    return Outcome(
        model=model,
        predictions={name: model.predict(part.inputs) for name, part in split.parts().items()},
        tables={Artifact.CORRELATIONS: table(by_kind, columns, split)},
        parameters=model.leaves(),
    )


def correlations(a: Floats, b: Floats) -> Floats:
    """Return (p, q) Pearson's correlation of each column of a (n, p) with each of b (n, q); 0 for a constant one."""

    def normed(values: Floats) -> Floats:
        centred = values - values.mean(axis=0, dtype=np.float64)
        centred[:, np.ptp(values, axis=0) == 0] = 0.0
        length = np.sqrt(np.square(centred).sum(axis=0))
        return centred / np.where(length == 0, 1.0, length)

    return normed(a).T @ normed(b)


def table(by_kind: dict[str, Floats], columns: list[list[int]], split: Split) -> pd.DataFrame:
    """Return a row for each feature and axis: both correlations on train, and whether the feature's regressor used it.

    by_kind : pearson and spearman, each (features, axes).  columns : for each feature the axes that it was given.
    """
    import pandas as pd

    features, axes = by_kind["pearson"].shape
    used = np.zeros((features, axes), dtype=bool)
    for feature, of_feature in enumerate(columns):
        used[feature, of_feature] = True
    return pd.DataFrame(
        {
            "feature": np.repeat(split.targets, axes),
            "axis": np.tile(split.block.columns, features),
            "pearson": by_kind["pearson"].ravel(),
            "spearman": by_kind["spearman"].ravel(),
            "used": used.ravel(),
        }
    )


def load(folder: Path, device: str) -> trees.Trees:
    """Read a saved model; trees predict on the CPU wherever they are."""
    return trees.load(folder)
