"""Scores from stored predictions are those that were recorded, and by recording those of `affect.per_sequence`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect import metrics
from dashboard.results import curves, recomputed
from tests.dashboard.conftest import FEW
from tests.dashboard.looking import look


def test_a_recorded_metric_is_found_again_and_one_that_was_never_logged_is_new(filled):
    shown = look(filled, "leaderboard", FEW[0].name, view="From predictions", computed="mae")
    table = next(section.frame for section in shown.sections if section.key == "recomputed")
    row = table[table["recorded"].notna()].iloc[0]
    assert row["score"] == pytest.approx(row["recorded"])
    assert row["seeds"] == 2
    other = look(filled, "leaderboard", FEW[0].name, view="From predictions", computed="sagr")
    assert next(section.frame for section in other.sections if section.key == "recomputed")["score"].between(0, 1).all()


def test_by_recording_each_counts_once_and_a_constant_one_has_no_ccc():
    table = pd.DataFrame({"sequence": ["a"] * 3 + ["b"] * 3 + ["c"] * 2, "part": "test"})
    table = table.assign(true_v=[0, 1, 2, 3, 5, 4, 1, 1.0], pred_v=[0, 1, 2, 4, 4, 5, 1, 1.0])
    b = metrics.ccc([3, 5, 4], [4, 4, 5])
    assert recomputed.score(table, "ccc", "v", recomputed.BY_RECORDING) == pytest.approx((1 + b) / 2)
    assert recomputed.score(table, "mae", "v", recomputed.BY_RECORDING) == pytest.approx((0 + 1 + 0) / 3)
    pooled = recomputed.score(table, "mae", "v", recomputed.POOLED)
    assert pooled == pytest.approx(np.abs(table["true_v"] - table["pred_v"]).mean())
    with pytest.raises(ValueError, match="no recordings"):
        recomputed.score(table.drop(columns="sequence"), "mae", "v", recomputed.BY_RECORDING)


@pytest.mark.parametrize(("rising", "best", "epoch"), [(False, 1.5, 1), (True, 5.5, 0)])
def test_best_and_last_are_means_over_seeds(rising, best, epoch):
    rows = pd.DataFrame({"run_id": list("aaabbb"), "step": [0, 1, 2] * 2, "value": [5.0, 1, 3, 6, 2, 4]})
    row = curves.best_and_last(rows, {"a": "one", "b": "one"}, rising).iloc[0]
    assert (row["best"], row["last"], row["seeds"]) == (best, 3.5, 2)
    assert row["epoch of the best"] == epoch
