import numpy as np
import pytest

from training.geometry import rotations


def test_draws_are_rotations_and_the_same_for_the_same_seed():
    matrices = rotations.draws(50, np.random.default_rng(3))
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    assert np.array_equal(matrices, rotations.draws(50, np.random.default_rng(3)))


def test_draws_cover_all_of_so3_evenly():
    """Haar's measure: a vector lands evenly on the sphere, and the angle has the mean 90° + 2/π rad (126.5°)."""
    matrices = rotations.draws(20_000, np.random.default_rng(0))
    assert np.abs(matrices.mean(axis=0)).max() < 0.02
    angle = np.rad2deg(np.arccos((np.trace(matrices, axis1=1, axis2=2) - 1) / 2))
    assert angle.mean() == pytest.approx(90 + np.rad2deg(2 / np.pi), abs=0.7)


def test_a_quarter_turn_about_z_takes_x_to_y():
    matrix = rotations.about(np.array([[0.0, 0.0, 5.0]]), 90)
    np.testing.assert_allclose(matrix[0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_a_mesh_turns_about_its_centroid_and_keeps_its_shape():
    rng = np.random.default_rng(1)
    meshes = rng.normal(160, 30, (4, 20, 3)).astype(np.float32)
    turned = rotations.rotate(meshes, rotations.draws(4, rng).astype(np.float32))
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned.mean(axis=1), meshes.mean(axis=1), rtol=1e-5)
    apart, apart_again = (np.linalg.norm(m[:, :, None] - m[:, None], axis=-1) for m in (meshes, turned))
    np.testing.assert_allclose(apart_again, apart, atol=1e-3)
    np.testing.assert_allclose(rotations.rotate(meshes, rotations.about(np.ones((4, 3)), 0)), meshes, rtol=1e-6)
