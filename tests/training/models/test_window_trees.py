"""Trees and support vectors predict what scikit-learn predicts on the same arrays, also when read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from search_spaces.fusion import decision_tree, svr
from tests import small_data
from training import registry
from training.contract import UserError
from training.models import support_vectors, window_features, window_trees

SETTINGS = {"modality": "both", "window_s": 2}


def handed(name: str):
    method = registry.method(name).METHOD
    return small_data.split(method, SETTINGS), small_data.job(
        SETTINGS, **small_data.scored(method, small_data.split(method, SETTINGS))
    )


def by_hand(split, statistics):
    features = window_features.fit(split.train.inputs, split.blocks, statistics)
    return features.of(split.train.inputs), split.train.targets(), features.of(split.validation.inputs)


def test_a_tree_equals_scikit_learn_s(tmp_path):
    split, job = handed("fusion/decision_tree")
    model = window_trees.fit(decision_tree.DEFAULTS, split, job).model
    x, y, vx = by_hand(split, "mean")
    limits = {"max_depth": decision_tree.DEFAULTS["depth"], "min_samples_leaf": 20}
    expected = np.stack(
        [DecisionTreeRegressor(**limits, random_state=job.seed).fit(x, y[:, k]).predict(vx) for k in range(2)], axis=1
    )
    np.testing.assert_array_equal(model.predict(split.validation.inputs), expected)
    model.save(tmp_path)
    np.testing.assert_array_equal(window_trees.load(tmp_path).predict(split.validation.inputs), expected)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_support_vectors_equal_scikit_learn_s(tmp_path, kernel):
    split, job = handed("fusion/svr")
    params = {**svr.TINY, "kernel": kernel, "most_samples": 600}
    model = support_vectors.fit(params, split, job).model
    x, y, vx = by_hand(split, "mean")
    rows = np.unique(np.linspace(0, len(x) - 1, 600).round().astype(int))
    machine = SVR(kernel=kernel, C=1.0, epsilon=0.1, gamma=1.0 / x.shape[1])
    expected = np.stack([machine.fit(x[rows], y[rows, k]).predict(vx) for k in range(2)], axis=1).clip(-1, 1)
    np.testing.assert_allclose(model.predict(split.validation.inputs), expected, atol=1e-9)
    model.save(tmp_path)
    np.testing.assert_allclose(support_vectors.load(tmp_path).predict(split.validation.inputs), expected, atol=1e-9)


def test_how_many_samples_were_taken_is_said(caplog):
    split, job = handed("fusion/svr")
    support_vectors.fit({**svr.TINY, "most_samples": 300}, split, job)
    assert f"fitted to 300 of {len(split.train)} train samples, evenly drawn (most_samples)" in caplog.text


@pytest.mark.parametrize(("name", "value"), [("left", [7, -1, -1]), ("left", [0, -1, -1]), ("feature", [99, -2, -2])])
def test_nodes_that_are_no_tree_are_refused(tmp_path, name, value):
    split, job = handed("fusion/decision_tree")
    model = window_trees.fit({**decision_tree.DEFAULTS, "depth": 1}, split, job).model
    model.save(tmp_path)
    file = tmp_path / "window_trees.json"
    state = json.loads(file.read_text())
    state["trees"][0][name] = value
    file.write_text(json.dumps(state))
    with pytest.raises(UserError, match="the model's file holds no tree"):
        window_trees.load(tmp_path)
