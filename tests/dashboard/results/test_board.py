from __future__ import annotations

import math

import pandas as pd
import pytest

from affect import published
from dashboard.figures import ranking
from dashboard.results import board, comparing, tables
from tests.dashboard.run_table import child, index, protocol, study

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
    runs = protocol(study("low", **{f"test/{metric}/all": 0.2}), study("high", **{f"test/{metric}/all": 0.6}))
    assert board.measured(runs, metric, "all")["run_id"].iloc[0] == first


def test_settings_that_all_studies_share_are_not_repeated():
    runs = protocol(study("a", 0.1, settings='{"k":1,"s":"x"}'), study("b", 0.2, settings='{"k":2,"s":"x"}'))
    assert board.measured(runs, "mae", "all")["settings"].tolist() == ["k 1", "k 2"]


def test_published_figures_join_by_data_method_and_metric_and_bring_their_caveats():
    runs = protocol(study("a", 0.4))
    rows = board.published(runs, "mae", "all", paper=PUBLISHED)
    assert rows["value"].tolist() == [0.157]
    source = rows["source"].iloc[0]
    assert all(part in source for part in ("about", "split not stated", "a note", "thesis"))
    assert board.published(runs, "ccc", "all", paper=PUBLISHED).empty
    assert board.published(protocol(study("a", 0.4, dataset="synthetic_motion")), "mae", "all", paper=PUBLISHED).empty


def test_single_published_targets_are_averaged_only_where_all_are_there_and_it_is_said():
    runs = protocol(study("a", 0.4, method="motion/two"))
    row = board.published(runs, "mae", "all", paper=PUBLISHED).iloc[0]
    assert row["value"] == pytest.approx(0.2)
    assert "mean of 2 published scores" in row["source"]
    others = protocol(study("a", 0.4, method="motion/two", targets='["p","z"]'))
    assert board.published(others, "mae", "all", paper=PUBLISHED).empty


def test_published_sums_and_figures_of_predictors_fitted_on_codes_are_no_figures_of_a_method():
    about = {"method": "faces/face_vae", "dataset": "imfdb", "targets": '["valence", "arousal"]'}
    runs = protocol(study("a", 0.4, **about))
    paper = published.published()
    mine = paper[(paper["method"] == "face_vae") & (paper["metric"] == "mse")].set_index("target")["value"]
    row = board.published(runs, "mse", "all").iloc[0]
    assert row["value"] == pytest.approx((mine["valence"] + mine["arousal"]) / 2)
    assert mine["combined"] == pytest.approx(2 * row["value"])
    assert board.published(runs, "r2", "valence").empty  # of ridge, lasso, … on either code
    assert board.published(runs, "accuracy", "all").empty


def family(**ranks: str) -> comparing.Family:
    """Return a family with these rank texts, best first."""
    places = {run: comparing.Rank(text, int(text.rstrip(" ="))) for run, text in ranks.items()}
    return comparing.Family(tuple(ranks), places, {})


def test_baselines_and_published_rows_stand_in_order_but_have_no_rank():
    runs = protocol(study("a", 0.4, **{"test.mean/mae/all": 0.45, "test.label_mean/mae/all": 0.2}))
    rows = board.ranked(board.measured(runs, "mae", "all"), family(a="1"))
    others = [board.baselines(runs, "mae", "all"), board.published(runs, "mae", "all", paper=PUBLISHED)]
    whole = board.board([rows, *others], "mae")
    assert whole["row"].tolist() == [
        "one",
        "oracle: class mean, true class known",
        "one",
        "predicting the train mean",
    ]
    assert whole["kind"].tolist() == ["published", "baseline", "measured", "baseline"]
    assert whole["rank"].tolist() == ["–", "–", "1", "–"]
    assert whole["why"].iloc[0] == "its split is not stated"


def test_ranks_reasons_and_p_of_the_family_are_written_into_the_rows():
    rows = board.measured(protocol(study("a", 0.1), study("b", 0.2), study("c", 0.3)), "mae", "all")
    ranks = {"a": comparing.Rank("1 =", 1), "b": comparing.Rank("1 =", 1), "c": comparing.Rank("–", None, "no file")}
    pairs = {("a", "b"): comparing.Pair("a", "b", p=0.1, adjusted=0.2)}
    found = board.ranked(rows, comparing.Family(("a", "b", "c"), ranks, pairs))
    assert found["rank"].tolist() == ["1 =", "1 =", "–"]
    assert found["why"].tolist() == ["", "", "no file"]
    assert found["p"].iloc[1] == 0.2
    assert math.isnan(found["p"].iloc[0])


def test_an_archived_study_is_shown_only_where_asked_for_and_says_so():
    of = protocol(study("a", 0.4), study("b", 0.1, archived=True))
    assert board.measured(of, "mae")["run_id"].tolist() == ["a"]
    rows = board.ranked(board.measured(of, "mae", archived=True), family(a="1"))
    assert rows[["run_id", "rank", "why"]].to_numpy().tolist() == [["b", "–", "archived"], ["a", "1", ""]]


def test_tags_and_notes_have_columns_of_their_own_and_a_tag_is_a_filter():
    tagged = study("a", 0.4, labels='["paper","draft"]', note="the one in the paper")
    of = protocol(tagged, study("b", 0.3, labels='["draft"]'), study("c", 0.2))
    assert board.measured(of, "mae", labels=["paper"])["run_id"].tolist() == ["a"]
    assert board.measured(of, "mae", labels=["paper", "draft"])["run_id"].tolist() == ["b", "a"]
    rows = board.board([board.measured(of, "mae"), board.published(of, "mae", paper=PUBLISHED)], "mae")
    table = board.readable(rows, "mae", "clip").set_index("method")
    assert table["tags"].tolist() == ["", "", "draft", "paper, draft"]
    assert table["note"].tolist() == ["", "", "", "the one in the paper"]
    assert ["thesis" in source for source in table["source"]] == [True, False, False, False]


def test_a_seed_that_failed_is_counted():
    parent = study("a", 0.4, repeats=5)
    finals = [child(parent, "final", seed) for seed in (1, 2, 3, 4)]
    of = protocol(parent, *finals, child(parent, "final", 5, state="failed"))
    assert board.measured(of, "mae")["seeds"].tolist() == ["4 of 5"]


def test_a_table_for_a_thesis_has_one_column_of_scores_the_best_in_bold_and_daggers():
    spread = {"test.sd/mae/all": 0.004, "test.low/mae/all": 0.33, "test.high/mae/all": 0.38}
    twin = {"settings": '{"k":2}', "test.sd/mae/all": 0.000114}
    of = protocol(study("a", 0.357, **spread), study("b", 0.36, **twin), study("c", 0.9, settings='{"k":3}'))
    ranks = family(a="1 =", b="1 =", c="3")
    rows = board.ranked(board.measured(of, "mae"), ranks)
    rows = board.board([rows, board.published(of, "mae", paper=PUBLISHED)], "mae")
    frame, bold, caption = board.thesis(rows, of, "mae", "all")
    assert list(frame.columns) == ["method", "settings", "MAE (sd) [95 % CI]"]
    assert frame["method"].tolist() == ["one, published", "one", "one", "one"]
    assert frame["MAE (sd) [95 % CI]"].tolist() == ["0.157", "0.357 (0.004) [0.330, 0.380]", "0.360 (<0.001)†", "0.900"]
    assert bold == [(1, 2)]
    assert caption.startswith("lma · by clip (REAL data; test MAE, mean over all targets, lower is better)")
    assert "†" in caption
    text = tables.latex(frame, caption, bold=bold)
    assert r"\bfseries 0.357 (0.004) [0.330, 0.380]" in text
    assert r"0.360 ($<$0.001)\textsuperscript{\dag}" in text


def test_the_verdict_names_the_best_and_says_who_is_as_good():
    of = protocol(study("a", 0.1), study("b", 0.2, settings="{}"), study("c", 0.3, settings="{}"))
    rows = board.measured(of, "mae")
    assert board.verdict(rows, family(a="1 =", b="1 =", c="3"), of, "mae") == (
        "one · latent size 1 has the best test MAE (0.100): 1 of 2 other studies score significantly worse, "
        "1 cannot be told apart from it."
    )
    none = {run: comparing.Rank("–", None, "too few") for run in "abc"}
    assert board.verdict(rows, comparing.Family(("a", "b", "c"), none, {}, "too few persons"), of, "mae").endswith(
        "Nothing is ranked: too few persons."
    )
    assert board.verdict(rows, comparing.Family((), {}, {}), of, "mae") == ""


def test_the_figure_has_a_dot_a_row_and_writes_names_letter_by_letter():
    marked = study("a", 0.4, method="motion/<b>x", **{"test.sd/mae/all": 0.01})
    runs = protocol(marked, study("b", 0.3, method="motion/one"))
    rows = board.ranked(board.measured(runs, "mae", "all"), family(b="1", a="2"))
    fig = ranking.draw(rows, "mae", "all", "clip")
    dots = [trace for trace in fig.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in dots] == [[0.3], [0.4]]
    assert dots[0].y[0] > dots[1].y[0]  # the best on top
    assert fig.layout.yaxis.ticktext[1].startswith("2  <b>&lt;b&gt;x</b>")  # the outer pair is ours
    assert "lower is better" in fig.layout.xaxis.title.text


def test_where_no_figure_says_how_many_groups_the_studys_tag_does():
    said = study("a", 0.4, **{"test.groups/mae/all": 7, "test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    silent = study("b", 0.5, **{"test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    unknown = study("c", 0.6, groups=None, **{"test.low/mae/all": 0.3, "test.high/mae/all": 0.5})
    rows = board.measured(protocol(said, silent, unknown), "mae", "all")
    assert rows["groups"].iloc[:2].tolist() == [7, 8]
    assert math.isnan(rows["groups"].iloc[2])
    hovers = [text for trace in ranking.draw(rows, "mae", "all", "clip").data for text in trace.text or ()]
    assert [("over" in text) for text in hovers] == [True, True, False]


def test_columns_without_a_word_are_left_out_counts_are_whole_and_times_are_utc():
    more = {"test.groups/mae/all": 8.0, "settings": "{}"}
    of = protocol(study("a", 0.4, **more), study("b", 0.3, **more))
    found = board.readable(board.measured(of, "mae"), "mae", "clip")
    assert list(found.columns[:3]) == ["rank", "method", "test MAE"]
    assert not {"tags", "note", "source", "settings", "p (Holm)", "not ranked because"} & set(found)
    assert tables.texts(found).iloc[0][["clips", "seeds", "ended (UTC)"]].tolist() == ["8", "0", "2026-01-01 00:10"]
    assert "NaT" not in tables.csv(found)
    assert "+00:00" not in tables.latex(found)


def test_one_metric_is_a_heading_and_several_are_a_column():
    now = pd.Timestamp.now("UTC")
    assert "test MAE" in board.newest(index(study("a", 0.4), study("b", 0.3)), now)
    other = study("c", objective="ccc", **{"test/ccc/all": 0.5})
    assert {"metric", "value"} <= set(board.newest(index(study("a", 0.4), other), now))


def test_an_empty_table_has_no_protocols_and_no_rows():
    assert board.board([], "mae").empty
    assert board.newest(index(study("x", state="running")), pd.Timestamp.now("UTC")).empty


def test_the_newest_results_come_first_and_running_studies_are_left_out():
    runs = index(study("old", 0.4), study("new", 0.3, hours=2), study("now", hours=3, state="running", end=pd.NaT))
    found = board.newest(runs, pd.Timestamp("2026-01-01 06:00", tz="UTC"))
    assert found["run_id"].tolist() == ["new", "old"]
    assert found["ended"].tolist() == ["3 hours ago", "5 hours ago"]
    assert math.isnan(found["baseline"].iloc[0])


def test_a_score_better_than_all_published_on_the_data_is_an_alarm():
    runs = protocol(study("a", 0.001, dataset="lma"), study("b", 0.4, dataset="lma"))
    rows = board.measured(runs, "mae")
    paper = board.published(runs, "mae", "all", of="data", paper=PUBLISHED)
    assert len(paper)
    said = board.alarm(rows, paper, "mae")
    assert said.startswith("Better than published: ")
    assert "look for leaks" in said
    assert not board.alarm(rows[rows["run_id"] == "b"].assign(value=9.0), paper, "mae")
    assert not board.alarm(rows, paper.head(0), "mae")
