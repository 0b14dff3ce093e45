"""What a modality adds, on the synthetic set, which was made with better video and with audio that lags by 0.6 s."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.datasets import synthetic_embeddings
from training.evaluation import modalities

BOTH = {"modality": "both", "window_s": 2}


@pytest.fixture(scope="module")
def table():
    return modalities.evaluate(small_data.fitted("fusion/bayesian_ridge", BOTH)).tables[Artifact.MODALITIES]


def test_it_applies_to_methods_of_two_modalities():
    applied = {m for m in registry.methods() if modalities.applies(registry.method(m).METHOD)}
    assert {"fusion/bayesian_ridge", "fusion/fusion_concat"} <= applied
    assert all(name.startswith("fusion/") for name in applied)


def test_columns_are_those_of_the_record(table):
    assert tuple(table.columns) == record.COLUMNS[Artifact.MODALITIES]
    assert set(table["kind"]) == {"masked", "lag", "peak"}


def test_audio_lags_as_built_in_and_video_does_not(table):
    lag = table[(table["kind"] == "peak") & (table["target"] == record.ALL)].set_index("modality")["lag_s"]
    assert lag["audio"] - lag["video"] == pytest.approx(synthetic_embeddings.LAG_S, abs=0.15)
    assert lag["video"] == pytest.approx(0, abs=0.1)


def test_without_video_the_score_is_worse_than_without_audio(table):
    scores = table[(table["kind"] == "masked") & (table["metric"] == "ccc")].set_index(["modality", "target"])["value"]
    assert scores["none", "all"] > scores["audio", "all"] > scores["video", "all"]


def test_differences_are_those_of_the_scores(table):
    masked = table[table["kind"] == "masked"].set_index(["modality", "metric", "target"])
    for modality in ("video", "audio"):
        for metric in modalities.METRICS:
            for target in ("valence", "arousal", "all"):
                row = masked.loc[(modality, metric, target)]
                assert row["difference"] == pytest.approx(row["value"] - masked.loc[("none", metric, target)]["value"])


def test_a_method_that_ignores_a_modality_scores_the_same_without_it():
    fitted = small_data.fitted("fusion/bayesian_ridge", BOTH)

    class Blind:
        def predict(self, inputs):
            return np.tile(inputs["video"][:][0].mean(axis=(1, 2))[:, None], 2)

    model = Blind()
    whole = model.predict(fitted.split.test.inputs)
    outcome = replace(fitted.outcome, model=model, predictions={**fitted.outcome.predictions, "test": whole})
    rows = modalities.evaluate(replace(fitted, outcome=outcome)).tables[Artifact.MODALITIES]
    rows = rows[(rows["kind"] == "masked") & (rows["modality"] == "audio")]
    assert np.allclose(rows["difference"], 0)


def test_one_modality_has_lags_and_no_mask():
    fitted = small_data.fitted("fusion/bayesian_ridge", {"modality": "video", "window_s": 1})
    assert set(modalities.evaluate(fitted).tables[Artifact.MODALITIES]["kind"]) == {"lag", "peak"}


def test_a_peak_lies_between_lags():
    assert modalities.peak(-((modalities.LAGS - 0.53) ** 2)) == pytest.approx(0.53)
    assert modalities.peak(modalities.LAGS) == 2
