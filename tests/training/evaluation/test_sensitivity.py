import dataclasses

import numpy as np
import pytest

from affect import record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.evaluation import sensitivity


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("motion/lma_vae", {"latent_size": 1})


class Line:
    """A decoder whose features are 2 z, −z and a constant."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        return np.concatenate([2 * z, -z, 0 * z + 0.3], axis=1)


def straight(fitted, codes: np.ndarray):
    outcome = dataclasses.replace(fitted.outcome, model=Line(), embeddings={"z": {"train": codes}})
    split = dataclasses.replace(fitted.split, targets=("up", "down", "constant"))
    return dataclasses.replace(
        fitted, outcome=outcome, split=split, truth={"train": Line().decode(np.array([[0.0], [10.0]]))}
    )


def test_it_applies_where_there_is_a_latent_space():
    applied = {m for m in registry.methods() if sensitivity.applies(registry.method(m).METHOD)}
    assert {"motion/lma_vae", "motion/pad_to_latent"} <= applied
    assert "motion/pad_to_lma" not in applied


def test_a_straight_line_moves_by_its_slope_everywhere(fitted):
    table = sensitivity.evaluate(straight(fitted, np.array([[-1.0], [1.0]]))).tables[Artifact.SENSITIVITY]
    assert tuple(table.columns) == record.COLUMNS[Artifact.SENSITIVITY]
    by_feature = {feature: rows for feature, rows in table.groupby("feature")}
    np.testing.assert_allclose(by_feature["up"]["change"], 0.1)
    np.testing.assert_allclose(by_feature["down"]["change"], -0.05)
    np.testing.assert_allclose(by_feature["up"]["change_over_range"], 0.1 / 20)
    np.testing.assert_allclose(by_feature["constant"]["change"], 0, atol=1e-12)
    assert by_feature["constant"]["change_over_range"].isna().all()


def test_steps_of_005_cover_the_range_of_the_train_codes(fitted):
    table = sensitivity.evaluate(straight(fitted, np.array([[-1.0], [0.2], [1.0]]))).tables[Artifact.SENSITIVITY]
    starts = table.loc[table["feature"] == "up", "z_from"].to_numpy()
    assert len(starts) == 40
    assert starts[0] == -1
    np.testing.assert_allclose(np.diff(starts), 0.05)
    assert starts[-1] + 0.05 == pytest.approx(1)


def test_a_long_walk_is_thinned_and_still_steps_by_005(fitted):
    table = sensitivity.evaluate(straight(fitted, np.array([[-100.0], [100.0]]))).tables[Artifact.SENSITIVITY]
    rows = table[table["feature"] == "up"]
    assert len(rows) == sensitivity.STARTS
    assert rows["z_from"].min() == -100
    assert rows["z_from"].max() == pytest.approx(99.95)
    np.testing.assert_allclose(rows["change"], 0.1)


@pytest.mark.parametrize("name", ["motion/lma_vae", "motion/pad_to_latent"])
def test_a_fitted_method_is_walked(name):
    fitted = small_data.fitted(name, {"latent_size": 1})
    table = sensitivity.evaluate(fitted).tables[Artifact.SENSITIVITY]
    assert set(table["feature"]) == set(fitted.split.targets)
    assert table["change"].abs().max() > 0


def test_more_than_one_value_has_no_walk():
    assert not sensitivity.evaluate(small_data.fitted("motion/lma_vae", {"latent_size": 2})).tables
