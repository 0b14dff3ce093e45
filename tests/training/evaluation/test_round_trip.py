import dataclasses

import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.evaluation import round_trip


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("motion/pad_to_lma")


def test_it_applies_to_generators_alone():
    applied = {m for m in registry.methods() if round_trip.applies(registry.method(m).METHOD)}
    assert {"motion/pad_to_lma", "motion/pad_to_lma_correlated", "motion/pad_to_latent"} <= applied
    assert not applied & {"motion/lma_to_pad", "motion/lma_vae"}


def test_figures_are_those_of_the_table(fitted):
    found = round_trip.evaluate(fitted)
    table = found.tables[Artifact.ROUND_TRIP]
    assert tuple(table.columns) == record.COLUMNS[Artifact.ROUND_TRIP]
    assert len(table) == 3 * len(fitted.split.test)
    # the names are the data's own: they join with predictions.parquet
    row = np.flatnonzero(fitted.data.sample == table["sample"][5])[0]
    assert table["true"][5] == fitted.data.blocks["pad"].values[row, 0]
    for axis, rows in table.groupby("target"):
        error = (rows["recovered"] - rows["true"]).abs().mean()
        assert found.metrics[f"test/mae_round_trip/{axis}"] == pytest.approx(error)
    assert found.metrics["test/mae_round_trip_real/all"] == pytest.approx(
        (table["recovered_from_real"] - table["true"]).abs().mean()
    )


def test_a_perfect_generator_is_read_as_well_as_real_features_are(fitted):
    perfect = dataclasses.replace(
        fitted.outcome, predictions={**fitted.outcome.predictions, "test": fitted.truth["test"]}
    )
    found = round_trip.evaluate(dataclasses.replace(fitted, outcome=perfect))
    assert found.metrics["test/mae_round_trip/all"] == found.metrics["test/mae_round_trip_real/all"]


def test_a_generator_that_ignores_pad_is_read_worse(fitted):
    """Always the mean feature vector: the judge reads one PAD from it, whatever was asked for."""
    mean = np.tile(fitted.truth["train"].mean(axis=0), (len(fitted.split.test), 1))
    deaf = dataclasses.replace(fitted.outcome, predictions={**fitted.outcome.predictions, "test": mean})
    found = round_trip.evaluate(dataclasses.replace(fitted, outcome=deaf))
    assert found.tables[Artifact.ROUND_TRIP].groupby("target")["recovered"].nunique().eq(1).all()
    assert found.metrics["test/mae_round_trip/all"] > round_trip.evaluate(fitted).metrics["test/mae_round_trip/all"]
