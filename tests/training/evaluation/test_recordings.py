"""The CCC of each recording by itself: as computed by hand, and recordings without one are counted."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from affect import metrics, record
from tests import small_data
from training import registry
from training.contract import Findings
from training.evaluation import recordings
from training.study import scoring


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("fusion/bayesian_ridge")


def by_hand(fitted, part: str, target: int) -> pd.Series:
    """Return recording → CCC, from the table that a final keeps."""
    protocol = small_data.protocol(fitted.method)
    table = scoring.predictions_table(protocol, fitted.outcome.predictions)
    name = fitted.split.targets[target]
    return (
        table[table["part"] == part]
        .groupby("sequence")
        .apply(lambda rows: metrics.ccc(rows[f"true_{name}"], rows[f"pred_{name}"]))
    )


def test_it_applies_to_methods_that_predict_valence_and_arousal():
    assert recordings.applies(registry.method("fusion/bayesian_ridge").METHOD)
    assert not recordings.applies(registry.method("motion/lma_to_pad").METHOD)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_it_is_the_mean_over_recordings_and_follows_from_the_kept_predictions(fitted, part):
    found = recordings.evaluate(fitted).metrics
    means = [float(by_hand(fitted, part, target).mean()) for target in (0, 1)]
    assert [found[record.metric(part, recordings.NAME, t)] for t in ("valence", "arousal")] == pytest.approx(means)
    assert found[record.metric(part, recordings.NAME)] == pytest.approx(np.mean(means))
    assert found[record.metric(part, recordings.NAME, "valence", record.N_UNDEFINED)] == 0


def changed(fitted, true: np.ndarray):
    return dataclasses.replace(fitted, truth={**fitted.truth, "test": true})


def test_a_recording_whose_label_never_changes_is_left_out_and_counted(fitted):
    each = by_hand(fitted, "test", 0)
    place = {name: i for i, name in enumerate(fitted.data.sample.tolist())}
    of = fitted.data.sequence[[place[name] for name in fitted.test_sample.tolist()]]
    true = np.array(fitted.truth["test"])
    true[of == each.index[0], 0] = 0.3
    found = recordings.evaluate(changed(fitted, true)).metrics
    assert found["test.undefined/ccc_per_recording/valence"] == 1
    assert found["test.undefined/ccc_per_recording/arousal"] == 0
    assert found["test/ccc_per_recording/valence"] == pytest.approx(float(each.iloc[1:].mean()))


def test_an_axis_that_never_changes_has_no_score_and_neither_has_the_mean(fitted):
    true = np.array(fitted.truth["test"])
    true[:, 1] = 0.0
    found = recordings.evaluate(changed(fitted, true)).metrics
    assert "test/ccc_per_recording/valence" in found
    assert not {"test/ccc_per_recording/arousal", "test/ccc_per_recording/all"} & set(found)
    assert found["test.undefined/ccc_per_recording/arousal"] > 1


def test_data_without_recordings_has_none(fitted):
    without = dataclasses.replace(fitted, data=dataclasses.replace(fitted.data, sequence=None, time=None))
    assert recordings.evaluate(without) == Findings()


def test_a_study_keeps_the_count_and_averages_the_score_over_seeds():
    count, score = "test.undefined/ccc_per_recording/valence", "test/ccc_per_recording/valence"
    summary = scoring.over_seeds([{score: 0.2, count: 3.0}, {score: 0.4, count: 3.0}])
    assert summary[score] == pytest.approx(0.3)
    assert summary[count] == 3
