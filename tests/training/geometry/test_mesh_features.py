import numpy as np
import pytest

from tests import small_data
from training.geometry import mesh_features, rotations
from training.geometry.mesh_features import Features


@pytest.fixture(scope="module")
def meshes():
    return small_data.data("meshes").blocks["landmarks"].values[:40]


def fitted(kind: str, landmarks) -> Features:
    return Features.fit(landmarks, small_data.job({"features": kind, "rotations": "none"}))


def turned(landmarks):
    return rotations.rotate(landmarks.astype(float), rotations.draws(len(landmarks), np.random.default_rng(0)))


@pytest.mark.parametrize("kind", ["hks", "aligned"])
def test_features_that_do_not_turn_are_the_same_however_the_mesh_stands(meshes, kind):
    """So rotated train meshes would be no others than upright ones: drawing them is left out."""
    features = fitted(kind, meshes)
    assert not features.turns
    np.testing.assert_allclose(features.of(turned(meshes[:8])), features.of(meshes[:8]), rtol=1e-4, atol=1e-5)


def test_coordinates_turn_and_nothing_else_changes_them(meshes):
    features = fitted("xyz", meshes)
    assert features.turns
    upright = features.of(meshes)
    assert np.abs(features.of(turned(meshes)) - upright).max() > 0.5
    np.testing.assert_allclose(features.of(3 * meshes.astype(float) + 50), upright, atol=1e-5)
    np.testing.assert_allclose(upright.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose((upright**2).sum(axis=2).mean(axis=1), 1, rtol=1e-5)


def test_alignment_finds_the_rotation_and_never_reflects(meshes):
    mean = mesh_features.mean_face(meshes)
    aligned = mesh_features.align(mesh_features.unit(turned(mean[None].repeat(5, axis=0))), mean)
    np.testing.assert_allclose(aligned, mesh_features.unit(mean[None]).repeat(5, axis=0), atol=1e-10)
    reflected = mesh_features.align(mean[None] * [-1, 1, 1], mean)[0]
    assert np.abs(reflected - mean).max() > 0.05


def test_the_mean_face_undoes_pose_and_size():
    rng = np.random.default_rng(0)
    face = rng.normal(0, 50, (30, 3))
    turns = rotations.about(rng.normal(size=(40, 3)), 20) * rng.uniform(0.8, 1.25, 40)[:, None, None]
    mean = mesh_features.mean_face(face @ np.swapaxes(turns, 1, 2) + rng.normal(0, 99, (40, 1, 3)))
    apart, apart_again = (np.linalg.norm(m[:, None] - m, axis=2) for m in (face, mean))
    ratio = apart_again[apart > 0] / apart[apart > 0]
    np.testing.assert_allclose(ratio, ratio.mean())


def test_a_mirror_image_is_a_face_again(meshes):
    """Its mirror image is the mesh, and it lies as near to the mean as the mesh does."""
    mirrored = mesh_features.mirrored(meshes)
    np.testing.assert_array_equal(mesh_features.mirrored(mirrored), meshes)
    assert mirrored.dtype == meshes.dtype
    mean = mesh_features.mean_face(meshes)
    far = [np.abs(fitted("aligned", meshes).of(m) - mean).mean() for m in (meshes, mirrored)]
    assert far[1] < 1.5 * far[0]


@pytest.mark.parametrize("kind", ["xyz", "hks", "aligned"])
def test_saved_features_are_the_same(meshes, kind):
    features = fitted(kind, meshes)
    np.testing.assert_array_equal(Features.from_state(features.state()).of(meshes[:3]), features.of(meshes[:3]))


def test_a_mesh_of_one_point_has_no_direction_to_divide_by():
    assert (mesh_features.unit(np.zeros((2, 5, 3))) == 0).all()
