import numpy as np
import pytest
import torch

from affect import record
from affect.record import Artifact
from tests.training.evaluation import toy_meshes
from training import registry
from training.evaluation import activations


class Looking(toy_meshes.Heights):
    """As `Heights`, and it shows what it looks at: the height of each vertex, weighed by class."""

    def __init__(self):
        self.weights = torch.zeros(toy_meshes.VERTICES, len(toy_meshes.CLASSES))
        for column, name in enumerate(toy_meshes.CLASSES):
            self.weights[list(toy_meshes.MOVED[name]), column] = 1 / len(toy_meshes.MOVED[name])

    def features(self, inputs):
        landmarks = np.asarray(inputs.x)
        return (landmarks - landmarks.mean(axis=1, keepdims=True)).astype(np.float32)

    def logits(self, features):
        return features[:, :, 1] @ self.weights

    def vertices(self, inputs):
        height = self.features(inputs)[:, :, 1]
        return np.stack([height, 0.1 * height, height**3, np.ones_like(height)], axis=2)


@pytest.fixture(scope="module")
def found():
    return activations.evaluate(toy_meshes.fitted(Looking()))


def test_it_applies_to_methods_of_meshes():
    applied = {m for m in registry.methods() if activations.applies(registry.method(m).METHOD)}
    assert applied == {m for m in registry.methods() if m.startswith("meshes/")}


@pytest.mark.parametrize("kind", ["pca", "gradient"])
def test_the_vertices_that_a_class_lifts_have_the_highest_levels(found, kind):
    table = found.tables[Artifact.ACTIVATIONS]
    assert tuple(table.columns) == (*record.COLUMNS[Artifact.ACTIVATIONS], "moves")
    for name, moved in toy_meshes.MOVED.items():
        rows = table[(table["kind"] == kind) & (table["class"] == name)]
        assert len(rows) == toy_meshes.VERTICES
        highest = rows.nlargest(len(moved), "level")
        assert set(highest["vertex"]) == set(moved)
        assert highest["moves"].all()
        assert rows["moves"].sum() == len(moved)
    assert found.metrics[record.metric("test", "pointing_game", kind)] == 1
    assert found.metrics[record.metric("test", "vertex_auc", kind)] == 1


def test_the_scores_can_be_computed_again_from_the_table(found):
    assert activations.scores(found.tables[Artifact.ACTIVATIONS]) == found.metrics


def test_gradients_of_a_linear_model_are_its_weights_times_the_way_from_the_mean_face(found):
    fitted, model = toy_meshes.fitted(Looking()), Looking()
    label = fitted.truth["test"][:, 0]
    x, start = model.features(fitted.split.test.inputs), model.features(fitted.split.train.inputs).mean(axis=0)
    rows = np.searchsorted(toy_meshes.CLASSES, label)
    levels = activations.integrated(model.logits, x, start, rows, "cpu")
    np.testing.assert_allclose(levels, np.abs((x - start)[:, :, 1] * model.weights.numpy().T[rows]), atol=1e-4)


def test_the_level_of_an_embedding_is_the_length_of_its_components(found):
    table = found.tables[Artifact.ACTIVATIONS]
    pca = table[table["kind"] == "pca"]
    np.testing.assert_allclose(np.linalg.norm(pca[["pc1", "pc2", "pc3"]], axis=1), pca["level"])
    assert table.loc[table["kind"] == "gradient", ["pc1", "pc2", "pc3"]].isna().all(axis=None)


def test_a_model_that_shows_nothing_has_a_face_and_no_maps():
    shown = activations.evaluate(toy_meshes.fitted())
    assert set(shown.tables) == {Artifact.MESH, Artifact.TRIANGLES}
    assert not shown.metrics
    assert tuple(shown.tables[Artifact.TRIANGLES].columns) == record.COLUMNS[Artifact.TRIANGLES]
