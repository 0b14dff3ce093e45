import dataclasses

import numpy as np
import pytest

from affect import metrics, record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.evaluation import feature_errors

CONSTANT = "avg_chest_pelvis_distance"


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("motion/lma_vae")


@pytest.fixture(scope="module")
def found(fitted):
    return feature_errors.evaluate(fitted)


def table(found, row):
    rows = found.tables[Artifact.FEATURE_ERRORS]
    return rows[rows["row"] == row].set_index("feature")


def test_it_applies_where_features_are_predicted():
    applied = {m for m in registry.methods() if feature_errors.applies(registry.method(m).METHOD)}
    assert "motion/lma_vae" in applied
    assert "motion/lma_to_pad" not in applied


def test_columns_and_rows_are_those_of_the_record(fitted, found):
    rows = found.tables[Artifact.FEATURE_ERRORS]
    assert tuple(rows.columns)[:7] == record.COLUMNS[Artifact.FEATURE_ERRORS]
    assert list(rows["row"].unique()) == ["method", "mean", "label_mean"]
    assert list(rows["feature"][: len(fitted.split.targets)]) == list(fitted.split.targets)


def test_errors_are_those_of_the_test_part(fitted, found):
    index = fitted.split.targets.index("neck_speed")
    true, pred = fitted.truth["test"][:, index], fitted.outcome.predictions["test"][:, index]
    line = table(found, "method").loc["neck_speed"]
    assert line["mae"] == pytest.approx(np.abs(true - pred).mean())
    assert line["mse"] == pytest.approx(((true - pred) ** 2).mean())
    assert line["mae_over_range"] == pytest.approx(line["mae"] / np.ptp(fitted.truth["train"][:, index]))


def test_a_constant_feature_has_no_figure_over_its_range_and_leaves_the_mean_alone(found):
    rows = table(found, "method")
    assert np.isnan(rows.loc[CONSTANT, "mae_over_range"])
    others = rows["mae_over_range"].drop(CONSTANT)
    assert np.isfinite(others).all()
    assert found.metrics["test/mae_over_range/all"] == pytest.approx(others.mean())


def test_a_method_that_predicts_the_mean_scores_as_the_mean_does(fitted):
    mean = np.tile(fitted.truth["train"].mean(axis=0), (len(fitted.truth["test"]), 1))
    outcome = dataclasses.replace(fitted.outcome, predictions={**fitted.outcome.predictions, "test": mean})
    found = feature_errors.evaluate(dataclasses.replace(fitted, outcome=outcome))
    assert found.metrics["test/mae_over_range/all"] == pytest.approx(found.metrics["test.mean/mae_over_range/all"])


def test_the_example_is_one_test_sample_for_all_rows(fitted, found):
    rows = found.tables[Artifact.FEATURE_ERRORS]
    (sample,) = rows["example_sample"].unique()
    (index,) = np.flatnonzero(fitted.test_sample == sample)
    (row,) = np.flatnonzero(fitted.data.sample == sample)
    np.testing.assert_array_equal(table(found, "method")["example_true"], fitted.data.blocks["features"].values[row])
    np.testing.assert_array_equal(table(found, "method")["example_true"], fitted.truth["test"][index])
    np.testing.assert_array_equal(table(found, "mean")["example_true"], fitted.truth["test"][index])
    np.testing.assert_array_equal(table(found, "method")["example_pred"], fitted.outcome.predictions["test"][index])


def test_samples_without_an_emotion_are_left_out_of_the_label_mean(fitted):
    label = np.where(np.arange(len(fitted.labels["test"])) % 2, fitted.labels["test"], "")
    rows = table(
        feature_errors.evaluate(dataclasses.replace(fitted, labels={**fitted.labels, "test": label})), "label_mean"
    )
    index = fitted.split.targets.index("neck_speed")
    pred = metrics.label_mean_row(fitted.truth["train"], fitted.labels["train"], label[1::2])
    assert rows.loc["neck_speed", "mae"] == pytest.approx(np.abs(pred - fitted.truth["test"][1::2]).mean(axis=0)[index])


def test_data_without_labels_have_no_label_mean(fitted):
    found = feature_errors.evaluate(dataclasses.replace(fitted, labels=None))
    assert set(found.tables[Artifact.FEATURE_ERRORS]["row"]) == {"method", "mean"}
