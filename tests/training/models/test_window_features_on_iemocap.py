"""The models on statistics of windows, on real utterances of IEMOCAP: scikit-learn by hand on the same arrays.

Session 5 is test. The reference figures were computed without this project, on all utterances of the other four.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from affect import metrics
from search_spaces.fusion import bayesian_ridge, decision_tree, svr
from tests import small_data
from training import protocols, registry
from training.datasets import embeddings

pytestmark = pytest.mark.realdata

DOCUMENT = (Path(__file__).parents[3] / "docs/fusion.md").read_text("utf-8")
TRAIN, VALIDATION = 7769, 7869
"""Rows are in the corpus' order: sessions 1 to 4 are the first 7,869, of which the last 100 are validation here."""
SETTINGS = {"modality": "audio", "window_s": 1}


@pytest.fixture(scope="module")
def protocol(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> protocols.Protocol:
    source = real_data / "fusion" / "iemocap_gemaps" / "iemocap_gemaps47_vad.npz"
    if not source.is_file():
        pytest.skip(f"no {source}")
    content = np.load(source)
    rows = np.column_stack([content["valence_arousal_dominance"][:, :2], content["features"]])
    folder = tmp_path_factory.mktemp("iemocap")
    header = ["utterance", "valence", "arousal", *(f"gemaps_{i}" for i in range(content["features"].shape[1]))]
    lines = [",".join([f"u{i:05d}", *map(repr, row.tolist())]) for i, row in enumerate(rows)]
    (folder / "utterances.csv").write_text("\n".join([",".join(header), *lines]) + "\n", encoding="utf-8")
    (example,) = re.findall(r"```toml\n# iemocap\n(.*?)```", DOCUMENT, re.DOTALL)
    (folder / "iemocap.toml").write_text(example, encoding="utf-8")
    data = embeddings.read(folder / "iemocap.toml", {})
    number = {group: int(group[1:]) for group in np.unique(data.group).tolist()}
    parts = {g: "train" if i < TRAIN else "validation" if i < VALIDATION else "test" for g, i in number.items()}
    return protocols.make(data, "va", published=parts)


def standardised(split) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of train and test, scaled as scikit-learn's StandardScaler does."""
    train, test = (part.inputs["audio"][:][0][:, 0].astype(np.float64) for part in (split.train, split.test))
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (test - mean) / deviation


def evenly(count: int, of: int) -> np.ndarray:
    return np.unique(np.linspace(0, of - 1, count).round().astype(int))


@pytest.mark.parametrize(
    ("name", "params", "by_hand", "reference"),
    [
        ("bayesian_ridge", bayesian_ridge.DEFAULTS, lambda n: (BayesianRidge(), slice(None)), (0.208, 0.590)),
        (
            "decision_tree",
            {**decision_tree.DEFAULTS, "depth": None, "min_samples_leaf": 1},
            lambda n: (DecisionTreeRegressor(random_state=0), slice(None)),
            (0.121, 0.412),
        ),
        (
            "svr",
            {**svr.DEFAULTS, "most_samples": 2000},
            lambda n: (SVR(C=1.0, epsilon=0.1, gamma=1 / 47), evenly(2000, n)),
            (0.289, 0.542),
        ),
    ],
)
def test_session_5_is_predicted_as_by_scikit_learn(protocol, name, params, by_hand, reference):
    module = registry.method(f"fusion/{name}")
    split = protocol.split(module.METHOD, SETTINGS, test=True)
    outcome = module.fit(params, split, small_data.job(SETTINGS, **small_data.scored(module.METHOD, split)))
    truth = protocol.truth()["test"]
    train, test = standardised(split)
    for axis in (0, 1):
        estimator, rows = by_hand(len(train))
        estimator.fit(train[rows], split.train.y[rows, axis])
        expected = estimator.predict(test).clip(-1, 1)
        got = outcome.predictions["test"][:, axis]
        if name == "decision_tree":
            # two equally good thresholds may be told apart by the last digit of a feature
            assert np.isclose(got, expected, atol=1e-6).mean() > 0.97
        else:
            np.testing.assert_allclose(got, expected, atol=1e-5)
        # the reference drew other rows for its SVR and had the validation utterances as well; a tree without a limit
        # changes most with its rows
        assert metrics.ccc(truth[:, axis], got) == pytest.approx(reference[axis], abs=0.06)
