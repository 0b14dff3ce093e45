"""The page Data shows a protocol's parts, annotators and leaks."""

from __future__ import annotations

import sqlite3

import pandas as pd

from affect.record import Artifact, Kind
from dashboard import share
from dashboard.results import listing
from dashboard.views import view as views
from dashboard.views.items import Badges
from tests.dashboard.looking import index_of, look

MOTION = "synthetic_motion · by clip · P A D"


def test_parts_classes_and_targets_are_shown(filled):
    shown = look(filled, "data", data=MOTION)
    assert shown.headings == ["Samples by part", "Classes", "Pleasure and arousal", "Distribution by part"]
    assert shown.tables[0]["clips"].tolist() == [32, 8, 8]
    assert not shown.messages("error")


def test_each_annotator_has_a_trace_beside_the_label(filled):
    shown = look(filled, "data", view="Over time", data=MOTION)
    assert [trace["name"] for trace in shown.figures[0]["data"]] == ["first", "second", "third", "label"]
    assert "No sample is lost" in shown.said


def test_what_was_skipped_and_the_notes_are_shown(filled):
    shown = look(filled, "data", view="Skipped and notes", data=MOTION)
    assert shown.tables[0]["count"].tolist() == [2]
    assert "persons unknown" in shown.messages("warning")[0]


def test_a_split_without_a_leak_says_what_was_checked(filled):
    shown = look(filled, "data", view="Leaks", data=MOTION)
    assert "no clip and no recording is in two parts" in shown.said


def test_a_clip_in_two_parts_is_red(own):
    for file in own.rglob(Artifact.SPLIT):
        table = pd.read_parquet(file)
        table.loc[table.index[0], "part"] = "test"
        table.to_parquet(file, index=False)
    shown = look(own, "data", data=MOTION)
    assert any("LEAK: 1 clip is in two parts" in text for text in shown.messages("error"))
    assert any("LEAK: 1 recording is in two parts" in text for text in shown.messages("error"))


def test_a_leak_that_was_allowed_is_red_everywhere(own):
    with sqlite3.connect(own / "mlflow.db") as database:
        rows = database.execute("SELECT run_uuid FROM tags WHERE key = 'affectory.protocol' AND value = ?", (MOTION,))
        tags = [("affectory.leaks", '{"person": 3}', run) for (run,) in rows.fetchall()]
        database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", tags)
        study = database.execute(
            "SELECT run_uuid FROM tags WHERE key = 'affectory.kind' AND value = 'study' AND run_uuid IN "
            "(SELECT run_uuid FROM tags WHERE key = 'affectory.leaks')"
        ).fetchone()[0]
    red = ("LEAK: 3 persons in two parts", "red")
    index, store = index_of(own)
    for page in ("run", "study", "compare", "errors"):
        shown = share.views(views.load(page), index, store, [study])
        assert any(red in item.words for item in shown if isinstance(item, Badges)), page
    for page in ("data", "leaderboard"):
        asked = {"data": MOTION, "protocol": MOTION}
        assert any(red in item.words for item in look(own, page, **asked).items if isinstance(item, Badges)), page
    tables = [getattr(item, "frame", None) for item in share.views(views.load("overview"), index, store, [])]
    marked = [table["data"].tolist() for table in tables if table is not None and "data" in table]
    assert marked
    assert all("🔴 LEAK, SYNTHETIC" in of for of in marked)
    runs = listing.rows(index, [Kind.STUDY]).set_index("id")["data"]
    assert runs[study].startswith("🔴 LEAK, ")
