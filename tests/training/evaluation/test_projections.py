from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.evaluation import projections

KEPT = Artifact.PROJECTIONS


@pytest.fixture(scope="module")
def fitted():
    """Return what a final of a tiny latent space is handed, with a code of one number, and one of test alone."""
    made = small_data.fitted("motion/lma_vae", {"latent_size": 2})
    z = made.outcome.embeddings["z"]
    codes = {"z": z, "single": {p: v[:, :1] for p, v in z.items()}, "rotated": {"test": z["test"]}}
    return dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, embeddings=codes))


@pytest.fixture(scope="module")
def few(fitted):
    """Project at most 60 samples of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projections, "LIMIT", 60)
        return projections.evaluate(fitted).tables[KEPT]


def test_every_code_of_two_numbers_or_more_is_projected_three_times(few):
    assert tuple(few.columns) == record.COLUMNS[KEPT]
    kept = few.drop_duplicates(["code", "algorithm"])
    assert set(map(tuple, kept[["code", "algorithm"]].to_numpy())) == {
        (code, algorithm) for code in ("z", "rotated") for algorithm in ("pca", "tsne", "umap")
    }
    assert json.loads(kept.set_index("algorithm").loc["tsne", "parameters"].iloc[0]) == {"perplexity": 19}  # of 60
    assert kept["trustworthiness"].between(0.8, 1).all()  # two numbers are drawn as two numbers
    assert few[["x", "y"]].notna().all(axis=None)


def test_points_stand_under_the_names_of_their_samples(fitted, few):
    points = few[few["algorithm"] == "pca"].set_index(["code", "sample"])
    assert points.index.is_unique
    names, z = fitted.test_sample, fitted.outcome.embeddings["z"]["test"]
    assert set(points.loc["z"].index) == set(points.loc["rotated"].index) <= set(names)
    # of two numbers PCA is a turn: distances between samples stay
    a, b = points.loc["z"].index[[0, -1]]
    apart = points.loc[[("z", a), ("z", b)], ["x", "y"]].to_numpy()
    rows = [list(names).index(name) for name in (a, b)]
    assert np.linalg.norm(apart[0] - apart[1]) == pytest.approx(np.linalg.norm(z[rows[0]] - z[rows[1]]), rel=1e-4)


def test_test_samples_come_first_and_the_others_are_drawn_alike_for_every_seed(fitted, monkeypatch):
    parts = {part: (projections._names(fitted, part), z) for part, z in fitted.outcome.embeddings["z"].items()}
    test = list(fitted.test_sample)
    monkeypatch.setattr(projections, "LIMIT", len(test) + 20)
    names, codes = projections._chosen(parts)
    assert list(names[: len(test)]) == test
    assert len(set(names)) == len(codes) == len(test) + 20
    assert set(names) <= set(fitted.data.sample)
    assert list(projections._chosen(parts)[0]) == list(names)  # it has no seed
    train, z = parts["train"]
    np.testing.assert_array_equal(codes[-1], z[list(train).index(names[-1])])


def test_it_is_computed_last_for_every_method():
    assert projections.EVALUATION.last
    assert all(projections.applies(registry.method(m).METHOD) for m in registry.methods())


def test_without_a_code_there_is_no_table(fitted):
    bare = dataclasses.replace(fitted, outcome=dataclasses.replace(fitted.outcome, embeddings={}))
    assert not projections.evaluate(bare).tables
