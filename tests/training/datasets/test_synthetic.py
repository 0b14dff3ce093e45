"""The synthetic world: one seed, one world; trajectories that stay near what the emotion says."""

from __future__ import annotations

import numpy as np
import pytest

from training.datasets import _synthetic


def everywhere(world: _synthetic.World, step: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Every recording at every `step` seconds."""
    times = [np.arange(0, seconds, step) for seconds in world.seconds]
    return np.repeat(np.arange(len(times)), [len(t) for t in times]), np.concatenate(times)


@pytest.fixture(scope="module")
def world():
    return _synthetic.make(seed=0)


def test_a_seed_is_a_world(world):
    where = everywhere(world)
    again, other = _synthetic.make(seed=0), _synthetic.make(seed=1)
    assert np.array_equal(world.pad(*where), again.pad(*where))
    assert not np.allclose(world.pad(*everywhere(world))[:100], other.pad(*everywhere(other))[:100], atol=0.05)


def test_recordings_are_as_many_as_asked_for_and_shared_by_all_people(world):
    assert {name: int((world.emotion == name).sum()) for name in _synthetic.RECORDINGS} == _synthetic.RECORDINGS
    assert len(set(world.recording.tolist())) == sum(_synthetic.RECORDINGS.values()) == 240
    assert set(np.bincount(world.performer, minlength=len(world.person)).tolist()) == {10}
    assert min(_synthetic.RECORDINGS.values()) < 3, "a class with fewer recordings than a split has parts"


def test_pad_stays_in_range_and_near_its_emotion():
    world = _synthetic.make(seed=0, recordings=dict.fromkeys(_synthetic.ANCHORS, 60))
    recording, time = everywhere(world)
    pad = world.pad(recording, time)
    assert np.abs(pad).max() <= 1
    late = time > world.seconds[recording] / 2
    for name, anchor in _synthetic.ANCHORS.items():
        mean = pad[late & (world.emotion[recording] == name)].mean(axis=0)
        assert np.abs(mean - anchor).max() < 0.12, name


def test_pad_varies_within_a_recording_and_between_takes_of_an_emotion(world):
    recording, time = everywhere(world)
    pad = world.pad(recording, time)
    happy = np.flatnonzero(world.emotion == "happy")
    within = np.mean([pad[recording == r].std(axis=0) for r in happy])
    between = np.std([pad[recording == r].mean(axis=0) for r in happy], axis=0).mean()
    assert 0.05 < within < 0.3
    assert 0.05 < between < 0.3


def test_pad_is_smooth_in_time(world):
    """Frames of 1/25 s may ask for it: no axis moves faster than its waves and its onset can."""
    recording, time = everywhere(world, step=0.04)
    pad = world.pad(recording, time)
    same = recording[1:] == recording[:-1]
    assert np.abs(np.diff(pad, axis=0))[same].max() < 0.05


def test_an_emotion_sets_in(world):
    angry = np.flatnonzero(world.emotion == "angry")
    start = world.pad(angry, np.zeros(len(angry)))[:, 1].mean()
    full = world.pad(angry, world.seconds[angry] / 3)[:, 1].mean()
    assert 0.3 < start / full < 0.75


def test_families_draw_apart(world):
    faces, motion = world.stream("faces").random(8), world.stream("motion").random(8)
    assert not np.allclose(faces, motion)
    assert np.array_equal(motion, world.stream("motion").random(8)), "a family draws the same whatever others drew"


def test_a_world_may_be_small():
    small = _synthetic.make(seed=3, recordings={"happy": 2, "sad": 3}, people=2)
    assert small.recording.tolist() == ["happy 01", "happy 02", "sad 01", "sad 02", "sad 03"]
    assert len(small.identity) == 2
