from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures import search

BEGIN = pd.Timestamp("2026-01-01", tz="UTC")


def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": list("abcde"),
            "trial": range(5),
            "state": ["complete", "failed", "complete", "pruned", "running"],
            "value": [0.5, math.nan, 0.3, 0.1, math.nan],
            "start": [BEGIN + pd.Timedelta(seconds=10 * i) for i in range(5)],
            "end": [BEGIN + pd.Timedelta(seconds=10 * i + 4) for i in range(4)] + [pd.NaT],
        }
    )


def test_best_so_far_never_counts_a_pruned_trial():
    assert search.history(trials(), "minimize")["best"].tolist() == [0.5, 0.5, 0.3, 0.3, 0.3]
    assert search.history(trials(), "maximize")["best"].tolist() == [0.5] * 5


def test_history_shows_every_trial_once_also_those_without_a_value():
    figure = search.draw_history(search.history(trials(), "minimize"), "MAE")
    marks = [t for t in figure.data if t.mode == "markers"]
    assert sorted(x for t in marks for x in t.x) == [0, 1, 2, 3, 4]
    assert {t.name for t in marks} == {"complete", "pruned", "failed (no finite value)", "running (no finite value)"}


def test_share_of_trials_reaches_one_at_the_worst_value():
    table = search.edf({"s": pd.Series([0.3, 0.1, np.nan, 0.2])}, "minimize")
    assert table["value"].tolist() == [0.1, 0.2, 0.3]
    assert table["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    better = search.edf({"s": pd.Series([0.3, 0.1])}, "maximize")
    assert better["value"].tolist() == [0.3, 0.1]


def heights(figure: go.Figure) -> dict[int, float]:
    """Return where each trial's mark is drawn: trial → y."""
    return {int(x): float(y) for t in figure.data if t.mode == "markers" for x, y in zip(t.x, t.y, strict=True)}


@pytest.mark.parametrize("odd", [math.inf, -math.inf])
def test_an_infinite_trial_is_a_mark_on_the_lower_edge_and_takes_no_other_away(odd):
    table = trials().assign(value=[0.5, math.nan, 0.3, odd, 0.4], state=["complete", "failed", *["complete"] * 3])
    figure = search.draw_history(search.history(table, "minimize"), "MAE")
    drawn = heights(figure)
    assert sorted(drawn) == [0, 1, 2, 3, 4]
    assert all(math.isfinite(y) for y in drawn.values())
    assert drawn[1] == drawn[3] < 0.3
    low, high = figure.layout.yaxis.range
    assert all(low < y < high for y in drawn.values())
    shares = search.edf({"s": table.loc[table["state"] == "complete", "value"]}, "minimize")["share"]
    assert shares.max() == 0.75, "one of four complete trials has no finite value"


@pytest.mark.parametrize(("direction", "odd"), [("minimize", 1e20), ("maximize", -1e20)])
def test_one_diverged_trial_does_not_flatten_the_others(direction, odd):
    table = trials().assign(value=[0.5, 0.45, 0.3, odd, 0.4], state="complete")
    figure = search.draw_history(search.history(table, direction), "MAE", direction)
    low, high = figure.layout.yaxis.range
    assert high - low < 0.5
    drawn = heights(figure)
    assert sorted(drawn) == [0, 1, 2, 3, 4]
    assert all(low < y < high for y in drawn.values())
    assert "complete, beyond the axis (1)" in {t.name for t in figure.data}
    edf = search.draw_edf(search.edf({"s": table["value"]}, direction), "MAE", direction=direction)
    assert max(abs(end) for end in edf.layout.xaxis.range) < 1


def test_the_best_is_always_on_the_axis_however_far_from_the_others():
    table = trials().assign(value=[0.5, 0.45, 0.43, 1e-9, 0.41], state="complete")
    figure = search.draw_history(search.history(table, "minimize"), "MAE", "minimize")
    assert heights(figure)[3] == 1e-9


def test_a_running_trial_lasts_until_now():
    table = search.timeline(trials(), BEGIN + pd.Timedelta(seconds=100))
    assert table["seconds"].tolist() == [4, 4, 4, 4, 60]


def test_curves_keep_the_asked_metric_and_know_each_trials_state():
    found = pd.DataFrame(
        {"run_id": ["d", "d", "a", "a"], "metric": ["val/mae", "val/mae", "val/mae", "train/loss"]}
        | {"step": [1, 0, 0, 0], "value": [2.0, 3.0, 1.0, 9.0]}
    )
    table = search.curves(found, trials(), "val/mae")
    assert table.values.tolist() == [[0, "complete", 0, 1.0], [3, "pruned", 0, 3.0], [3, "pruned", 1, 2.0]]
    names = [t.name for t in search.draw_curves(table, "MAE", best=0).data]
    assert names == ["complete", "pruned", "best (trial 0)"]


def test_the_front_holds_what_nothing_beats_in_both():
    table = pd.DataFrame({"run_id": list("abcd"), "trial": range(4)})
    first = pd.Series({"a": 1.0, "b": 2.0, "c": 2.0, "d": 3.0})
    second = pd.Series({"a": 3.0, "b": 2.0, "c": 2.5, "d": 2.0})
    assert search.pareto(table, first, second)["front"].tolist() == [True, True, False, False]


def test_the_front_follows_the_directions_and_keeps_equals():
    table = pd.DataFrame({"run_id": list("abc"), "trial": range(3)})
    ccc, seconds = pd.Series({"a": 0.9, "b": 0.9, "c": 0.5}), pd.Series({"a": 5.0, "b": 5.0, "c": 9.0})
    found = search.pareto(table, ccc, seconds, ("maximize", "minimize"))
    assert found["front"].tolist() == [True, True, False]


def test_the_front_equals_comparing_every_pair():
    rng = np.random.default_rng(0)
    cost = rng.integers(0, 6, (60, 2)).astype(float)
    table = pd.DataFrame({"run_id": [str(i) for i in range(60)], "trial": range(60)})
    columns = [pd.Series(cost[:, i], index=table["run_id"]) for i in range(2)]
    slow = [not any((c <= mine).all() and (c < mine).any() for c in cost) for mine in cost]
    assert search.pareto(table, *columns)["front"].tolist() == slow


def test_trials_without_both_figures_are_left_out_of_the_front():
    table = pd.DataFrame({"run_id": list("ab"), "trial": range(2)})
    assert search.pareto(table, pd.Series({"a": 1.0, "b": 0.5}), pd.Series({"a": 1.0}))["trial"].tolist() == [0]
