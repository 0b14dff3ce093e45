from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from dashboard.results import curves

CALLED = {"a": "seed 1", "b": "seed 2"}


def table() -> pd.DataFrame:
    values = {
        ("a", "val/ccc"): [0.2, 0.6, 0.4],
        ("b", "val/ccc"): [0.5],
        ("a", "val/ccc/valence"): [0.1, 0.5, 0.3],
        ("a", "train/loss"): [0.9, float("nan"), 0.1],
        ("other", "val/ccc"): [1.0, 1.0],
    }
    rows = [(run, metric, step, v) for (run, metric), of in values.items() for step, v in enumerate(of)]
    return pd.DataFrame(rows, columns=["run_id", "metric", "step", "value"])


def test_a_curve_is_named_in_words():
    assert curves.named("val/ccc") == "validation CCC"
    assert curves.named("val/mae/pleasure") == "validation MAE, pleasure"
    assert curves.named("loss") == "loss"


def test_the_numbers_of_a_curve():
    found = curves.summary(table(), CALLED).set_index(["curve", "run"])
    assert found.loc[("validation CCC", "seed 1")].tolist() == pytest.approx([3, 0.2, 0.4, 0.2, 0.6, 0.4])
    single = found.loc[("validation CCC", "seed 2")]
    assert single["mean"] == 0.5
    assert single.isna()["sd"]  # one epoch has no spread
    assert found.loc[("train loss", "seed 1"), "epochs"] == 2  # a value that is not finite is no epoch's score
    assert "other" not in str(found.index)


def test_one_minus_ccc_is_least_where_the_ccc_is_highest_and_last_where_training_ended():
    found = curves.losses(table(), CALLED).set_index(["curve", "run"])
    first = found.loc[("validation 1 − CCC, mean over all targets", "seed 1")]
    assert first[["min", "mean", "sd"]].tolist() == pytest.approx([0.4, 0.6, 0.2])
    assert ("validation 1 − CCC, valence", "seed 1") in found.index
    assert not any("loss" in curve for curve, _ in found.index)  # only what is a CCC


def test_shuffled_rows_give_the_same_numbers():
    shuffled = table().sample(frac=1, random_state=0)
    key = ["curve", "run"]
    pd.testing.assert_frame_equal(
        curves.summary(shuffled, CALLED).sort_values(key, ignore_index=True),
        curves.summary(table(), CALLED).sort_values(key, ignore_index=True),
    )


def test_published_numbers_stand_as_the_source_has_them():
    found = curves.published_losses([SimpleNamespace(method="frames/regression_gan")])
    big = found[found["run"].str.contains("train_part big") & found["curve"].str.startswith("test")]
    assert big[["min", "mean", "sd"]].to_numpy().tolist() == [[0.4, 0.52, 0.2]]
    assert "not a final score" in big["note"].iloc[0]
    assert set(found["dataset"]) == {"aff_wild_thesis"}
    assert curves.published_losses([SimpleNamespace(method="motion/lma_vae")]).empty
