from __future__ import annotations

import numpy as np

from dashboard.figures import landscape
from tests.dashboard.figures.test_space import SPACE, trials


def test_slices_have_a_line_per_trial_and_parameter():
    table = trials(6)
    table.loc[2, "state"] = "pruned"
    table.loc[3, "param.depth"] = None
    long = landscape.slices(table, ["depth", "rate"])
    assert long.groupby("parameter")["trial"].apply(list).to_dict() == {"depth": [0, 1, 4, 5], "rate": [0, 1, 3, 4, 5]}


def test_slices_are_drawn_two_panels_a_row_with_the_trials_numbers():
    table = trials(6)
    table.loc[0, "state"] = "failed"
    figure = landscape.draw_slices(table, SPACE, ["depth", "rate", "scaling"], "MAE")
    assert [figure.layout[axis].title.text for axis in ("xaxis", "xaxis2", "xaxis3")] == ["depth", "rate", "scaling"]
    assert figure.layout.xaxis2.type == "log"
    assert figure.layout.xaxis2.domain[0] > 0.5
    assert figure.layout.yaxis3.domain[1] < figure.layout.yaxis.domain[0]
    assert set(figure.data[0].marker.color) == {1, 2, 3, 4, 5}
    assert len(landscape.draw_slices(table, SPACE, ["depth"], "MAE").data) == 1


def test_a_contour_lies_as_it_was_asked_for_and_names_are_letters():
    table = trials(12)
    for x, y in (("rate", "depth"), ("depth", "rate")):
        figure = landscape.draw_contour(table, SPACE, x, y, "minimize", "MAE")
        assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (x, y)
        shape = np.asarray(figure.data[0].z, dtype=object).shape
        assert shape == (len(figure.data[0].y), len(figure.data[0].x))
    odd = table.rename(columns={"param.depth": "param.<b>d</b>"})
    assert "<b>" not in landscape.draw_contour(odd, SPACE, "<b>d</b>", "rate", "minimize", "MAE").to_json()
    assert "<b>" not in landscape.draw_slices(odd, SPACE, ["<b>d</b>"], "MAE").to_json()


def test_a_map_of_a_handful_of_trials_or_of_equal_scores_is_refused():
    assert "there are 4" in landscape.no_contour(trials(4), "rate", "depth")
    assert "same score" in landscape.no_contour(trials(20).assign(value=0.37 + 1e-16), "rate", "depth")
    assert landscape.no_contour(trials(20), "rate", "depth") == ""


def test_contour_table_begins_with_the_best_trial():
    table = landscape.contour(trials(9), "rate", "depth", "minimize")
    assert table["value"].is_monotonic_increasing
    assert list(table.columns) == ["trial", "rate", "depth", "value"]


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
