"""Regression trees on statistics of windows, one for each axis: fitted by scikit-learn, kept as plain arrays.

Breiman, Friedman, Olshen, Stone, Classification and Regression Trees, 1984.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.contract import Outcome, UserError
from training.models import window_features
from training.models.window_features import WindowFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job, Params
    from training.data import Floats, Split
    from training.views import Inputs

LEAF = -1
ARRAYS = ("left", "right", "feature", "threshold", "value")


@dataclass(frozen=True)
class Tree:
    """A tree of m nodes, the root first: left and right (m,) are the nodes below, −1 at a leaf.

    A row goes left where its feature (m,) is at most the threshold (m,); value (m,) is what a leaf predicts.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Map rows (n, d) to (n,); float32, in which scikit-learn compares."""
        node = np.zeros(len(x), np.int64)
        while len(open_ := np.flatnonzero(self.left[node] != LEAF)):
            at = node[open_]
            below = x[open_, self.feature[at]] <= self.threshold[at]
            node[open_] = np.where(below, self.left[at], self.right[at])
        return self.value[node]

    def check(self, features: int) -> None:
        """Raise UserError where the nodes are no tree over so many features: a damaged or made-up file."""
        m, nodes = len(self.value), np.arange(len(self.value))
        inner = self.left != LEAF
        below = np.concatenate([self.left[inner], self.right[inner]])
        good = (
            m > 0
            and all(len(getattr(self, name)) == m for name in ARRAYS)
            and bool((below < m).all())
            and bool((self.left[inner] > nodes[inner]).all() and (self.right[inner] > nodes[inner]).all())
            and bool(((self.feature[inner] >= 0) & (self.feature[inner] < features)).all())
        )
        if not good:
            raise UserError("the model's file holds no tree: its nodes do not follow from each other")


@dataclass(frozen=True)
class WindowTrees:
    """A `Tree` for each axis, on the features of windows; predictions are kept within the label range."""

    features: WindowFeatures
    trees: tuple[Tree, ...]
    low: float | None
    high: float | None

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → the columns that it was fitted on."""
        return self.features.columns

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to valence and arousal (n, 2)."""
        x = self.features.of(inputs).astype(np.float32)
        values = np.stack([tree.predict(x) for tree in self.trees], axis=1)
        return window_features.clipped(values, self.low, self.high)

    def save(self, folder: Path) -> None:
        """Write window_trees.json."""
        trees = [{name: getattr(tree, name).tolist() for name in ARRAYS} for tree in self.trees]
        state = {"features": self.features.state(), "trees": trees, "range": [self.low, self.high]}
        (folder / "window_trees.json").write_text(json.dumps(state), encoding="utf-8")


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit a tree for each axis, limited by ``depth`` and ``min_samples_leaf``; ``statistics`` is of the windows."""
    from sklearn.tree import DecisionTreeRegressor

    train = split.train
    features = window_features.fit(train.inputs, split.blocks, params["statistics"])
    x, y = features.of(train.inputs), train.targets()
    limits = {"max_depth": params["depth"], "min_samples_leaf": params["min_samples_leaf"]}
    fitted = [DecisionTreeRegressor(**limits, random_state=job.seed).fit(x, y[:, axis]) for axis in range(y.shape[1])]
    model = WindowTrees(features, tuple(_tree(one.tree_) for one in fitted), split.low, split.high)
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    job.report(1, job.score(predictions["validation"]))
    leaves = sum(int((tree.left == LEAF).sum()) for tree in model.trees)
    return Outcome(model=model, predictions=predictions, parameters=leaves)


def _tree(nodes: Any) -> Tree:
    return Tree(
        nodes.children_left.astype(np.int64),
        nodes.children_right.astype(np.int64),
        nodes.feature.astype(np.int64),
        nodes.threshold.astype(np.float64),
        nodes.value[:, 0, 0].astype(np.float64),
    )


def load(folder: Path) -> WindowTrees:
    """Read what `WindowTrees.save` wrote; UserError for nodes that are no tree."""
    state = json.loads((folder / "window_trees.json").read_text(encoding="utf-8"))
    features = WindowFeatures.from_state(state["features"])
    trees = tuple(_read(one) for one in state["trees"])
    for tree in trees:
        tree.check(features.size)
    return WindowTrees(features, trees, *state["range"])


def _read(state: dict[str, Any]) -> Tree:
    left, right, feature = (np.array(state[name], np.int64) for name in ARRAYS[:3])
    threshold, value = (np.array(state[name], np.float64) for name in ARRAYS[3:])
    return Tree(left, right, feature, threshold, value)
