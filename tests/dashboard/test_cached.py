"""Pages get what the store says now, read once, and cannot spoil it for each other."""

from __future__ import annotations

import pandas as pd
import pytest

from affect.record import Artifact, Kind, tag
from dashboard import cached
from dashboard.reading.local import LocalReader
from dashboard.store import Damaged, Store
from tests import fake_results as made
from tests.fake_store import Writer, build


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = build(tmp_path / "store", made.STUDIES[:1], trials=4, finals=1)
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    return folder


def final() -> str:
    runs = cached.index().runs
    return str(runs.index[runs["kind"] == Kind.FINAL][0])


def count(monkeypatch, name: str, of: type = Store) -> list[str]:
    """Count the calls of a method."""
    calls, real = [], getattr(of, name)
    monkeypatch.setattr(of, name, lambda *given: calls.append(name) or real(*given))
    return calls


def test_a_late_note_is_seen_without_waiting(folder):
    run = final()
    assert pd.isna(cached.index().runs.at[run, "note"])
    probe = cached.probe()
    with Writer(folder) as writer:
        writer.tags(run, {tag("note"): "seen"})
    assert cached.probe() != probe
    assert cached.index().runs.at[run, "note"] == "seen"


def test_artifacts_are_read_once_until_they_change(folder, monkeypatch):
    run, calls = final(), count(monkeypatch, "table")
    first = cached.table(run, Artifact.PREDICTIONS)
    pd.testing.assert_frame_equal(cached.table(run, Artifact.PREDICTIONS), first)
    assert len(calls) == 1
    first.head(3).to_parquet(cached.store().path(run, Artifact.PREDICTIONS))
    assert len(cached.table(run, Artifact.PREDICTIONS)) == 3


def test_curves_of_an_ended_run_are_read_once_whatever_else_is_written(folder, monkeypatch):
    run, calls = final(), count(monkeypatch, "curves", LocalReader)
    before = cached.curves([run])
    with Writer(folder) as writer:
        writer.tags(run, {tag("note"): "another probe"})
    pd.testing.assert_frame_equal(cached.curves([run]), before)
    assert len(calls) == 1


def test_curves_of_a_run_that_goes_on_are_always_the_latest(folder):
    run = final()
    with Writer(folder) as writer:
        writer.connection.execute("UPDATE runs SET end_time = NULL WHERE run_uuid = ?", [run])
    before = cached.curves([run])
    with Writer(folder) as writer:
        writer.points(run, [("curve/val/mae", 0.5, 1, 99)])
    assert len(cached.curves([run])) == len(before) + 1


def test_a_page_that_changes_a_table_changes_its_own(folder):
    run = final()
    for read in (lambda: cached.curves([run]), lambda: cached.table(run, Artifact.SPLIT)):
        before = read()
        mine = read()
        mine.iloc[:, 0] = mine.iloc[0, 0]
        mine["more"] = 1
        pd.testing.assert_frame_equal(read(), before)


def test_what_is_damaged_is_said_each_time_and_mended_when_it_is(folder):
    run = final()
    path = cached.store().path(run, Artifact.DATA_SUMMARY)
    good = path.read_text()
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(Damaged, match=r"data_summary\.json"):
            cached.json(run, Artifact.DATA_SUMMARY)
    path.write_text(good)
    assert cached.json(run, Artifact.DATA_SUMMARY)["persons"] == "unknown"


def test_another_store_is_another_cache(folder, tmp_path, monkeypatch):
    assert len(cached.index().runs) > 0
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "empty"))
    assert len(cached.index().runs) == 0
