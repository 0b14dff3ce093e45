from __future__ import annotations

import math

import pandas as pd
import pytest

from dashboard.figures import board
from tests.dashboard.run_table import child, study, table

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


def test_a_second_protocol_of_the_same_name_leaves_the_first_ones_link_alone():
    old = study("old", 0.4, hours=0)
    assert board.protocols(table(old)) == ["lma · by clip"]
    new = study("new", 0.3, hours=5, protocol_id="bbbbbbbbbbbb")
    runs = table(new, old)
    assert board.protocols(runs) == ["lma · by clip · bbbbbb", "lma · by clip"]  # the newest first
    assert list(board.of_protocol(runs, "lma · by clip").index) == ["old"]
    assert list(board.of_protocol(runs, "lma · by clip · bbbbbb").index) == ["new"]


def test_runs_of_other_protocols_and_archived_ones_are_not_ranked():
    put_aside = study("archived", 0.1, archived=True)
    runs = table(
        study("a", 0.4),
        study("b", 0.2, protocol="other", protocol_id="c" * 12),
        put_aside,
        child(put_aside, "final", 0),
    )
    mine = board.of_protocol(runs, "lma · by clip")
    assert list(board.measured(mine, "mae", "all")["run_id"]) == ["a"]
    everything = board.of_protocol(runs, "lma · by clip", archived=True)
    assert list(board.measured(everything, "mae", "all")["run_id"]) == ["archived", "a"]


@pytest.mark.parametrize(("metric", "first"), [("mae", "low"), ("ccc", "high")])
def test_the_best_stands_first_whichever_way_a_metric_goes(metric, first):
    runs = table(study("low", **{f"test/{metric}/all": 0.2}), study("high", **{f"test/{metric}/all": 0.6}))
    assert board.measured(runs, metric, "all")["run_id"].iloc[0] == first


def test_only_complete_finals_count_as_seeds():
    parent = study("a", 0.4)
    finals = [child(parent, "final", seed) for seed in (2, 0)]
    failed = child(parent, "final", 1, state="failed")
    runs = table(parent, *finals, failed, child(parent, "trial", 0))
    assert board.measured(runs, "mae", "all")["seeds"].tolist() == [2]
    assert list(board.finals(runs, "a").index) == ["a-final-0", "a-final-2"]
    assert board.times_scored(runs) == 1


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


def test_trivial_and_published_rows_stand_in_order_but_have_no_rank():
    runs = table(study("a", 0.4, **{"test.mean/mae/all": 0.45, "test.label_mean/mae/all": 0.2}))
    rows = board.ranked(board.measured(runs, "mae", "all"), {"a": 1})
    others = [board.trivial(runs, "mae", "all"), board.published(PUBLISHED, runs, "mae", "all")]
    whole = board.board([rows, *others], "mae")
    assert whole["row"].tolist() == ["one", "mean of the class", "one", "always the mean"]
    assert whole["kind"].tolist() == ["published", "trivial", "measured", "trivial"]
    assert whole["rank"].tolist() == ["–", "–", "1", "–"]


def test_a_shared_rank_says_so():
    rows = board.measured(table(study("a", 0.1), study("b", 0.2), study("c", 0.3)), "mae", "all")
    assert board.ranked(rows, {"a": 1, "b": 1, "c": 3})["rank"].tolist() == ["1 =", "1 =", "3"]


def test_metrics_and_targets_come_in_a_readers_order():
    figures = {"test/ccc/a": 0.1, "test/ccc/p": 0.2, "test/rmse/p": 0.3, "test.sd/sagr/p": 1, "val/mse/p": 1}
    runs = table(study("a", 0.4, **figures))
    assert board.measures(runs) == (["mae", "rmse", "ccc"], ["all", "p", "a"])


def test_the_figure_has_a_dot_a_row_and_writes_names_letter_by_letter():
    marked = study("a", 0.4, method="motion/<b>x</b>", **{"test.sd/mae/all": 0.01})
    runs = table(marked, study("b", 0.3, method="motion/one"))
    rows = board.ranked(board.measured(runs, "mae", "all"), {"a": 2, "b": 1})
    fig = board.draw(rows, "mae", "all", "clip")
    dots = [trace for trace in fig.data if trace.mode == "markers"]
    assert [trace.x[0] for trace in dots] == [0.3, 0.4]
    assert dots[0].y[0] > dots[1].y[0]  # the best on top
    assert not any("<b>" in annotation.text for annotation in fig.layout.annotations)
    assert "lower is better" in fig.layout.xaxis.title.text


def test_an_empty_table_has_no_protocols_and_no_rows():
    runs = table(study("a")).iloc[:0]
    assert board.protocols(runs) == []
    assert board.board([], "mae").empty
    assert board.newest(runs, pd.Timestamp.now("UTC")).empty


def test_the_newest_results_come_first_and_running_studies_are_left_out():
    runs = table(study("old", 0.4), study("new", 0.3, hours=2), study("now", hours=3, state="running", end=pd.NaT))
    found = board.newest(runs, pd.Timestamp("2026-01-01 06:00", tz="UTC"))
    assert found["run_id"].tolist() == ["new", "old"]
    assert found["ended"].tolist() == ["3 hours ago", "5 hours ago"]
    assert math.isnan(found["always the mean"].iloc[0])
