"""Attention is kept of a bounded number of samples, by head and on average, with the seconds looked back."""

from __future__ import annotations

import numpy as np
import pytest

from affect import record
from tests import small_data
from training import registry
from training.evaluation import attention


def test_steps_are_counted_back_from_the_last_and_padding_is_left_out():
    weights = {
        "video": np.array([[[0.0, 0.2, 0.3, 0.4]], [[0.1, 0.2, 0.3, 0.3]]]),
        record.NOTHING: np.array([[[0.1]], [[0.1]]]),
    }
    table = attention.table(weights, np.array(["a", "b"]), seconds=2.0)
    one = table[(table["sample"] == "a") & (table["head"] == 0) & (table["modality"] == "video")]
    assert one["before_s"].tolist() == [1.0, 0.5, 0.0]
    assert one["weight"].tolist() == pytest.approx([0.2, 0.3, 0.4])
    nothing = table[table["modality"] == record.NOTHING]
    assert nothing["before_s"].isna().all()
    assert set(table["head"]) == {-1, 0}


def test_the_mean_head_is_the_mean_of_the_others():
    weights = {"video": np.array([[[0.2], [0.6]]])}
    table = attention.table(weights, np.array(["a"]), seconds=1.0)
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
