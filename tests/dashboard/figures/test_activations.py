import numpy as np
import pandas as pd
import pytest

from affect import facemesh
from dashboard.figures import activations
from tests import fake_meshes

BEST, WORST = fake_meshes.STUDIES[0], fake_meshes.STUDIES[1]


@pytest.fixture(scope="module")
def table():
    return fake_meshes.activations(BEST)


@pytest.fixture(scope="module")
def levels(table):
    return activations.levels(table, "gradient")


def test_levels_are_laid_out_a_class_a_line(table, levels):
    assert list(levels.index) == sorted(fake_meshes.CLASSES)
    assert levels.shape == (7, 468)
    row = table[(table["kind"] == "gradient") & (table["class"] == "fear") & (table["vertex"] == 17)].iloc[0]
    assert activations.of_class(levels, "fear")[17] == row["level"]
    assert activations.kinds({"a": table}) == ["pca", "gradient"]
    assert activations.levels(fake_meshes.activations(fake_meshes.STUDIES[-1]), "pca").empty


def test_a_region_that_moves_is_looked_at_more_than_the_face(levels):
    found = activations.by_region(levels).set_index(["class", "region"])
    assert found.loc[("disgust", "nose"), "over_mean"] > 1.5
    assert found.loc[("disgust", "chin"), "over_mean"] < 1
    lips = list(facemesh.REGIONS["lips"])
    assert found.loc[("happy", "lips"), "level"] == pytest.approx(levels.loc["happy", lips].mean())
    assert activations.by_region(levels[[0, 1, 2]]).empty


def test_overlap_counts_the_highest_tenth_that_two_classes_share():
    found = pd.DataFrame(np.zeros((3, 20)), index=["a", "b", "c"])
    found.loc["a", [1, 2]] = found.loc["b", [2, 3]] = found.loc["c", [1, 2]] = 1
    shared = activations.overlap(found)
    assert shared.loc["a", "b"] == 0.5
    assert shared.loc["a", "c"] == shared.loc["a", "a"] == 1


def test_maps_are_scored_where_the_truth_is_known(table):
    scored = activations.against_truth(
        {"best": table, "worst": fake_meshes.activations(WORST), "real": table[["kind"]]}
    )
    assert set(scored["run"]) == {"best", "worst"}
    means = scored[scored["class"] == "all classes"].set_index(["run", "kind"])["auc"]
    assert means["best", "gradient"] > means["worst", "gradient"] > 0.5
    figures = fake_meshes.map_scores(table)
    assert means["best", "gradient"] == pytest.approx(figures["test/vertex_auc/gradient"])


def test_distances_are_symmetric():
    codes = fake_meshes.embeddings(BEST, fake_meshes.predict(BEST, 1))
    found = activations.distances(fake_meshes.separation(codes, BEST), "penultimate")
    assert list(found.index) == list(found.columns) == sorted(fake_meshes.CLASSES)
    assert np.isnan(np.diag(found)).all()
    np.testing.assert_allclose(found, found.T)


def test_a_face_is_upright_from_the_front_and_only_its_intensity_follows_the_class(levels):
    mesh = fake_meshes.mesh(BEST)
    triangles = pd.DataFrame(facemesh.TRIANGLES, columns=["a", "b", "c"])
    happy, fear = (
        activations.draw_face(mesh, triangles, activations.of_class(levels, name), 0.01) for name in ("happy", "fear")
    )
    face, other = happy.data[0], fear.data[0]
    assert face.z[10] > face.z[152]  # the forehead is above the chin
    assert face.y[1] < face.y[234]  # the nose is nearer than the ear
    assert list(face.intensity) == list(levels.loc["happy"])
    assert (face.cmin, face.cmax) == (other.cmin, other.cmax) == (0, 0.01)
    assert list(face.x) == list(other.x)
    assert happy.layout.uirevision == fear.layout.uirevision
    assert sum(trace.type == "mesh3d" for trace in happy.data) == 1


def test_what_truly_moves_is_marked(table, levels):
    mesh = fake_meshes.mesh(BEST)
    triangles = pd.DataFrame(facemesh.TRIANGLES, columns=["a", "b", "c"])
    moves = activations.moving(table)
    assert moves is not None
    nose = activations.of_class(moves, "disgust")
    marked = activations.draw_face(mesh, triangles, activations.of_class(levels, "disgust"), 1, nose).data[1]
    assert len(marked.x) == len(facemesh.REGIONS["nose"])
    assert activations.moving(table.drop(columns="moves")) is None


def test_every_class_is_drawn_small_on_one_scale(levels):
    fig = activations.draw_classes(fake_meshes.mesh(BEST), levels, 0.5)
    assert len(fig.data) == 7
    assert all(trace.type == "scatter" for trace in fig.data)
    assert fig.layout.coloraxis.cmax == 0.5


def test_eigenvectors_are_columns_of_the_mesh():
    assert activations.eigenvectors(fake_meshes.mesh(fake_meshes.STUDIES[2])) == ["hks1", "hks2", "hks3"]
    assert activations.eigenvectors(fake_meshes.mesh(BEST)) == []
