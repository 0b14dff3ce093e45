from __future__ import annotations

import math

import numpy as np
import pytest

from affect import projections

GROUPS, EACH = 4, 30


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    """Return 120 codes (n, 8) in four clouds that barely touch."""
    rng = np.random.default_rng(0)
    return np.repeat(rng.normal(0, 4, (GROUPS, 8)), EACH, axis=0) + rng.normal(size=(GROUPS * EACH, 8))


def of_own_group(points: np.ndarray) -> float:
    """Return the share of samples whose nearest in the image is of their own cloud."""
    group = np.repeat(np.arange(GROUPS), EACH)
    return float(np.mean([group[projections.nearest(points, i, 1)[0][0]] == group[i] for i in range(len(points))]))


@pytest.mark.parametrize("algorithm", projections.ALGORITHMS)
def test_neighbours_stay_neighbours_and_a_seed_gives_the_same_image_again(algorithm, codes):
    told: list[float] = []
    found = projections.project(algorithm, codes, seed=3, progress=told.append)
    assert found.points.shape == (len(codes), 2)
    assert found.points.dtype == np.float32
    assert of_own_group(found.points) > 0.9  # a quarter by chance
    assert found.trustworthiness > 0.9
    again = projections.project(algorithm, codes, seed=3)
    np.testing.assert_array_equal(found.points, again.points)
    if algorithm != "pca":
        assert told == sorted(told)
        assert told[-1] == pytest.approx(1)
        assert set(found.parameters) == set(projections.ALGORITHMS[algorithm])


def test_the_number_of_threads_changes_no_image(monkeypatch):
    """From 1,000 samples on, openTSNE by itself takes approximate neighbours, and others with more threads."""
    monkeypatch.setattr(projections, "EXAGGERATED", 5)
    monkeypatch.setattr(projections, "REFINED", 5)
    monkeypatch.setattr(projections, "trustworthiness", lambda *_, **__: 1.0)
    many = np.random.default_rng(0).normal(size=(1001, 16))
    one, two = (projections.tsne(many, threads=threads).points for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_pca_of_what_lies_on_a_plane_loses_nothing():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) * [3, 1]
    found = projections.pca(plane @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2])
    assert found.trustworthiness == 1
    assert projections.procrustes(plane, found.points)[1] == pytest.approx(0, abs=1e-9)
    assert found.points.std(0)[0] > found.points.std(0)[1]


def test_trustworthiness_is_that_of_scikit_learn(codes, monkeypatch):
    from sklearn.manifold import trustworthiness

    points = codes[:, :2]
    whole = projections.trustworthiness(codes, points)
    assert whole == pytest.approx(trustworthiness(codes, points, n_neighbors=projections.NEIGHBOURS), abs=1e-3)
    assert projections.trustworthiness(codes, np.random.default_rng(0).normal(size=points.shape)) < 0.7
    # wherever the codes lie
    assert projections.trustworthiness(codes + 10_000, points - 10_000) == pytest.approx(whole, abs=1e-4)
    monkeypatch.setattr(projections, "SAMPLED", 60)  # estimated from half of the samples
    assert projections.trustworthiness(codes, points) == pytest.approx(whole, abs=0.03)


def test_procrustes_undoes_turning_mirroring_scaling_and_moving():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(50, 2))
    turn = np.array([[math.cos(2), -math.sin(2)], [math.sin(2), math.cos(2)]])
    moved, residual = projections.procrustes(reference, 7 * reference @ turn * [1, -1] + [3, -20])
    np.testing.assert_allclose(moved, reference, atol=1e-5)
    assert residual == pytest.approx(0, abs=1e-9)
    other = rng.normal(size=(50, 2))
    moved, residual = projections.procrustes(reference, other)
    # what is left is the residual's share of the reference's variance
    assert ((moved - reference) ** 2).sum() == pytest.approx(residual * ((reference - reference.mean(0)) ** 2).sum())
    assert residual > 0.8
    assert projections.procrustes(reference, np.zeros((50, 2)))[1] == 1
    with pytest.raises(ValueError, match="same samples"):
        projections.procrustes(reference, other[:-1])


def test_neighbours_are_nearest_first_and_never_oneself():
    line = np.array([[0.0, 0], [1, 0], [3, 0], [7, 0]])
    rows, distance = projections.nearest(line, 1, 10)
    assert list(rows) == [0, 2, 3]
    assert list(distance) == [1, 2, 6]


def test_parameters_give_way_to_few_samples_and_say_so(codes):
    assert projections.tsne(codes[:13], perplexity=30).parameters == {"perplexity": 4}
    assert projections.umap(codes[:13], neighbours=50).parameters["neighbours"] == 12


@pytest.mark.parametrize("algorithm", projections.ALGORITHMS)
def test_codes_that_are_all_equal_are_one_point_that_nobody_trusts(algorithm):
    found = projections.project(algorithm, np.full((20, 4), 0.3))
    assert not found.points.any()
    assert math.isnan(found.trustworthiness)


def test_long_codes_are_brought_to_their_principal_components_first():
    rng = np.random.default_rng(0)
    long = rng.normal(size=(40, 200))
    found = projections._reduced(long)
    assert found.shape == (40, projections.DIMENSIONS)
    # forty samples span less than fifty dimensions: all distances stay
    np.testing.assert_allclose(projections.nearest(long, 0)[1], projections.nearest(found, 0)[1])


def test_what_cannot_be_projected_is_said(codes):
    with pytest.raises(ValueError, match="no projection 'mds'; known: pca, tsne, umap"):
        projections.project("mds", codes)
    with pytest.raises(ValueError, match="tsne has no parameter neighbours; known: perplexity"):
        projections.project("tsne", codes, {"neighbours": 3})
    with pytest.raises(ValueError, match="at least 4 samples"):
        projections.pca(codes[:3])
    broken = codes.copy()
    broken[[2, 7], 0] = np.nan
    with pytest.raises(ValueError, match="2 of 120 codes are not finite"):
        projections.pca(broken)


def test_a_projection_ends_when_its_listener_raises(codes):
    class Enough(Exception):
        pass

    def stop(share: float) -> None:
        raise Enough

    for algorithm in ("tsne", "umap"):
        with pytest.raises(Enough):
            projections.project(algorithm, codes, progress=stop)


def test_umap_gives_back_the_threads_that_it_takes(codes):
    """Numba's would be left to all that computes after it in the process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        projections.umap(codes)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
