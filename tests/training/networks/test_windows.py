"""Windows that share frames: each frame is fetched once, and every step finds its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training import views
from training.networks import windows
from training.networks.batches import Chunks, Shuffled

SEQUENCE = np.repeat(["a", "b", "c"], [7, 12, 5])
TIME = np.concatenate([np.arange(7), np.arange(12), np.arange(5)]) / 5
FRAMES = np.random.default_rng(0).integers(0, 256, (24, 3, 4, 4)).astype(np.uint8)


@pytest.fixture
def view() -> views.View:
    return views.View(FRAMES, views.look_back(SEQUENCE, TIME, SEQUENCE, TIME, 1.0))


def laid_out(frames, place) -> np.ndarray:
    frames, place = np.asarray(frames), np.asarray(place)
    return np.where((place >= 0)[..., None, None, None], frames[np.maximum(place, 0)], 0)


def test_frames_laid_out_are_the_windows(view):
    samples = np.array([0, 1, 2, 12, 23, 7])
    frames, place = windows.distinct(view, samples)
    expected, mask = view[samples]
    np.testing.assert_array_equal(laid_out(frames, place), expected)
    np.testing.assert_array_equal(place >= 0, mask)


def test_a_frame_is_fetched_once(view):
    frames, _ = windows.distinct(view, np.arange(7, 19))
    assert len(frames) == 12
    frames, place = windows.distinct(view, np.arange(12, 16))
    assert len(frames) == 8  # four frames, and the four before the first
    assert place.shape == (4, 5)


def test_a_view_without_windows_has_windows_of_one_frame():
    frames, place = windows.distinct(views.whole(FRAMES), np.array([3, 1]))
    np.testing.assert_array_equal(laid_out(frames, place)[:, 0], FRAMES[[3, 1]])


@pytest.mark.parametrize("source", [Shuffled(24, 6), Chunks(SEQUENCE, TIME, 4, 2)])
def test_an_epoch_has_every_sample_once_with_its_own_targets(view, source):
    targets = np.arange(24, dtype=np.float32)[:, None]
    batches = windows.WindowBatches(source, view, [targets], "cpu")
    seen = []
    for frames, place, target in batches.epoch(torch.Generator().manual_seed(0)):
        samples = target[:, 0].long().numpy()
        np.testing.assert_array_equal(laid_out(frames, place), view[samples][0])
        seen += samples.tolist()
    assert sorted(seen) == list(range(24))


def test_neighbours_cost_fewer_frames_than_samples_at_random():
    sequence, time = np.repeat(["a", "b"], 100), np.tile(np.arange(100) / 5, 2)
    rows = views.look_back(sequence, time, sequence, time, 4.0)
    view = views.View(np.zeros((200, 1), np.uint8), rows)

    def fetched(source) -> int:
        batches = windows.WindowBatches(source, view, [], "cpu").epoch(torch.Generator().manual_seed(0))
        return sum(len(frames) for frames, _ in batches)

    assert fetched(Chunks(sequence, time, 20, 1)) < 0.25 * fetched(Shuffled(200, 20))


def test_all_windows_in_turn_are_all_in_order(view):
    parts = [laid_out(*batch) for batch in windows.in_turn(view, torch.device("cpu"), 10)]
    assert [len(part) for part in parts] == [10, 10, 4]
    np.testing.assert_array_equal(np.concatenate(parts), np.asarray(view))
