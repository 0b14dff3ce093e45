from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect import metrics
from dashboard.results import comparing
from tests import fake_faces, fake_results

GROUPS = np.repeat([f"clip{i}" for i in range(14)], 5)
TRUE = np.sin(np.arange(len(GROUPS)))


def final(error: float, seed: int, part: str = "test") -> pd.DataFrame:
    noise = np.random.default_rng(seed).normal(0, error, len(TRUE))
    return pd.DataFrame(
        {
            "sample": [f"s{i:02d}" for i in range(len(TRUE))],
            "group": GROUPS,
            "part": part,
            "true_p": TRUE,
            "pred_p": TRUE + noise,
            "true_a": TRUE,
            "pred_a": TRUE + noise,
        }
    )


def stack(error: float, seed: int) -> comparing.Stack:
    return comparing.stack([final(error, seed), final(error, seed + 100)])


def test_a_stack_has_seeds_samples_and_targets_in_its_shape_whatever_the_rows_order():
    found = comparing.stack([final(0.1, 0), final(0.1, 1).sample(frac=1, random_state=0)])
    assert found.pred.shape == (2, 70, 2)
    assert found.true.shape == (70, 2)
    assert np.abs(found.pred[1] - found.true).max() < 0.5  # truth and prediction stayed together
    assert comparing.stack([final(0.1, 0)], "a").true.shape == (70, 1)


def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ValueError, match="no predictions of z"):
        comparing.stack([final(0.1, 0)], "z")
    with pytest.raises(ValueError, match="different samples"):
        comparing.stack([final(0.1, 0), final(0.1, 0).iloc[1:]])
    with pytest.raises(ValueError, match="no predictions"):
        comparing.stack([])


def test_equal_methods_share_a_rank_and_a_worse_one_does_not():
    stacks = {"a": stack(0.10, 0), "b": stack(0.10, 1), "c": stack(0.9, 2)}
    assert comparing.ranks(["a", "b", "c"], stacks, "mae") == {"a": 1, "b": 1, "c": 3}


def test_studies_without_predictions_are_ranked_by_place():
    assert comparing.ranks(["a", "b"], {"a": stack(0.1, 0)}, "mae") == {"a": 1, "b": 2}
    assert comparing.ranks(["a", "b"], {"a": stack(0.1, 0), "b": stack(0.1, 0)}, "no such metric") == {"a": 1, "b": 2}


def test_only_the_first_are_tested(monkeypatch):
    monkeypatch.setattr(comparing, "TESTED", 2)
    stacks = {name: stack(0.1, i) for i, name in enumerate("abc")}
    assert comparing.ranks(list("abc"), stacks, "mae") == {"a": 1, "b": 1, "c": 3}


def test_other_samples_are_not_compared():
    other = comparing.stack([final(0.1, 0).assign(sample=lambda t: t["sample"] + "x")])
    assert comparing.paired(stack(0.1, 0), other, "mae") is None
    found = comparing.paired(stack(0.1, 0), stack(0.9, 1), "mae")
    assert found.difference < 0
    assert found.p < 0.01


def test_pictures_are_compared_by_their_own_errors():
    stacks = {}
    for spec in fake_faces.STUDIES:
        predictions = fake_results.prediction_table(spec, fake_results.predict(spec, 1))
        errors = fake_faces.picture_errors(spec)
        for metric in ("mse", "mae"):
            found = comparing.stack([comparing.of_pictures(predictions, errors, metric)], "picture")
            test = errors[errors["part"] == "test"].set_index("sample")[metric]
            assert np.isclose(getattr(metrics, metric)(found.true[:, 0], found.pred[0, :, 0]), test.mean())
            stacks[spec.method, metric] = found
    vanilla, regularised = (stacks[spec.method, "mse"] for spec in fake_faces.STUDIES)
    told = comparing.paired(vanilla, regularised, "mse")
    assert told is not None
    assert told.groups == 8
