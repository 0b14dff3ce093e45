import time

import numpy as np
import pytest

from affect import facemesh
from training.contract import UserError
from training.geometry import hks, rotations

MESH = hks.Heat(laplacian="mesh")


@pytest.fixture(scope="module")
def face():
    return facemesh.VERTICES + np.random.default_rng(0).normal(0, 0.02, (468, 3))


@pytest.mark.parametrize("heat", [hks.DEFAULT, MESH])
def test_it_depends_neither_on_pose_nor_on_place_nor_on_size(face, heat):
    upright = hks.signature(face, heat, facemesh.TRIANGLES)
    turned = rotations.rotate(face[None], rotations.draws(1, np.random.default_rng(1)))[0]
    np.testing.assert_allclose(hks.signature(7 * turned + 100, heat, facemesh.TRIANGLES), upright, rtol=1e-4)
    assert upright.shape == (468, 16)


def test_heat_spreads_and_none_is_lost(face):
    """Signatures fall with time, and summed over the masses they are the heat's trace, the sum of exp(-λ t)."""
    values, vectors = hks.spectrum(face)
    found = hks.signature(face)
    assert (np.diff(found, axis=1) < 0).all()
    assert values[0] == pytest.approx(0, abs=1e-8)
    assert (np.diff(values) >= 0).all()
    # the first eigenvector is constant, and after a long while all vertices have that share of the heat
    late = hks.signature(face, hks.Heat(times=2, last=1e3))[:, -1]
    np.testing.assert_allclose(late, vectors[:, 0] ** 2, rtol=1e-5)
    np.testing.assert_allclose(vectors[:, 0], vectors[0, 0], rtol=1e-5)


def test_it_is_that_of_the_sparse_solver(face):
    from robust_laplacian import mesh_laplacian
    from scipy.sparse.linalg import eigsh

    unit = (face - face.mean(axis=0)) / np.sqrt(((face - face.mean(axis=0)) ** 2).sum(axis=1).mean())
    stiffness, masses = mesh_laplacian(unit, np.array(facemesh.TRIANGLES))
    values, vectors = eigsh(stiffness, k=128, M=masses, sigma=-1e-8)
    expected = vectors**2 @ np.exp(-np.outer(values, np.geomspace(0.01, 1, 16)))
    np.testing.assert_allclose(hks.signature(face, MESH, facemesh.TRIANGLES), expected, rtol=1e-4)


@pytest.mark.parametrize(("mesh", "words"), [(np.zeros((468, 3)), "one point"), (np.full((468, 3), np.nan), "NaN")])
def test_a_mesh_without_extent_is_refused(mesh, words):
    with pytest.raises(UserError, match=words):
        hks.signature(mesh)


def test_a_mesh_is_computed_once(face, tmp_path, monkeypatch):
    meshes = np.stack([face, 1.1 * face + face**2]).astype(np.float32)
    began = time.perf_counter()
    first = hks.signatures(meshes, tmp_path, threads=2)
    taken = time.perf_counter() - began
    np.testing.assert_array_equal(first, hks.signatures(meshes))
    monkeypatch.setattr(hks, "signature", None)
    began = time.perf_counter()
    np.testing.assert_array_equal(hks.signatures(meshes[::-1], tmp_path), first[::-1])
    assert time.perf_counter() - began < 0.2 * taken  # some hundredths on a quiet machine
    with pytest.raises(TypeError):
        hks.signatures(meshes + np.float32(1e-3), tmp_path)
    with pytest.raises(TypeError):
        hks.signatures(meshes, tmp_path, hks.Heat(eigenpairs=64))


def test_a_file_that_was_cut_short_is_made_again(face, tmp_path):
    first = hks.signatures(face[None], tmp_path)
    (file,) = tmp_path.rglob("*.f32")
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(hks.signatures(face[None], tmp_path), first)
