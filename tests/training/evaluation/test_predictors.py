import numpy as np
import pytest

from training.evaluation import _predictors


def test_a_long_train_part_is_drawn_from_by_the_seed(monkeypatch):
    monkeypatch.setattr(_predictors, "LIMIT", 50)
    rng = np.random.default_rng(0)
    train = rng.normal(size=(500, 3))
    target = train @ [1.0, -2.0, 0.5] + rng.normal(0, 0.5, 500)
    test = rng.normal(size=(20, 3))
    first, again, other = (_predictors.predicted(_predictors.ridge(), train, target, test, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert np.abs(first - test @ [1.0, -2.0, 0.5]).max() < 1


def test_a_code_in_other_units_says_the_same():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(80, 3)), rng.normal(size=(20, 3))
    units = np.array([1e-3, 1.0, 1e3])
    target = (train[:, 0] > 0).astype(int)
    for name, predictor in _predictors.classifiers(0, "mlp").items():
        plain = _predictors.predicted(predictor, train, target, test, 0)
        scaled = _predictors.predicted(_predictors.classifiers(0, "mlp")[name], train * units, target, test * units, 0)
        assert np.mean(plain == scaled) > 0.9


def test_one_class_cannot_be_learnt():
    codes, one = np.zeros((10, 2)), np.repeat("happy", 10)
    found = _predictors.accuracies(_predictors.classifiers(0, "mlp"), (codes, one), (codes, one), 0)
    assert np.isnan([found[name] for name in ("decision_tree", "svm", "mlp")]).all()
    assert found["chance"] == found["majority"] == 1


def test_the_direction_is_the_one_in_which_the_target_rises():
    codes = np.random.default_rng(0).normal(size=(2000, 3)) * [1.0, 10.0, 1.0]
    found = _predictors.direction(codes, 3 * codes[:, 0] + 0.4 * codes[:, 1])
    assert found == pytest.approx([3, 0.4, 0], abs=0.02)
    assert _predictors.direction(np.zeros((5, 2)), np.arange(5.0)) == pytest.approx([0, 0])
