"""Attention is kept of a bounded number of samples, by head and on average, with the seconds looked back."""

from __future__ import annotations

import numpy as np
import pytest

from affect import record
from tests import small_data
from training import registry
from training.evaluation import attention


def test_steps_have_their_own_times_and_padding_is_left_out():
    weights = {
        "video": np.array([[[0.0, 0.2, 0.3, 0.4]], [[0.1, 0.2, 0.3, 0.3]]]),
        record.NOTHING: np.array([[[0.1]], [[0.1]]]),
    }
    before = {"video": np.array([[np.nan, 0.4, 0.2, 0.0], [0.8, 0.4, 0.2, 0.0]])}
    table = attention.table(weights, np.array(["a", "b"]), before)
    video = table[(table["head"] == 0) & (table["modality"] == "video")].set_index("sample")
    assert video.loc["a", "before_s"].tolist() == [0.4, 0.2, 0.0]
    assert video.loc["a", "weight"].tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert video.loc["b", "before_s"].tolist() == [0.8, 0.4, 0.2, 0.0]
    nothing = table[table["modality"] == record.NOTHING]
    assert nothing["before_s"].isna().all()
    assert set(table["head"]) == {-1, 0}


def test_frames_lie_a_fifth_of_a_second_apart_and_audio_where_its_window_ends():
    fitted = small_data.fitted("fusion/bayesian_ridge", {"modality": "both", "window_s": 2})
    inputs, data = fitted.split.test.inputs, fitted.data
    blocks = {"video": data.blocks["video"], "audio": data.blocks["audio_2s"]}
    video, audio = (attention.seconds_before(data, block, inputs, name) for name, block in blocks.items())
    full = ~np.isnan(video).any(axis=1)
    np.testing.assert_allclose(video[full], np.tile(np.arange(9, -1, -1) / 5, (full.sum(), 1)), atol=1e-3)
    first = inputs.time == 0
    assert (video[first][:, -1] == 0).all()
    assert np.isnan(video[first][:, :-1]).all()
    assert np.isnan(audio[first]).all()
    # windows of 2 s end at 2, 4, 6 …: of the frame at 5.4 s the last has ended 1.4 s before
    at = np.isclose(inputs.time, 5.4)
    np.testing.assert_allclose(np.nanmin(audio[at], axis=1), 1.4, atol=1e-3)


def test_the_mean_head_is_the_mean_of_the_others():
    weights = {"video": np.array([[[0.2], [0.6]]])}
    table = attention.table(weights, np.array(["a"]), {"video": np.zeros((1, 1))})
    assert table.set_index("head")["weight"].to_dict() == pytest.approx({-1: 0.4, 0: 0.2, 1: 0.6})


def test_recordings_and_samples_are_bounded_and_in_time_order():
    sequence = np.repeat([f"r{i:02d}" for i in range(20)], 500)
    time = np.tile(np.arange(500)[::-1], 20) / 5
    rows = attention.kept(sequence, time)
    assert len(np.unique(sequence[rows])) == attention.RECORDINGS
    for name in np.unique(sequence[rows]):
        of = time[rows[sequence[rows] == name]]
        assert len(of) == attention.SAMPLES
        assert (np.diff(of) > 0).all()


def test_methods_without_attention_leave_no_table():
    found = attention.evaluate(small_data.fitted("fusion/fusion_concat"))
    assert not found.tables


def test_a_design_with_attention_leaves_one_of_test_samples_alone():
    fitted = small_data.fitted("fusion/fusion_self_attention")
    table = attention.evaluate(fitted).tables[record.Artifact.ATTENTION]
    assert tuple(table.columns) == record.COLUMNS[record.Artifact.ATTENTION]
    assert {*table["sample"]} <= {*fitted.test_sample.tolist()}
    assert {*table["modality"]} == {"video", "audio", record.NOTHING}
    # one attention over all steps: of each sample and head it adds up to 1
    sums = table.groupby(["sample", "head"])["weight"].sum()
    np.testing.assert_allclose(sums, 1.0, atol=1e-4)


def test_it_applies_where_two_modalities_are_looked_back_on():
    assert attention.applies(registry.method("fusion/fusion_cross_attention").METHOD)
    assert not attention.applies(registry.method("fusion/video_gru").METHOD)
    assert not attention.applies(registry.method("frames/cnn_m").METHOD)
