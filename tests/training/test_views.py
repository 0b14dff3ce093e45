from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import views
from training.data import Block, Stream
from training.views import Inputs, View

# two recordings, a with 4 frames at 1 Hz and b with 3; the value of a frame names it
SEQUENCE = np.array(["a"] * 4 + ["b"] * 3)
TIME = np.array([0.0, 1, 2, 3, 0, 1, 2])
FRAMES = Block(np.arange(10.0, 80, 10)[:, None])


def looked_at(values, mask):
    """Return what is seen of each sample, without padding, as lists."""
    return [row[there, 0].tolist() for row, there in zip(values, mask, strict=True)]


def of_frames(context, *, sequence=SEQUENCE, time=TIME, blocks=None, names=("video",)):
    return views.inputs(blocks or {"video": FRAMES}, names, len(sequence), sequence, time, context)


def by_hand(sequence, time, row_sequence, row_time, seconds):
    """Return the rows of each sample's window as its definition reads: the same recording, in (t − seconds, t]."""
    found = []
    for name, t in zip(sequence, time, strict=True):
        rows = [
            (when, row)
            for row, (other, when) in enumerate(zip(row_sequence, row_time, strict=True))
            if other == name and t - seconds < when <= t
        ]
        found.append([row for _, row in sorted(rows)])
    return found


class TestWindows:
    def test_a_window_ends_with_its_sample_and_its_first_moment_is_outside(self):
        view = of_frames(2.0).x
        assert view.shape == (7, 2, 1)
        assert looked_at(*view[:]) == [[10], [10, 20], [20, 30], [30, 40], [50], [50, 60], [60, 70]]

    def test_the_beginning_of_a_recording_is_padded_in_front(self):
        values, mask = of_frames(3.0).x[[0, 1, 4]]
        assert mask.tolist() == [[False, False, True], [False, True, True], [False, False, True]]
        assert values[..., 0].tolist() == [[0, 0, 10], [0, 10, 20], [0, 0, 50]]

    def test_no_window_reaches_into_another_recording(self):
        values, mask = of_frames(100.0).x[:]
        assert looked_at(values, mask)[4:] == [[50], [50, 60], [50, 60, 70]]

    @pytest.mark.parametrize("context", [None, 2.0])
    def test_without_a_context_a_sample_is_its_own_row(self, context):
        rows = of_frames(context).x.rows[:]
        last = rows if context is None else rows[:, -1]
        assert last.tolist() == list(range(7))

    def test_times_that_are_rounded_to_milliseconds_are_equal(self):
        # 0.2 + 0.1 is more than 0.3
        time = np.array([0.1, 0.2, 0.1 + 0.2, 0.4, 0.5, 0.6, 0.7])
        one = np.array(["a"] * 7)
        assert of_frames(0.3, sequence=one, time=time).x.mask().sum(axis=1).tolist() == [1, 2, 3, 3, 3, 3, 3]
        assert of_frames(0.3, sequence=one, time=np.round(time, 3)).x.mask().sum(axis=1).tolist() == [1, 2, *[3] * 5]

    def test_rows_in_any_order_give_the_same_windows(self):
        order = np.random.default_rng(0).permutation(7)
        shuffled = of_frames(
            2.0, sequence=SEQUENCE[order], time=TIME[order], blocks={"video": Block(FRAMES.values[order])}
        )
        expected = looked_at(*of_frames(2.0).x[:])
        assert looked_at(*shuffled.x[:]) == [expected[row] for row in order]

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=25, unique=True),
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=25, unique=True),
        st.integers(1, 12),
    )
    def test_windows_are_what_their_definition_says(self, samples, rows, seconds):
        sequence, row_sequence = (np.array([name for name, _ in of]) for of in (samples, rows))
        time, row_time = (np.array([when for _, when in of], float) / 4 for of in (samples, rows))
        windows = views.look_back(sequence, time, row_sequence, row_time, seconds / 4)
        found = [row[row != views.PADDING].tolist() for row in windows[:]]
        assert found == by_hand(sequence, time, row_sequence, row_time, seconds / 4)
        assert windows.shape == (len(samples), max(1, *map(len, found), 1))

    def test_windows_need_recordings_with_time(self):
        with pytest.raises(ValueError, match="'video' is looked back on, and the samples have no recording and time"):
            views.inputs({"video": FRAMES}, ("video",), 7, context=2.0)


def audio(seconds, *, until=4.0):
    """Return a block of windows of audio without overlap, of recording a alone; the value is the end of the window."""
    start = np.arange(0, until, seconds)
    end = start + seconds
    return Block(end[:, None], stream=Stream(np.array(["a"] * len(start)), start, end))


class TestStreams:
    def test_a_row_counts_from_the_end_of_its_interval(self):
        """At 1.5 s, 0 to 1 s has been heard, and 1 to 2 s has not."""
        time = np.array([0.5, 1.0, 1.5, 2.0, 3.9])
        sequence = np.array(["a"] * 5)
        heard = views.inputs({"audio": audio(1.0)}, ("audio",), 5, sequence, time, 2.0)
        assert looked_at(*heard.x[:]) == [[], [1], [1], [1, 2], [2, 3]]

    def test_without_a_context_it_is_the_last_one_that_has_ended(self):
        inputs = views.inputs({"audio": audio(2.0)}, ("audio",), 7, SEQUENCE, TIME)
        values, mask = inputs.x[:]
        assert inputs.x.shape == (7, 1)
        assert mask.tolist() == [False, False, True, True, False, False, False]
        assert values[mask, 0].tolist() == [2, 2]
        assert (values[~mask] == 0).all(), "before the first window has ended, and in a recording without audio"

    def test_a_recording_without_rows_is_padding_alone(self):
        values, mask = views.inputs({"audio": audio(1.0)}, ("audio",), 7, SEQUENCE, TIME, 2.0).x[4:]
        assert not mask.any()
        assert not values.any()

    def test_of_several_window_lengths_the_one_of_the_context_is_taken(self):
        blocks = {"video": FRAMES, "audio_1s": audio(1.0), "audio_2s": audio(2.0), "audio_0.5s": audio(0.5)}
        ends = {
            context: of_frames(context, blocks=blocks, names=("audio",))["audio"][3][0][-1].tolist()
            for context in (0.5, 1.0, 2)
        }
        assert ends == {0.5: [3.0], 1.0: [3.0], 2: [2.0]}
        with pytest.raises(ValueError, match="there is no block 'audio'; there are video, audio_1s, audio_2s"):
            of_frames(3.0, blocks=blocks, names=("audio",))
        with pytest.raises(ValueError, match="there is no block 'audio'"):
            of_frames(None, blocks=blocks, names=("audio",))

    def test_a_block_of_that_very_name_goes_first(self):
        blocks = {"audio": audio(1.0), "audio_2s": audio(2.0)}
        assert views.find(blocks, "audio", 2.0) is blocks["audio"]

    def test_two_streams_of_different_rates_stand_beside_each_other(self):
        inputs = of_frames(2.0, blocks={"video": FRAMES, "audio": audio(1.0)}, names=("video", "audio"))
        assert list(inputs) == ["video", "audio"]
        assert looked_at(*inputs["video"][[3]]) == [[30, 40]]
        assert looked_at(*inputs["audio"][[3]]) == [[2, 3]]


class TestViews:
    def test_an_index_a_mask_and_a_slice_ask_for_the_same(self):
        view = of_frames(2.0).x
        for of in (np.array([1, 2]), np.isin(np.arange(7), [1, 2]), slice(1, 3), [1, 2]):
            values, mask = view[of]
            assert looked_at(values, mask) == [[10, 20], [20, 30]]
            assert looked_at(*view.take(of)[:]) == [[10, 20], [20, 30]]

    def test_as_an_array_padding_is_0(self):
        view = of_frames(2.0).x
        assert np.asarray(view)[..., 0].tolist()[0] == [0, 10]
        assert np.asarray(view).shape == view.shape
        assert np.asarray(view, np.float32).dtype == np.float32
        assert view.dtype == np.float64
        assert view.ndim == 3
        assert len(view) == 7

    def test_the_mask_alone_reads_no_value(self):
        class Unreadable:
            shape, dtype = (7, 1), np.dtype(float)

        view = View(Unreadable(), of_frames(2.0).x.rows)
        assert view.windowed
        np.testing.assert_array_equal(view.mask(), of_frames(2.0).x[:][1])
        rows = np.array([3, views.PADDING, 0])
        assert View(Unreadable(), rows).mask().tolist() == [True, False, True]
        assert not View(Unreadable(), rows).windowed

    def test_what_was_asked_for_is_a_copy(self):
        block = Block(np.arange(7.0)[:, None])
        for view in (views.whole(block.values), of_frames(2.0, blocks={"video": block}).x):
            view[:][0][:] = -1
            np.asarray(view)[:] = -1
        assert block.values[:, 0].tolist() == list(range(7))

    def test_a_file_stays_where_it_is(self, tmp_path):
        """Of a memory-mapped file, the rows that are asked for are read, and no more."""
        np.save(tmp_path / "images.npy", np.arange(7 * 3 * 4 * 4, dtype=np.uint8).reshape(7, 3, 4, 4))
        file = np.load(tmp_path / "images.npy", mmap_mode="r")
        inputs = of_frames(2.0, blocks={"images": Block(file)}, names=("images",))
        for view in (inputs.x, inputs.take(np.arange(3)).x, inputs.take(np.arange(5)).take(slice(2)).x):
            assert isinstance(view.values, np.memmap)
            assert np.shares_memory(view.values, file)
        values, mask = inputs.x[[0]]
        np.testing.assert_array_equal(values[0, 1], file[0])
        assert mask.tolist() == [[False, True]]

    def test_rows_are_asked_for_and_not_the_whole(self):
        class Counted:
            shape, dtype = (1000, 2), np.dtype(float)
            asked = 0

            def __getitem__(self, rows):
                Counted.asked += np.size(rows)
                return np.ones((*np.shape(rows), 2))

        sequence, time = np.array(["a"] * 1000), np.arange(1000.0)
        view = views.inputs({"images": Block(Counted())}, ("images",), 1000, sequence, time, 4.0).x
        assert Counted.asked == 0
        assert view[[0, 500]][0].shape == (2, 4, 2)
        assert Counted.asked == 8

    def test_a_window_of_four_seconds_costs_a_fifth_of_its_frames_at_most(self):
        """As a table of row numbers it would cost 1.7 times as much as these frames do: 20 steps, 8 bytes each."""
        n, rate = 60_000, 5
        frames = Block(np.zeros((n, 12)))
        sequence = np.repeat([f"video_{i:02}" for i in range(n // 1000)], 1000)
        time = np.tile(np.arange(1000) / rate, n // 1000)
        tracemalloc.start()
        try:
            inputs = views.inputs({"video": frames}, ("video",), n, sequence, time, 4.0)
            taken = inputs.take(np.arange(n))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert inputs.x.shape == taken.x.shape == (n, 20, 12)
        assert np.shares_memory(taken.x.values, frames.values)
        rows = inputs.x.rows
        assert rows.stop.nbytes + rows.count.nbytes <= 0.2 * frames.values.nbytes
        # both: what the data set holds, and what a part of it holds beside names and times
        names = taken.sequence.nbytes + taken.time.nbytes
        assert held - names <= 2 * 0.2 * frames.values.nbytes


class TestInputs:
    def test_taken_samples_keep_their_rows_recordings_and_times(self):
        inputs = of_frames(2.0, blocks={"video": FRAMES, "audio": audio(1.0)}, names=("video", "audio"))
        some = inputs.take(np.array([5, 1]))
        assert some.samples == 2
        assert some.sequence.tolist() == ["b", "a"]
        assert some.time.tolist() == [1, 1]
        assert looked_at(*some["video"][:]) == [[50, 60], [10, 20]]
        assert some["video"].shape == (2, 2, 1), "windows are as long as those of all samples"
        again = some.take([True, False])
        assert looked_at(*again["video"][:]) == [[50, 60]]

    def test_without_time_there_is_none_to_take(self):
        inputs = views.inputs({"features": FRAMES}, ("features",), 7)
        assert inputs.sequence is None
        assert inputs.take([1, 2]).time is None
        assert np.asarray(inputs.take([1, 2]).x).tolist() == [[20], [30]]

    def test_the_only_input_and_several(self):
        assert np.asarray(views.single(FRAMES.values).x).tolist() == FRAMES.values.tolist()
        inputs = of_frames(2.0, blocks={"video": FRAMES, "audio": audio(1.0)}, names=("video", "audio"))
        with pytest.raises(ValueError, match=r"2 inputs \(video, audio\): take them by name"):
            _ = inputs.x

    def test_other_values_of_the_same_samples(self):
        inputs = Inputs({"landmarks": views.whole(FRAMES.values)}, SEQUENCE, TIME)
        turned = inputs.replace(landmarks=-FRAMES.values)
        assert np.asarray(turned.x).tolist() == (-FRAMES.values).tolist()
        assert turned.sequence is SEQUENCE
        assert np.asarray(inputs.x).tolist() == FRAMES.values.tolist()

    def test_a_method_cannot_change_the_data_through_a_view(self):
        """Trials of one process share the data: values are read-only, and what was in the data stays writable."""
        values = np.zeros((7, 1))
        for context in (None, 2.0):
            view = of_frames(context, blocks={"video": Block(values)}).x
            with pytest.raises(ValueError, match="read-only"):
                view.values[0] = 1
            with pytest.raises(ValueError, match="read-only"):
                view.take([0, 1]).values[0] = 1
        values[0] = 2

    def test_a_block_that_is_not_there(self):
        with pytest.raises(ValueError, match="there is no block 'vidoe'; there are video"):
            of_frames(2.0, names=("vidoe",))
