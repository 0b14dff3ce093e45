"""Metrics of many runs, of which each has a few: the same numbers as in a table, and no more memory than numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard.reading.metrics import Metrics

TABLE = pd.DataFrame(
    {
        "val/mae/all": [0.5, np.nan, 0.1],
        "cost/seconds": [np.nan, np.nan, 2.0],
        "test/mae/all": [np.inf, np.nan, np.nan],
    },
    index=["a", "b", "c"],
)


def test_what_was_put_in_comes_out_in_every_way():
    metrics = Metrics.from_table(TABLE)
    assert metrics.names == ["cost/seconds", "test/mae/all", "val/mae/all"]
    assert len(metrics) == 3
    for name in TABLE:
        np.testing.assert_array_equal(metrics.values(name), TABLE[name])
        np.testing.assert_array_equal([metrics.score(run, name) for run in range(3)], TABLE[name])
    pd.testing.assert_frame_equal(
        metrics.table(np.arange(3), TABLE.index), TABLE[metrics.names], check_column_type=False
    )
    assert metrics.of_run(2) == {"cost/seconds": 2.0, "val/mae/all": 0.1}
    assert metrics.of_run(1) == {}


def test_a_table_of_some_runs_has_the_metrics_that_they_have():
    part = Metrics.from_table(TABLE).table(np.array([2, 1]), pd.Index(["c", "b"]))
    assert list(part.columns) == ["cost/seconds", "val/mae/all"]
    assert part.loc["c"].tolist() == [2.0, 0.1]
    assert part.loc["b"].isna().all()


@pytest.mark.parametrize("name", ["none", "zzz"])
def test_a_name_that_no_run_has_is_nan_everywhere(name):
    metrics = Metrics.from_table(TABLE)
    assert name not in metrics
    assert np.isnan(metrics.values(name)).all()
    assert np.isnan(metrics.score(0, name))


def test_a_store_without_metrics_is_empty():
    metrics = Metrics.from_table(pd.DataFrame(index=["a"]))
    assert metrics.names == []
    assert metrics.table(np.array([0]), pd.Index(["a"])).shape == (1, 0)
    assert np.isnan(metrics.values("a")).all()


def test_memory_is_that_of_the_numbers_and_not_of_a_table_of_all_names():
    """2,900 names of which each run has 180: a table would take 23 kB a run."""
    rng = np.random.default_rng(0)
    runs, names, each = 1_000, 2_900, 180
    name = np.concatenate([rng.choice(names, each, replace=False) for _ in range(runs)])
    run = np.repeat(np.arange(runs), each)
    metrics = Metrics([f"test/m/{k}" for k in range(names)], run, name, rng.normal(size=len(run)), runs)
    size = sum(array.nbytes for array in vars(metrics).values() if isinstance(array, np.ndarray))
    assert size / runs < 2_500
