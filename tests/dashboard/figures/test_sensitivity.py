from __future__ import annotations

import math

import pandas as pd
import pytest

from affect import record
from dashboard.figures import sensitivity
from tests import fake_results as made

VAE = made.Spec("motion/lma_vae", 0.85, {"latent_size": 1})


def test_features_stand_by_how_far_they_move_and_constants_are_left_out():
    table = pd.DataFrame(
        {"feature": ["a", "a", "b", "b", "c", "c"], "z_from": [0.0, 1.0] * 3, "step": 0.05, "change": 1.0}
        | {"change_over_range": [0.01, 0.02, -0.5, 0.0, math.nan, math.nan]}
    )
    found = sensitivity.sensitivity(table)
    assert found.index.tolist() == ["b", "a"]
    assert found.columns.tolist() == [0, 1]
    assert sensitivity.draw_sensitivity(found, 0.05).data[0].zmin == -0.5


def test_the_fake_runs_sensitivity_is_drawn_for_26_features_of_27():
    found = sensitivity.sensitivity(made.sensitivity(VAE))
    assert found.shape == (26, 9)
    assert sensitivity.step(made.sensitivity(VAE)) == 0.05


def test_correlations_mark_the_axes_that_were_used():
    table = made.correlations(VAE)
    found = sensitivity.correlations(table, "spearman")
    marks = sensitivity.used(table, found)
    assert marks.sum(axis=1).eq(2).all()
    assert list(found.columns) == list(made.PAD)
    assert found.abs().max(axis=1).is_monotonic_decreasing
    words = sensitivity.draw_correlations(found, marks, "spearman").data[0].text
    assert sum("●" in word for row in words for word in row) == int(marks.to_numpy().sum())


def test_round_trip_is_scored_beside_what_real_features_give():
    table = pd.DataFrame(
        {"sample": ["a", "b"] * 2, "target": ["pleasure"] * 2 + ["arousal"] * 2, "true": [0.0, 1.0, 0.0, 0.0]}
        | {"recovered": [0.5, 0.5, 0.1, 0.3], "recovered_from_real": [0.1, 0.9, 0.0, 0.0]}
    )
    found = sensitivity.round_trip(table).set_index("target")
    assert found.loc["pleasure", ["mae", "mae_real"]].tolist() == pytest.approx([0.5, 0.1])
    assert found.loc[record.ALL, "mae"] == pytest.approx((0.5 + 0.2) / 2)
    assert found["n"].tolist() == [2, 2, 2]
    assert sensitivity.round_trip_example(table, "b")["recovered"].tolist() == [0.5, 0.3]


def test_diagnostics_stand_beside_the_score_that_counts():
    table = made.diagnostics(made.STUDIES[0], made.predict(made.STUDIES[0], 0))
    found = sensitivity.diagnostics(table, {"test/mae/pleasure": 0.4})
    pleasure = found[(found["target"] == "pleasure") & (found["diagnostic"] == "random windows")].iloc[0]
    assert pleasure["test"] == 0.4
    assert math.isnan(found[found["target"] == "arousal"]["test"].iloc[0])
    assert [name for name, _ in sensitivity.explanations(table)] == ["random windows", "cleaned test"]
    assert found["target"].tolist()[:2] == ["all", "all"]
