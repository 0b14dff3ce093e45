from __future__ import annotations

import numpy as np
import pytest

from dashboard.figures import landscape
from dashboard.figures.space import axis
from tests.dashboard.figures.test_space import SPACE, trials


def test_slices_have_a_line_per_trial_and_parameter():
    table = trials(6)
    table.loc[2, "state"] = "pruned"
    table.loc[3, "param.depth"] = None
    long = landscape.slices(table, ["depth", "rate"])
    assert long.groupby("parameter")["trial"].apply(list).to_dict() == {"depth": [0, 1, 4, 5], "rate": [0, 1, 3, 4, 5]}


def test_slices_are_drawn_a_panel_per_parameter():
    figure = landscape.draw_slices(trials(6), SPACE, ["depth", "rate", "scaling"], "MAE")
    assert len(figure.data) == 3
    assert figure.layout.xaxis2.title.text == "rate"
    assert figure.layout.xaxis3.ticktext == ("none", "robust", "None")


def test_contour_table_begins_with_the_best_trial():
    table = landscape.contour(trials(9), "rate", "depth", "minimize")
    assert table["value"].is_monotonic_increasing
    assert list(table.columns) == ["trial", "rate", "depth", "value"]


def test_surface_meets_the_trials_and_stays_between_best_and_worst():
    table = trials(3).assign(**{"param.rate": ["0.0001", "0.01", "1.0"], "param.depth": ["1", "8", "1"]})
    table = table.assign(value=[1.0, 2.0, 3.0])
    x, y, z = landscape.surface(axis(table, "rate", SPACE), axis(table, "depth", SPACE), table["value"], size=29)
    assert (z.min(), z.max()) == (pytest.approx(1, abs=0.01), pytest.approx(3, abs=0.01))
    assert z[0, 0] == pytest.approx(1, abs=0.01)
    assert z[-1, np.argmin(np.abs(x + 2))] == pytest.approx(2, abs=0.01)
    assert (x[0], x[-1], y[0], y[-1]) == (-4, 0, 1, 8)


def test_ranks_are_fifths_of_the_trials_by_value():
    ranks = landscape.parallel(trials(20), "minimize")
    assert ranks["rank"].value_counts().to_dict() == {"between": 12, "best fifth": 4, "worst fifth": 4}
    assert ranks[ranks["rank"] == "best fifth"]["value"].max() < ranks[ranks["rank"] == "between"]["value"].min()
    maximised = landscape.parallel(trials(20), "maximize")
    assert maximised["value"].iloc[0] == ranks["value"].iloc[-1]


def test_parallel_coordinates_draw_every_trial_once_from_end_to_end():
    figure = landscape.draw_parallel(trials(10), SPACE, ["rate", "depth"], "minimize", "MAE")
    breaks = sum(sum(y is None for y in trace.y) for trace in figure.data)
    assert breaks == 10
    positions = [x for trace in figure.data for x in trace.x if x is not None]
    assert min(positions) >= 0
    assert max(positions) <= 1
    assert figure.layout.yaxis.ticktext == ("rate", "depth", "MAE")


def test_a_trial_without_a_conditional_parameter_leaves_a_gap_and_not_an_error():
    table = trials(4)
    table.loc[1, "param.depth"] = None
    figure = landscape.draw_parallel(table, SPACE, ["rate", "depth"], "minimize", "MAE")
    missing = [x for trace in figure.data for x in trace.x if x is not None and np.isnan(x)]
    assert len(missing) == 1


def test_a_parameter_called_like_a_column_keeps_its_prefix():
    table = trials(4).rename(columns={"param.depth": "param.value"})
    assert list(landscape.contour(table, "rate", "value", "minimize").columns) == [
        "trial",
        "rate",
        "param.value",
        "value",
    ]
    assert landscape.parallel(table, "minimize").columns.is_unique
