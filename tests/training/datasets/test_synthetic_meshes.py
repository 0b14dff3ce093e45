from __future__ import annotations

import numpy as np
import pytest

from affect.facemesh import MIRROR, REGIONS
from tests.small_data import data as synthetic
from training.datasets import synthetic_meshes
from training.datasets.ckplus import EMOTIONS


@pytest.fixture(scope="module")
def data():
    return synthetic("meshes")


def aligned(landmarks: np.ndarray) -> np.ndarray:
    """Turn, scale and place each mesh as the first one lies."""
    centred = landmarks - landmarks.mean(axis=1, keepdims=True)
    centred = centred / np.sqrt((centred**2).mean(axis=(1, 2), keepdims=True))
    u, _, vt = np.linalg.svd(np.einsum("nvi,vj->nij", centred, centred[0]))
    turn = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= turn[:, None]
    return centred @ (u @ vt)


def test_an_emotion_moves_the_vertices_it_is_said_to_move_and_no_others(data):
    assert {*data.truth["vertices"]} == {*EMOTIONS} == {*data.label.tolist()}
    for emotion, rows in data.truth["vertices"].items():
        moving = np.abs(data.truth["movement"][emotion]).sum(axis=1) > 0
        assert np.flatnonzero(moving).tolist() == list(rows)
        assert 10 < len(rows) < 200


def test_emotions_move_the_parts_of_a_face_that_people_move():
    moved = {name: {*synthetic_meshes.moved(name)} for name in EMOTIONS}
    assert moved["contempt"] < {*REGIONS["lips"], *REGIONS["cheek"]}
    assert not moved["contempt"] & {*MIRROR[[*moved["contempt"]]].tolist()}, "contempt is one-sided"
    assert {*MIRROR[[*moved["happy"]]].tolist()} == moved["happy"]
    assert not moved["happy"] & {*REGIONS["brow"]}
    # in pixels down is positive: a dropped chin, raised corners of the mouth
    assert synthetic("meshes").truth["movement"]["surprise"][152, 1] > 5
    assert synthetic("meshes").truth["movement"]["happy"][[61, 291], 1].max() < -5


def test_faces_are_upright_and_of_a_size_in_pixels(data):
    landmarks = data.blocks["landmarks"].values
    assert landmarks.shape == (len(data.sample), 468, 3)
    assert (landmarks[:, 10, 1] < landmarks[:, 152, 1]).all(), "the forehead is above the chin: y points down"
    assert (landmarks[:, 33, 0] < landmarks[:, 263, 0]).all(), "the person's right eye is on the image's left"
    assert (landmarks[:, 1, 2] < landmarks[:, 234, 2]).all(), "the nose is nearer than the ears: z points away"
    width, height, _ = np.ptp(landmarks, axis=1).T
    assert (width > 100).all()
    assert (height < 320).all()


def test_people_differ_more_than_emotions_do(data):
    """Who it is is the nuisance: a net must see past it."""
    faces = aligned(data.blocks["landmarks"].values.astype(float))

    def spread(by: np.ndarray) -> float:
        return float(np.stack([faces[by == name].mean(axis=0) for name in np.unique(by)]).std(axis=0).mean())

    assert spread(data.group) > spread(data.label) > 0


def test_the_problem_can_be_learnt_across_people_and_not_perfectly(data):
    from sklearn.linear_model import RidgeClassifier
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    faces = aligned(data.blocks["landmarks"].values.astype(float)).reshape(len(data.sample), -1)
    cv = GroupKFold(4)
    found = cross_val_predict(RidgeClassifier(1.0), faces, data.label, groups=data.group, cv=cv)
    assert 0.85 < f1_score(data.label, found, average="macro") < 0.995


def test_frames_are_from_the_end_of_a_recording(data):
    sequences, frames = np.unique(data.sequence, return_counts=True)
    assert (frames == len(synthetic_meshes.FRAMES)).all()
    assert len(sequences) == sum(synthetic_meshes.RECORDINGS.values())
    assert data.time.min() > 4
