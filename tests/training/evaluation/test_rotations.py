import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests.training.evaluation import toy_meshes
from training import registry
from training.evaluation import rotations


@pytest.fixture(scope="module")
def found():
    return rotations.evaluate(toy_meshes.fitted())


def test_it_applies_to_methods_of_meshes():
    applied = {m for m in registry.methods() if rotations.applies(registry.method(m).METHOD)}
    assert applied == {m for m in registry.methods() if m.startswith("meshes/")}


def test_a_method_that_looks_at_heights_is_right_upright_and_guesses_when_turned(found):
    table = found.tables[Artifact.ROTATIONS]
    assert tuple(table.columns) == record.COLUMNS[Artifact.ROTATIONS]
    f1 = table[(table["metric"] == "f1") & (table["target"] == "all")]
    by_angle = f1.groupby("angle")["value"].mean()
    assert list(by_angle.index) == [0, *rotations.ANGLES]
    assert by_angle.loc[0] == 1
    assert by_angle.iloc[1:].max() < 0.6
    assert f1["angle"].isna().sum() == rotations.DRAWS
    assert found.metrics["test/f1/rotated"] < 0.6


def test_the_figures_are_the_means_over_the_draws_and_stand_beside_the_majority(found):
    table = found.tables[Artifact.ROTATIONS]
    drawn = table[table["angle"].isna() & (table["target"] == "all")]
    for name, rows in drawn.groupby("metric"):
        assert found.metrics[record.metric("test", name, record.ROTATED)] == pytest.approx(rows["value"].mean())
    assert found.metrics["test.majority/accuracy/rotated"] == pytest.approx(1 / 3)


def test_codes_of_the_turned_meshes_are_kept_beside_those_of_the_upright(found):
    fitted = toy_meshes.fitted()
    upright = fitted.outcome.embeddings["penultimate"]["test"]
    turned = found.embeddings["penultimate_rotated"]["test"]
    assert turned.shape == upright.shape
    assert not np.allclose(turned, upright)


def test_what_no_rotation_changes_is_tested_with_few_draws_and_costs_few_features():
    class Radii(toy_meshes.Heights):
        meshes = 0

        def encode(self, inputs):
            landmarks = np.asarray(inputs.x)
            self.meshes += len(landmarks)
            away = np.linalg.norm(landmarks - landmarks.mean(axis=1, keepdims=True), axis=2)
            return np.stack([away[:, toy_meshes.MOVED[name]].mean(axis=1) for name in toy_meshes.CLASSES], axis=1)

    model = Radii()
    fitted = toy_meshes.fitted(model, features="hks")
    model.meshes = 0
    table = rotations.evaluate(fitted).tables[Artifact.ROTATIONS]
    assert model.meshes <= 6 * len(fitted.split.test)
    f1 = table.loc[(table["metric"] == "f1") & (table["target"] == "all"), "value"]
    assert f1.nunique() == 1
