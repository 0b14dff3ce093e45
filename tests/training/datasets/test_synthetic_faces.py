"""Synthetic faces: valence and arousal can be read from a stranger's image, and what moved what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import protocols
from training.contract import UserError
from training.datasets import _drawing, synthetic_faces
from training.methods.faces import face_vae


@pytest.fixture(scope="module")
def data():
    return synthetic_faces.generate()


def test_it_is_called_synthetic_and_has_the_size_it_says(data):
    assert data.synthetic
    assert data.name == "synthetic_faces"
    assert data.summary["notes"][0].startswith("synthetic:")
    images, va = data.blocks["images"], data.blocks["va"]
    assert images.values.shape == (720, 3, 64, 64)
    assert images.values.dtype == np.uint8
    assert va.columns == ("valence", "arousal")
    assert (va.low, va.high) == (-1, 1)
    assert (data.summary["groups"], data.group_kind, data.persons_known) == (24, "person", True)


def test_a_file_cannot_be_given():
    with pytest.raises(UserError, match="reads no file"):
        synthetic_faces.read(Path("faces"), {})


def test_no_person_is_on_two_sides_of_a_split(data):
    split = protocols.make(data, "va").split(face_vae.METHOD, {}, test=True)
    train, validation = ({*part.group.tolist()} for part in (split.train, split.validation))
    assert train
    assert validation
    assert not train & validation


def test_valence_and_arousal_are_read_from_strangers_images(data):
    """By a plain linear map of pixels, from 18 persons to the other 6."""
    va = data.blocks["va"].values
    x = data.blocks["images"].values.reshape(len(va), -1) / 255
    known = np.isin(data.group, np.unique(data.group)[:18])
    centre = x[known].mean(axis=0)
    x = x - centre
    weights = np.linalg.solve(x[known] @ x[known].T + 100 * np.eye(known.sum()), va[known] - va[known].mean(axis=0))
    read = x[~known] @ (x[known].T @ weights) + va[known].mean(axis=0)
    r2 = 1 - ((read - va[~known]) ** 2).sum(axis=0) / ((va[~known] - va[known].mean(axis=0)) ** 2).sum(axis=0)
    assert (r2 > 0.7).all()


def test_identity_is_most_of_what_images_differ_by(data):
    """So that codes of an autoencoder have no reason to be valence or arousal."""
    va = data.blocks["va"].values
    x = data.blocks["images"].values.reshape(len(va), -1) / 255
    x = x - x.mean(axis=0)
    at = np.c_[va, np.ones(len(va))]
    explained = at @ np.linalg.lstsq(at, x, rcond=None)[0]
    person = np.array([x[data.group == one].mean(axis=0) for one in data.group])
    assert (explained**2).sum() < 0.1 * (x**2).sum()
    assert (person**2).sum() > 2 * (explained**2).sum()


@pytest.mark.parametrize("action", _drawing.ACTIONS)
def test_an_action_follows_its_axis_and_hardly_the_other(data, action):
    moved, cause = data.truth["actions"][action], data.truth["causes"][action]
    va = data.blocks["va"].values
    weights = np.linalg.lstsq(np.c_[va, np.ones(len(va))], moved, rcond=None)[0]
    own = ("valence", "arousal").index(cause)
    assert weights[own] > 1
    assert abs(weights[1 - own]) < 0.2 * weights[own]


def one_face(**changed: float) -> np.ndarray:
    """A face without grain's difference: the same parameters but for what is changed."""
    world = synthetic_faces._synthetic.make(0)
    of = synthetic_faces._parameters(world, np.random.default_rng(0), np.arange(1), np.zeros((1, 2)))
    rest = {"right": 0.0, "down": 0.0, "zoom": 1.0, **changed}
    return _drawing.draw({**of, **{name: np.array([value]) for name, value in rest.items()}})[0].astype(float)


@pytest.mark.parametrize(
    ("action", "rows"),
    [("mouth_curve", (34, 62)), ("mouth_opening", (34, 62)), ("eye_opening", (15, 36)), ("brow_raise", (8, 30))],
)
def test_an_action_moves_its_part_of_the_face_alone(action, rows):
    changed = np.abs(one_face(**{action: 0.8}) - one_face(**{action: 3.5})).max(axis=(0, 2)) > 2
    assert changed.any()
    assert not changed[: rows[0]].any()
    assert not changed[rows[1] :].any()


def test_a_smile_has_its_corners_above_its_middle():
    dark = 255 - one_face(mouth_curve=4.0, mouth_opening=2.0).mean(axis=0)
    row = np.arange(64)[38:60]
    middle = np.average(row, weights=dark[38:60, 30:34].mean(axis=1) ** 4)
    corner = np.average(row, weights=dark[38:60, 23:26].mean(axis=1) ** 4)
    assert corner < middle - 1
