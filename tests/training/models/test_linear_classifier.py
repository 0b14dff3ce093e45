import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier

from affect import facemesh
from tests.training.networks import mesh_graph
from training.data import Block, Part, Split
from training.models import linear_classifier
from training.views import single

TRIANGLES = mesh_graph.triangles().numpy()
V = mesh_graph.VERTICES


def split(classes=("a", "b", "c")) -> Split:
    empty = Part(np.array([]), np.array([]), single(np.empty((0, V, 3))), None)
    return Split(
        empty, empty, None, {"landmarks": Block(np.empty((0, V, 3)), triangles=TRIANGLES)}, (), classes=classes
    )


def features(n=60, seed=0):
    """Return features (n, v, 3) of three classes, 2:1:1, of which the second moves vertex 4 and the third vertex 20."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 4 % 3
    person = np.random.default_rng(9).normal(0, 1, (V, 3))
    x = rng.normal(0, 1, (n, 1, 1)) * person + rng.normal(0, 0.2, (n, V, 3))
    x[y == 1, 4] += 2
    x[y == 2, 20] += 2
    return x, y


def predicted(x, weights, bias):
    return (x.reshape(len(x), -1) @ weights + bias).argmax(axis=1)


@pytest.mark.parametrize("model", linear_classifier.MODELS)
@pytest.mark.parametrize("coordinates", ["positions", "differences"])
def test_it_learns_what_moves(model, coordinates):
    x, y = features()
    params = {"model": model, "coordinates": coordinates, "penalty": 1e-4}
    weights, bias = linear_classifier.fit(x, y, split(), params)
    unseen, truth = features(seed=1)
    assert (predicted(unseen, weights, bias) == truth).mean() > 0.8


def test_ridge_predicts_as_scikit_learn_does():
    x, y = features()
    weights, bias = linear_classifier.fit(
        x, y, split(), {"model": "ridge", "coordinates": "positions", "penalty": 0.01}
    )
    weight = 1 / np.bincount(y)[y] / 3
    flat = x.reshape(len(x), -1)
    variance = (weight @ (flat - weight @ flat) ** 2).sum()
    # its penalty stands beside sums, not means, and beside the features' own size
    peer = RidgeClassifier(alpha=0.01 * variance).fit(flat, y, sample_weight=weight)
    scores = flat @ weights + bias
    np.testing.assert_allclose(scores / linear_classifier.SHARPNESS * 2 - 1, peer.decision_function(flat), atol=1e-6)


def test_discriminant_is_scikit_learns_where_nothing_is_penalised():
    """Few features and many samples; classes weigh the same, as with equal priors and equal counts."""
    x, y = features(n=300)
    kept = np.concatenate([np.flatnonzero(y == c)[:70] for c in range(3)])
    x, y = x[kept][:, :4], y[kept]
    weights, bias = linear_classifier.fit(
        x, y, split(), {"model": "discriminant", "coordinates": "positions", "penalty": 1e-12}
    )
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(x.reshape(len(x), -1), y)
    scores = x.reshape(len(x), -1) @ weights + bias
    likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(likely, peer.predict_proba(x.reshape(len(x), -1)), atol=0.02)


@pytest.mark.parametrize("model", linear_classifier.MODELS)
def test_a_class_that_train_lacks_is_never_predicted(model):
    x, y = features()
    weights, bias = linear_classifier.fit(
        x, y, split(("a", "b", "c", "d")), {"model": model, "coordinates": "positions", "penalty": 1e-3}
    )
    assert weights.shape == (V * 3, 4)
    assert predicted(x, weights, bias).max() == 2


def test_logistic_regression_of_two_classes():
    x, y = features()
    x, y = x[y > 0], y[y > 0] * 2 - 2
    params = {"model": "logistic", "coordinates": "positions", "penalty": 1e-4}
    assert (predicted(x, *linear_classifier.fit(x, y, split(), params)) == y).all()


def test_differences_are_those_from_the_neighbours_mean():
    operator = linear_classifier.differences(np.array([[0, 1, 2], [2, 1, 3]]), 5)
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    np.testing.assert_allclose(operator @ values, [1 - 3, 2 - 13 / 3, 4 - 11 / 3, 8 - 3, 16])
    # wherever the face is
    np.testing.assert_allclose(linear_classifier.differences(facemesh.TRIANGLES, 468) @ np.ones(468), 0, atol=1e-12)


def test_the_weights_are_of_the_features_themselves():
    """Shifting a whole mesh changes no prediction that is made of differences."""
    x, y = features()
    weights, bias = linear_classifier.fit(
        x, y, split(), {"model": "discriminant", "coordinates": "differences", "penalty": 1e-4}
    )
    flat = x.reshape(len(x), -1)
    np.testing.assert_allclose((flat + 7) @ weights + bias, flat @ weights + bias, atol=1e-8)
