from __future__ import annotations

import math

import pandas as pd
import pytest

from affect import published
from dashboard.figures import ranking
from dashboard.results import board, scope
from tests.dashboard.run_table import study, table

COLUMNS = "source role dataset method settings evaluation split target metric bound note value"
PUBLISHED = pd.DataFrame(
    [
        ["thesis", "result", "lma", "one", "k=1", "", "not stated", "all features", "mae", "about", "a note", 0.157],
        ["thesis", "result", "lma", "two", "", "", "", "p", "mae", "", "", 0.1],
        ["thesis", "result", "lma", "two", "", "", "", "a", "mae", "", "", 0.3],
        ["thesis", "context", "lma", "one", "", "", "", "all features", "mae", "", "context only", 0.9],
        ["thesis", "result", "other", "one", "", "", "", "all features", "mae", "", "other data", 0.8],
    ],
    columns=COLUMNS.split(),
)


@pytest.mark.parametrize(("metric", "first"), [("mae", "low"), ("ccc", "high")])
def test_the_best_stands_first_whichever_way_a_metric_goes(metric, first):
    runs = table(study("low", **{f"test/{metric}/all": 0.2}), study("high", **{f"test/{metric}/all": 0.6}))
    assert board.measured(runs, metric, "all")["run_id"].iloc[0] == first


def test_settings_that_all_studies_share_are_not_repeated():
    runs = table(study("a", 0.1, settings='{"k":1,"s":"x"}'), study("b", 0.2, settings='{"k":2,"s":"x"}'))
    assert board.measured(runs, "mae", "all")["settings"].tolist() == ["k 1", "k 2"]


def test_published_figures_join_by_data_method_and_metric_and_bring_their_caveats():
    runs = table(study("a", 0.4))
    rows = board.published(PUBLISHED, runs, "mae", "all")
    assert rows["value"].tolist() == [0.157]
    note = rows["note"].iloc[0]
    assert all(part in note for part in ("about", "split not stated", "a note", "thesis"))
    assert board.published(PUBLISHED, runs, "ccc", "all").empty
    assert board.published(PUBLISHED, table(study("a", 0.4, dataset="synthetic_motion")), "mae", "all").empty


def test_single_published_targets_are_averaged_only_where_all_are_there_and_it_is_said():
    runs = table(study("a", 0.4, method="motion/two"))
    row = board.published(PUBLISHED, runs, "mae", "all").iloc[0]
    assert row["value"] == pytest.approx(0.2)
    assert "mean of 2 published figures" in row["note"]
    others = table(study("a", 0.4, method="motion/two", targets='["p","z"]'))
    assert board.published(PUBLISHED, others, "mae", "all").empty


def test_published_sums_and_figures_of_predictors_fitted_on_codes_are_no_figures_of_a_method():
    about = {"method": "faces/face_vae", "dataset": "imfdb", "targets": '["valence", "arousal"]'}
    runs = table(study("a", 0.4, **about))
    paper = published.published()
    mine = paper[(paper["method"] == "face_vae") & (paper["metric"] == "mse")].set_index("target")["value"]
    row = board.published(paper, runs, "mse", "all").iloc[0]
    assert row["value"] == pytest.approx((mine["valence"] + mine["arousal"]) / 2)
    assert mine["combined"] == pytest.approx(2 * row["value"])
    assert board.published(paper, runs, "r2", "valence").empty  # of ridge, lasso, … on either code
    assert board.published(paper, runs, "accuracy", "all").empty


def test_trivial_and_published_rows_stand_in_order_but_have_no_rank():
    runs = table(study("a", 0.4, **{"test.mean/mae/all": 0.45, "test.label_mean/mae/all": 0.2}))
    rows = board.ranked(board.measured(runs, "mae", "all"), {"a": 1})
    others = [board.trivial(runs, "mae", "all"), board.published(PUBLISHED, runs, "mae", "all")]
    whole = board.board([rows, *others], "mae")
    assert whole["row"].tolist() == ["one", "mean of the label", "one", "always the mean"]
    assert whole["kind"].tolist() == ["published", "trivial", "measured", "trivial"]
    assert whole["rank"].tolist() == ["–", "–", "1", "–"]


def test_a_shared_rank_says_so():
    rows = board.measured(table(study("a", 0.1), study("b", 0.2), study("c", 0.3)), "mae", "all")
    assert board.ranked(rows, {"a": 1, "b": 1, "c": 3})["rank"].tolist() == ["1 =", "1 =", "3"]


def test_the_figure_has_a_dot_a_row_and_writes_names_letter_by_letter():
    marked = study("a", 0.4, method="motion/<b>x", **{"test.sd/mae/all": 0.01})
    runs = table(marked, study("b", 0.3, method="motion/one"))
    rows = board.ranked(board.measured(runs, "mae", "all"), {"a": 2, "b": 1})
    fig = ranking.draw(rows, "mae", "all", "clip")
    dots = [trace for trace in fig.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in dots] == [[0.3], [0.4]]
    assert dots[0].y[0] > dots[1].y[0]  # the best on top
    assert fig.layout.annotations[1].text.startswith("2  <b>&lt;b&gt;x</b>")  # the outer pair is ours
    assert "lower is better" in fig.layout.xaxis.title.text


def test_where_no_figure_says_how_many_groups_the_studys_tag_does():
    said = study("a", 0.4, **{"test.groups/mae/all": 7, "test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    silent = study("b", 0.5, **{"test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    unknown = study("c", 0.6, groups=None, **{"test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    rows = board.measured(table(said, silent, unknown), "mae", "all")
    assert rows["groups"].iloc[:2].tolist() == [7, 8]
    assert math.isnan(rows["groups"].iloc[2])
    hovers = [text for trace in ranking.draw(rows, "mae", "all", "clip").data for text in trace.text or ()]
    assert [("over" in text) for text in hovers] == [True, True, False]


def test_columns_without_a_word_are_left_out_and_one_metric_is_a_heading():
    runs = table(study("a", 0.4, settings="{}"), study("b", 0.3, settings="{}"))
    found = board.readable(board.measured(runs, "mae", "all"), "mae", "clip")
    assert list(found.columns[:3]) == ["rank", "method", "test MAE"]
    assert "notes" not in found
    assert "test MAE" in board.newest(runs, pd.Timestamp.now("UTC"))
    other = study("c", objective="ccc", **{"test/ccc/all": 0.5})
    assert {"metric", "value"} <= set(board.newest(table(study("a", 0.4), other), pd.Timestamp.now("UTC")))


def test_an_empty_table_has_no_protocols_and_no_rows():
    runs = table(study("a")).iloc[:0]
    assert scope.protocols(runs) == []
    assert board.board([], "mae").empty
    assert board.newest(runs, pd.Timestamp.now("UTC")).empty


def test_the_newest_results_come_first_and_running_studies_are_left_out():
    runs = table(study("old", 0.4), study("new", 0.3, hours=2), study("now", hours=3, state="running", end=pd.NaT))
    found = board.newest(runs, pd.Timestamp("2026-01-01 06:00", tz="UTC"))
    assert found["run_id"].tolist() == ["new", "old"]
    assert found["ended"].tolist() == ["3 hours ago", "5 hours ago"]
    assert math.isnan(found["trivial row"].iloc[0])
