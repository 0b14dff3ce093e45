"""Synthetic frames: videos of people whose frames tell their valence and arousal, and more of it with those before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affect import metrics
from search_spaces.faces.face_vae_continuous import TINY
from tests import small_data
from training import cache, protocols, views
from training.contract import UserError
from training.datasets import synthetic_frames
from training.methods.faces import face_vae_continuous
from training.methods.frames import cnn_rnn


@pytest.fixture(scope="module")
def data():
    return synthetic_frames.generate()


def test_it_is_called_synthetic_and_has_the_size_it_says(data):
    assert data.synthetic
    assert data.name == "synthetic_frames"
    assert data.summary["notes"][0].startswith("synthetic:")
    images, va = data.blocks["images"], data.blocks["va"]
    assert images.values.shape == (synthetic_frames.FRAMES, 3, 64, 64)
    assert images.values.dtype == np.uint8
    assert va.columns == ("valence", "arousal")
    assert (data.summary["groups"], data.group_kind, data.persons_known) == (160, "video", True)


@pytest.mark.parametrize("frames", [200, 1001])
def test_there_are_as_many_frames_as_asked_for(frames):
    assert len(synthetic_frames.generate(frames=frames).sample) == frames


def test_more_frames_are_more_videos():
    film = synthetic_frames._Film(0, 8000)
    assert len(np.unique(film.video)) == 8000 // 25
    assert film.version != synthetic_frames._Film(0, 8001).version


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match="frames is 79, expected at least 80"):
        synthetic_frames.generate(frames=79)


def test_a_file_cannot_be_given():
    with pytest.raises(UserError, match="reads no file"):
        synthetic_frames.read(Path("frames"), {})


def test_two_faces_of_a_video_are_two_recordings_of_one_group(data):
    recordings = {group: {*data.sequence[data.group == group].tolist()} for group in np.unique(data.group).tolist()}
    assert recordings["video 01"] == {"video 01"}
    assert recordings["video 08"] == {"video 08 left", "video 08 right"}
    assert sum(len(of) == 2 for of in recordings.values()) == 20
    assert sum(map(len, recordings.values())) == data.summary["recordings"] == 180


def test_frames_without_a_face_are_gaps_in_time_and_counted(data):
    missing = 0
    for recording in np.unique(data.sequence):
        number = np.round(data.time[data.sequence == recording] * synthetic_frames.RATE).astype(int)
        assert (np.diff(number) >= 1).all()
        missing += int(number[-1] - number[0] + 1 - len(number))
    assert missing == data.summary["skipped"] > 20


def test_some_frames_have_no_label_and_their_truth_is_known(data):
    va = data.blocks["va"].values
    unlabelled = np.isnan(va).any(axis=1)
    assert unlabelled.sum() == data.summary["unlabelled"] > 20
    assert (data.label[unlabelled] == "").all()
    assert (data.label[~unlabelled] != "").all()
    np.testing.assert_array_equal(va[~unlabelled], data.truth["va"][~unlabelled])
    protocol = protocols.for_method(cnn_rnn.METHOD, data, {"context_s": 1})
    split = protocol.split(cnn_rnn.METHOD, {"context_s": 1}, test=False)
    assert split.unlabelled is not None
    assert {*split.unlabelled.group.tolist()} <= {*split.train.group.tolist()}


def test_valence_and_arousal_move_slowly_and_a_frame_trembles(data):
    """A frame's neighbour has nearly its valence and arousal; its face differs more."""

    def steps(values: np.ndarray) -> float:
        same = data.sequence[1:] == data.sequence[:-1]
        return float((np.diff(values, axis=0)[same] ** 2).mean() / values.var(axis=0).mean())

    assert steps(data.truth["va"]) < 0.05
    assert steps(data.truth["actions"]["mouth_curve"][:, None]) > 0.4


def test_the_frames_before_tell_more_than_the_frame_alone(data):
    """Of the facial actions, read linearly, from 120 videos to the other 40."""
    va, actions = data.truth["va"], np.column_stack([*data.truth["actions"].values()])
    known = np.isin(data.group, np.unique(data.group)[:120])

    def read(seconds: float) -> np.ndarray:
        windows = views.look_back(data.sequence, data.time, data.sequence, data.time, seconds)
        values, mask = views.View(actions, windows)[:]
        x = np.c_[values.sum(axis=1) / mask.sum(axis=1)[:, None], np.ones(len(va))]
        weights = np.linalg.lstsq(x[known], va[known], rcond=None)[0]
        return np.array([metrics.ccc(t, p) for t, p in zip(va[~known].T, (x[~known] @ weights).T, strict=True)])

    frame, second = read(0.2), read(1.0)
    assert (frame > 0.5).all()
    assert (second > frame + 0.03).all()


def test_methods_of_faces_take_its_images():
    assert not synthetic_frames.READER.lacks(face_vae_continuous.METHOD)
    protocol = protocols.for_method(face_vae_continuous.METHOD, synthetic_frames.generate(frames=300), {})
    split = protocol.split(face_vae_continuous.METHOD, {}, test=True)
    outcome = face_vae_continuous.fit(TINY, split, small_data.job(epochs=1))
    assert outcome.images["test"].shape == split.test.x.shape
    assert np.isfinite(outcome.predictions["test"]).all()


def test_images_are_made_once_and_mapped(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path))
    first = synthetic_frames.generate(frames=200).blocks["images"].values
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert isinstance(first, np.memmap)
    assert not first.flags.writeable
    written = file.stat().st_mtime_ns
    monkeypatch.setattr(synthetic_frames._drawing, "draw", None)  # nothing is drawn again
    np.testing.assert_array_equal(synthetic_frames.generate(frames=200).blocks["images"].values, first)
    assert file.stat().st_mtime_ns == written
    assert file.is_relative_to(cache.folder())
