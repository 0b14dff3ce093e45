import dataclasses

import numpy as np
import pytest
import torch

from affect import facemesh
from tests import small_data
from training import registry
from training.contract import Job
from training.data import Block, Part, Split
from training.geometry import rotations, topology
from training.networks import mesh_classifier
from training.networks.mesh_classifier import Graph, MeshNetwork, Shape
from training.views import single

METHODS = ("meshes/dgcnn", "meshes/feast", "meshes/graph_sage")
GRAPH = Graph(topology.edges(torch.tensor(facemesh.TRIANGLES)), 468)


def faces(n: int, seed: int) -> Part:
    """Return faces of two classes, half of them: in the second the jaw has dropped."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = facemesh.VERTICES * (12, -12, -12) + rng.normal(0, 0.5, (n, 468, 3))
    x[:, facemesh.REGIONS["chin"], 1] += 12 * y[:, None]
    names = np.array([f"{i}" for i in range(n)])
    return Part(names, names, single(x.astype(np.float32), "landmarks"), y)


def split(triangles: np.ndarray | None = facemesh.TRIANGLES) -> Split:
    block = Block(np.empty((0, 468, 3), np.float32), triangles=triangles)
    return Split(faces(40, 0), faces(20, 1), None, {"landmarks": block}, (), classes=("closed", "open"))


def job(features: str, rotations: str, handed: Split | None = None) -> Job:
    method = registry.method("meshes/graph_sage").METHOD
    return small_data.job(
        {"features": features, "rotations": rotations}, **small_data.scored(method, handed or split())
    )


def network(name: str, placed: bool = True) -> MeshNetwork:
    module, params = registry.method(name), registry.space(name).TINY
    torch.manual_seed(0)
    return MeshNetwork(module.layer, params, GRAPH, Shape(3, 2, placed)).eval()


@pytest.fixture(scope="module")
def fitted():
    """Return outcomes of a fit to upright coordinates, and of one to coordinates that turn."""
    module, params = registry.method("meshes/graph_sage"), registry.space("meshes/graph_sage").TINY

    def fit(rotations: str):
        return module.fit(params, split(), job("xyz", rotations))

    return {kind: fit(kind) for kind in ("none", "train")}


@pytest.mark.parametrize("name", METHODS)
def test_meshes_of_a_batch_do_not_see_each_other(name):
    with torch.random.fork_rng(), torch.no_grad():
        module, x = network(name), torch.randn(3, 468, 3)
        torch.testing.assert_close(module(x)[1:2], module(x[1:2]), rtol=1e-4, atol=1e-5)
        assert module.vertices(x).shape == (3, 468, 32)


@pytest.mark.parametrize("name", METHODS)
def test_gradients_reach_the_features_after_a_prediction(name):
    """What a layer keeps from a prediction must not stand in the way of a gradient, and that must be right."""
    with torch.random.fork_rng():
        # double precision, so that a step can be too short for another vertex to come nearest
        module, x = network(name).double(), torch.randn(2, 468, 3, dtype=torch.float64)
        with torch.inference_mode():
            module(x)
        given = x.clone().requires_grad_()
        (found,) = torch.autograd.grad(module(given)[:, 1].sum(), given)
        step = 1e-7 * torch.sign(found)
        with torch.no_grad():
            risen = (module(x + step) - module(x - step))[:, 1].sum() / 2
        assert float(risen) == pytest.approx(float((found * step).sum()), rel=0.01)


def test_inputs_are_standardised_by_the_train_meshes():
    with torch.random.fork_rng():
        module, x = network("meshes/graph_sage"), 5 + 3 * torch.randn(50, 468, 3)
    module.measure(x)
    seen = (x[:, :, None] - module.mean) / module.scale
    torch.testing.assert_close(seen.mean(dim=(0, 1)), torch.zeros(2, 3), rtol=0, atol=1e-4)
    torch.testing.assert_close(seen.square().mean(dim=(0, 1)), torch.ones(2, 3), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen[:, :, 1].mean(dim=0), torch.zeros(468, 3), rtol=0, atol=1e-4)


def test_differences_from_a_vertex_own_mean_are_left_out_where_meshes_turn(fitted):
    assert fitted["none"].model.shape.placed
    assert not fitted["train"].model.shape.placed


def test_a_fit_to_upright_faces_fails_on_turned_ones(fitted):
    unseen = faces(60, 2)
    turned = rotations.rotate(np.asarray(unseen.x, float), rotations.draws(60, np.random.default_rng(0)))
    right = {
        name: (fitted["none"].model.predict(inputs).argmax(axis=1) == unseen.y).mean()
        for name, inputs in (("upright", unseen.inputs), ("turned", single(turned)))
    }
    assert right["upright"] > 0.9
    assert right["turned"] < 0.75


def test_aligned_features_need_no_rotated_training():
    """They are the same for a turned mesh, so both settings fit the same weights."""
    module, params = registry.method("meshes/graph_sage"), registry.space("meshes/graph_sage").TINY
    params = {**params, "epochs": 2, "horizontal_flip": True}
    jobs = [job("aligned", kind) for kind in ("none", "train")]
    upright, turned = (module.fit(params, split(), one) for one in jobs)
    np.testing.assert_array_equal(upright.predictions["validation"], turned.predictions["validation"])
    unseen = faces(20, 2).inputs
    rotated = rotations.rotate(np.asarray(unseen.x, float), rotations.draws(20, np.random.default_rng(0)))
    np.testing.assert_allclose(upright.model.predict(single(rotated)), upright.model.predict(unseen), atol=1e-3)


def test_probabilities_are_those_of_the_logits(fitted):
    model, x = fitted["none"].model, faces(5, 3).inputs
    with torch.no_grad():
        logits = model.logits(torch.from_numpy(model.features(x)))
    np.testing.assert_allclose(model.predict(x), logits.softmax(dim=1).numpy(), rtol=1e-4, atol=1e-6)


def test_a_class_that_train_lacks_weighs_nothing():
    y = torch.tensor([0, 0, 0, 2])
    weights = mesh_classifier.class_weights(y, 4)
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 0.0, 4 / 2, 0.0]))
    assert float(weights[y].sum()) == 4, "a sample weighs 1 in the mean"


@pytest.mark.parametrize("name", METHODS)
def test_a_class_that_train_lacks_is_never_predicted(name):
    """Label smoothing would pull every prediction towards it, if it weighed anything."""
    module, params = registry.method(name), registry.space(name).TINY
    given = dataclasses.replace(split(), classes=("closed", "open", "seen in test alone"))
    outcome = module.fit({**params, "label_smoothing": 0.3}, given, job("xyz", "none", given))
    predicted = outcome.predictions["validation"].argmax(axis=1)
    assert predicted.max() < 2
    assert (predicted == given.validation.y).mean() > 0.7


def test_a_graph_network_needs_triangles():
    module, params = registry.method("meshes/feast"), registry.space("meshes/feast").TINY
    with pytest.raises(ValueError, match="triangles"):
        module.fit(params, split(triangles=None), small_data.job({"features": "xyz", "rotations": "none"}))


def test_a_saved_network_needs_nothing_but_its_folder(fitted, tmp_path):
    model = fitted["none"].model
    model.save(tmp_path)
    again = mesh_classifier.load(tmp_path, "cpu", registry.method("meshes/graph_sage").layer)
    x = faces(4, 4).inputs
    np.testing.assert_array_equal(again.vertices(x), model.vertices(x))
    assert again.params == model.params
    assert again.parameters() == model.parameters()
