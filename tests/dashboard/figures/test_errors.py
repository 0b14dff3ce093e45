from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from affect.published import published
from dashboard.figures import errors, theme

ORACLE = "oracle: class mean, true class known"
FEATURES = ("speed", "volume", "still")


def table(mae: tuple[float, float, float], trivial: float = 0.5) -> pd.DataFrame:
    """Errors of three features, the last of them constant."""
    rows = []
    for row, values in (("method", mae), ("mean", (trivial, trivial, 0.0)), ("label_mean", (0.3, 0.3, 0.0))):
        for feature, value, span in zip(FEATURES, values, (10.0, 1.0, math.nan), strict=True):
            rows.append([row, feature, value**2, value, value / span, 1.0, 1.5])
    columns = ["row", "feature", "mse", "mae", "mae_over_range", "example_true", "example_pred"]
    return pd.DataFrame(rows, columns=columns)


def test_a_studys_figures_are_the_mean_over_its_finals():
    found = errors.collect({"s": [table((0.2, 0.4, 0.0)), table((0.4, 0.4, 0.0))]})
    own = found[found["kind"] == errors.OWN].set_index("feature")
    assert own.loc["speed", "mae"] == pytest.approx(0.3)
    assert own.loc["speed", "sd"] == pytest.approx(0.2 / math.sqrt(2))
    assert own.loc["volume", "sd"] == 0


def test_trivial_rows_come_once_where_runs_agree_and_are_named_where_they_do_not():
    same = errors.collect({"a": [table((1, 1, 0))], "b": [table((2, 2, 0))]})
    assert list(dict.fromkeys(same["row"])) == ["a", "b", "predicting the train mean", ORACLE]
    other = errors.collect({"a": [table((1, 1, 0))], "b": [table((2, 2, 0), trivial=0.9)]})
    assert [r for r in dict.fromkeys(other["row"]) if "mean" in r] == [
        f"{row} · {name}" for name in "ab" for row in ("predicting the train mean", ORACLE)
    ]


def test_sorting_by_error_over_range_differs_from_sorting_by_error_and_puts_constants_last():
    found = errors.collect({"a": [table((2.0, 0.5, 0.0))]})
    assert errors.order(found, "mae") == ["speed", "volume", "still"]
    assert errors.order(found, "mae_over_range") == ["volume", "speed", "still"]
    assert errors.order(found, "feature") == ["speed", "still", "volume"]
    assert errors.order(found, "data") == list(FEATURES)


def test_sorting_follows_the_row_asked_for():
    found = errors.collect({"a": [table((2, 1, 0))], "b": [table((1, 2, 0))]})
    assert errors.order(found, "mae", "a")[0] == "speed"
    assert errors.order(found, "mae", "b")[0] == "volume"


def test_an_unknown_order_names_the_known_ones():
    with pytest.raises(ValueError, match="mae_over_range"):
        errors.order(errors.collect({"a": [table((2, 1, 0))]}), "ccc")


def test_published_figures_join_by_data_method_and_settings():
    settings = {"features": "all", "latent_size": 1}
    rows = errors.published_rows(published(), "lma", "motion/lma_vae", settings)
    speed = rows.set_index("feature").loc["l_hand_speed"]
    assert (speed["mse"], speed["mae"]) == (0.08892, 0.22292)
    assert math.isnan(speed["mae_over_range"])
    assert set(rows["row"]) == {"published on lma (latent_size=1)"}
    assert errors.published_rows(published(), "lma", "motion/lma_vae", {"latent_size": 2}).empty
    assert errors.published_rows(published(), "synthetic_motion", "motion/lma_vae", settings).empty
    assert errors.published_rows(published(), "lma", "motion/pad_to_latent", settings)["feature"].tolist() == ["latent"]


def test_overall_leaves_constant_features_out_of_the_range_and_says_how_many():
    found = errors.overall(errors.collect({"a": [table((2.0, 0.5, 0.0))]})).set_index("row")
    assert found.loc["a", "mae"] == pytest.approx(2.5 / 3)
    assert found.loc["a", "mae_over_range"] == pytest.approx((0.2 + 0.5) / 2)
    assert found.loc["a", ["features", "not_applicable"]].tolist() == [3, 1]


def test_overall_of_a_publication_is_what_it_published():
    rows = errors.published_rows(published(), "lma", "motion/lma_vae", {"latent_size": 1})
    found = errors.overall(rows).iloc[0]
    assert found["mae"] == pytest.approx(0.15670356)
    assert found["features"] == 27


def test_a_constant_feature_says_not_applicable_in_both_figures():
    found = errors.collect({"a": [table((2.0, 0.5, 0.0))]})
    order = errors.order(found, "mae_over_range")
    heat = errors.draw_heat(found, "mae_over_range", order).data[0]
    assert [row[0] for row in heat.text] == [".50", ".20", "n/a"]
    bars = errors.draw_bars(found, "mae_over_range", order)
    assert [a.text for a in bars.layout.annotations] == ["n/a"]
    assert bars.layout.annotations[0].y == "still"


def test_bars_stand_in_the_order_asked_for_and_markup_in_a_name_is_text():
    found = errors.collect({"<b>a</b>": [table((2.0, 0.5, 0.0))]})
    figure = errors.draw_bars(found, "mae", ["volume", "speed", "still"])
    assert figure.layout.yaxis.categoryarray == ("volume", "speed", "still")
    assert figure.data[0].name == "&lt;b&gt;a&lt;/b&gt;"
    assert list(figure.data[0].x) == [0.5, 2.0, 0.0]


def test_examples_are_regenerated_minus_real_over_the_features_range():
    found = errors.examples(table((2.0, 0.5, 0.0)), FEATURES).set_index("feature")
    assert found["difference"].tolist() == [0.5, 0.5, 0.5]
    assert found["over_range"].iloc[:2].tolist() == pytest.approx([0.05, 0.5])
    assert math.isnan(found.loc["still", "over_range"])


def test_a_run_without_error_has_no_range_to_divide_by():
    found = errors.examples(table((0.0, 0.5, 0.0)), FEATURES).set_index("feature")
    assert math.isnan(found.loc["speed", "over_range"])


def test_the_table_under_the_figure_has_every_metric_that_a_row_has():
    found = errors.collect({"a": [table((2.0, 0.5, 0.0))]})
    paper = pd.DataFrame(
        {"row": "published", "kind": "published", "feature": FEATURES, "mae": [1.0, 2.0, 3.0]}
        | {"mse": np.nan, "mae_over_range": np.nan, "sd": np.nan}
    )
    shown = errors.shown(pd.concat([found, paper]), ["volume", "speed"])
    assert shown["feature"].tolist() == ["volume", "speed"]
    assert "MSE · published" not in shown
    assert shown["MAE · published"].tolist() == [2.0, 1.0]
    assert shown["MAE over range · a"].tolist() == [0.5, 0.2]


@pytest.mark.parametrize(
    ("value", "text"), [(0.1449, ".14"), (0.004, "0"), (0.9996, "1.0"), (9.96, "10"), (31.2, "31"), (math.nan, "n/a")]
)
def test_a_cell_says_its_error_in_four_characters(value, text):
    assert errors.brief(value) == text


def test_the_heat_maps_colour_is_the_error_over_that_of_the_mean():
    found = errors.collect({"a": [table((1.0, 0.25, 0.0))]})
    heat = errors.draw_heat(found, "mae", ["speed", "volume", "still"]).data[0]
    assert list(heat.x) == ["A", "B", "C"]
    assert heat.z[0].tolist() == [2, 1, 0.6]
    assert heat.z[1].tolist() == [0.5, 1, 0.6]
    assert heat.z[2].tolist() == [1, 1, 1]
    assert heat.customdata[2][0].tolist() == ["a", "0", "n/a"]


def test_a_run_of_another_split_is_compared_with_its_own_mean():
    found = errors.collect({"a": [table((1, 1, 0))], "b": [table((2, 2, 0), trivial=4.0)]})
    ratio = errors.over_mean(found, "mae", ["speed"]).loc["speed"]
    means = [f"predicting the train mean · {name}" for name in "ab"]
    assert ratio[["a", "b", *means]].tolist() == [2, 0.5, 1, 1]
    assert ratio[f"{ORACLE} · b"] == pytest.approx(0.3 / 4)


def test_three_runs_over_two_splits_are_each_compared_with_the_mean_of_their_own():
    found = errors.collect(
        {
            "a": [table((1, 1, 0), trivial=1.0)],
            "b": [table((10, 10, 0), trivial=10.0)],
            "c": [table((10, 10, 0), trivial=10.0)],
        }
    )
    assert errors.over_mean(found, "mae", ["speed"]).loc["speed", ["a", "b", "c"]].tolist() == [1, 1, 1]
    assert sum(found["kind"].eq("mean") & found["feature"].eq("speed")) == 2


def test_a_run_without_baselines_is_compared_with_nobody_elses():
    bare = table((1, 1, 0))
    found = errors.collect({"a": [table((1, 1, 0))], "b": [bare[bare["row"] == "method"]]})
    assert math.isnan(errors.over_mean(found, "mae", ["speed"]).loc["speed", "b"])


def test_two_runs_of_one_method_differ_in_the_bars():
    found = errors.collect({"a": [table((1, 1, 0))], "b": [table((2, 2, 0))]})
    looks = theme.of_methods(["m"], {"a": "m", "b": "m"})
    bars = [t for t in errors.draw_bars(found, "mae", ["speed"], looks).data if t.type == "bar"]
    assert bars[0].marker.color == bars[1].marker.color
    assert bars[0].marker.pattern.shape != bars[1].marker.pattern.shape
