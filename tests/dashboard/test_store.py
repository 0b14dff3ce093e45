"""The run table says what the store says: by SQL, by the client, after any change, and where something is broken."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect import record
from affect.record import Artifact, Kind, State
from dashboard.reading import local, schema, snapshot, sqlite
from dashboard.reading.background import Background
from dashboard.reading.client import ClientReader
from dashboard.reading.table import read
from dashboard.results.index import Index
from dashboard.store import Damaged, Source, Store, locate
from tests import fake_results as made
from tests.fake_store import START, Writer, build, bulk, ids

ROOT = Path(__file__).resolve().parents[2]
SPECS = (made.STUDIES[0], made.STUDIES[8], made.STUDIES[-1])


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("built") / "store", SPECS, trials=5, finals=2)


@pytest.fixture
def folder(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "store"))


def open_store(folder: Path) -> Store:
    return Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))


@pytest.fixture
def store(folder) -> Store:
    return open_store(folder)


def by_client(folder: Path) -> pd.DataFrame:
    return read(ClientReader(f"sqlite:///{folder / 'mlflow.db'}").long()).wide()


def execute(folder: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "mlflow.db")
    with connection:
        connection.execute(sql, values)
    connection.close()


def final(store: Store, method: str = "motion/lma_to_pad") -> str:
    runs = store.runs().wide()
    return str(runs.index[(runs["kind"] == Kind.FINAL) & (runs["method"] == method)][0])


# ------------------------------------------------------------------------------------------------- the run table


def test_sql_and_the_client_give_the_same_table(folder, store):
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))


def test_the_table_holds_the_record(store):
    runs = store.runs().wide()
    assert runs.index.is_unique
    assert set(record.TAGS) <= set(runs.columns)
    assert (runs["kind"] == Kind.STUDY).sum() == len(SPECS)
    assert (runs["kind"] == Kind.FINAL).sum() == 2 * 2
    assert "not of the bench" not in set(runs["name"])
    study = runs[(runs["method"] == "motion/lma_to_pad") & (runs["kind"] == Kind.STUDY)].iloc[0]
    finals = runs[(runs["parent"] == study.name) & (runs["kind"] == Kind.FINAL)]
    assert study["test/mae/all"] == pytest.approx(finals["test/mae/all"].mean())
    assert study["trials_total"] == 5
    assert study["frozen"]
    assert study["best_value"] == pytest.approx(runs.loc[runs["parent"] == study.name, "val/mae/all"].iloc[:5].min())


def test_columns_have_types_that_pages_can_rely_on(store):
    runs = store.runs().wide()
    assert isinstance(runs["method"].dtype, pd.CategoricalDtype)
    assert runs["trial"].dtype == "Int64"
    assert runs["synthetic"].dtype == bool
    assert runs["synthetic"].all()
    assert str(runs["start"].dtype.tz) == "UTC"
    assert runs.loc[runs["state"] == State.RUNNING, "end"].isna().all()
    assert runs["param.trees"].dtype == "Int64"
    assert runs["param.learning_rate"].dtype == float
    assert set(runs["param.scaling"].dropna()) <= {"none", "standard", "robust"}
    assert runs.filter(regex="/").dtypes.eq(float).all()
    assert not any(name.startswith(record.CURVE) for name in runs.columns)


def test_a_store_that_is_not_there_yet_is_empty_and_is_seen_when_it_comes(built, tmp_path):
    store = open_store(tmp_path / "later")
    before, runs = store.probe(), store.runs().wide()
    assert len(runs) == 0
    assert {"kind", "start", "experiment"} <= set(runs.columns)
    assert len(store.curves(["nothing"])) == 0
    shutil.copytree(built, tmp_path / "later")
    assert store.probe() != before
    assert len(store.runs().wide()) > 0


def test_nan_and_infinity_come_back(folder, store):
    run = final(store)
    with Writer(folder) as writer:
        writer.metrics(run, {"test/mae/x": np.nan, "test/mae/y": np.inf, "test/mae/z": -np.inf}, START)
    row = store.runs().wide().loc[run]
    assert "test/mae/x" not in row
    assert row["test/mae/y"] == np.inf
    assert row["test/mae/z"] == -np.inf
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [(("1", "2"), "Int64"), (("1", "2.5"), "float64"), (("1e-3", "inf"), "float64"), (("1", "None"), "category")],
)
def test_a_parameter_is_a_number_where_every_value_is_one(folder, store, texts, dtype):
    runs = store.runs().wide().index[:2]
    for run, text in zip(runs, texts, strict=True):
        execute(folder, "INSERT INTO params (run_uuid, key, value) VALUES (?, 'p', ?)", run, text)
    column = store.runs().wide()["param.p"]
    assert str(column.dtype) == dtype
    assert list(column.dropna()) == (list(texts) if dtype == "category" else [float(t) for t in texts])


def test_an_integer_that_no_float_can_hold_stays_exact(folder, store):
    run = store.runs().wide().index[0]
    execute(folder, "INSERT INTO params (run_uuid, key, value) VALUES (?, 'big', ?)", run, str(2**60 + 1))
    assert store.runs().wide().at[run, "param.big"] == str(2**60 + 1)


def test_names_are_text_whatever_they_look_like(folder, store):
    run = store.runs().wide().index[0]
    hostile = ["<script>alert(1)</script>", "../../etc/passwd", "a\x1fb", "'; DROP TABLE runs; --", "ünï\n|cödé|"]
    for i, text in enumerate(hostile):
        execute(folder, "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)", run, f"p{i}{text}", text)
    with Writer(folder) as writer:
        writer.tags(run, {record.tag("note"): hostile[0] + "\x1f" + hostile[4]})
    row = store.runs().wide().loc[run]
    assert row["note"] == hostile[0] + "\x1f" + hostile[4]
    assert [row[f"param.p{i}{text}"] for i, text in enumerate(hostile)] == hostile
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))


@pytest.mark.parametrize("odd", [10**18, -(10**18), 9_223_372_036_855])
def test_a_time_beyond_every_calendar_is_missing_and_takes_no_run_away(folder, store, odd):
    run, before = final(store), len(store.runs().wide())
    with Writer(folder) as writer:
        writer.connection.execute("UPDATE runs SET start_time = ?, end_time = ? WHERE run_uuid = ?", [odd, odd, run])
        writer.connection.execute("UPDATE metrics SET timestamp = ? WHERE run_uuid = ?", [odd, run])
        writer.tags(run, {record.tag("trial"): "9" * 400, record.tag("deadline"): "1e300"})
    runs = store.runs().wide()
    assert len(runs) == before
    assert pd.isna(runs.at[run, "start"])
    assert pd.isna(runs.at[run, "trial"])
    assert len(store.curves([run]))
    [problem] = Index(store.runs()).problems
    assert problem.startswith(f"run {run[:8]}: trial: expected a whole number, found 9999")
    assert "deadline: expected" in problem
    assert "start: expected a time" in problem


def test_bytes_that_are_no_text_do_not_hide_the_other_runs(folder, store):
    before = len(store.runs().wide())
    execute(folder, "UPDATE tags SET value = CAST(x'ff41' AS TEXT) WHERE key = ?", record.tag("code"))
    assert set(store.runs().wide()["code"]) == {"\ufffdA"}
    assert len(store.runs().wide()) == before


def test_what_is_returned_is_the_callers_own(store):
    runs = store.runs().wide()
    runs["note"] = "mine"
    runs.loc[runs.index[0], "name"] = "mine"
    assert not (store.runs().wide()["name"] == "mine").any()
    assert not (store.runs().wide()["note"] == "mine").any()


# ---------------------------------------------------------------------------------------------------- what changes


def change_tag(folder, run):
    execute(folder, "UPDATE tags SET value = 'other' WHERE run_uuid = ? AND key = ?", run, record.tag("study"))


def add_note(folder, run):
    with Writer(folder) as writer:
        writer.tags(run, {record.tag("note"): "worth a second look"})


def add_metric(folder, run):
    with Writer(folder) as writer:
        writer.metrics(run, {"test/mae/late": 0.25}, START)


def log_metric_again(folder, run):
    from mlflow.tracking import MlflowClient

    MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").log_metric(run, "test/mae/all", 0.125, step=1)


def add_param(folder, run):
    execute(folder, "INSERT INTO params (run_uuid, key, value) VALUES (?, 'late', '3')", run)


def rename(folder, run):
    execute(folder, "UPDATE runs SET name = 'renamed' WHERE run_uuid = ?", run)


def delete(folder, run):
    execute(folder, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", run)


def delete_experiment(folder, run):
    execute(folder, "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name LIKE '%P A D'")


def remove_for_good(folder, run):
    for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
        execute(folder, f"DELETE FROM {table} WHERE run_uuid = ?", run)


def remove_and_add(folder, run):
    """Remove the newest run, so that the next one gets its rows' numbers."""
    newest = store_rows(folder)[-1]
    remove_for_good(folder, newest)
    new_run(folder, run)


def new_run(folder, run):
    with Writer(folder) as writer:
        tags = {"kind": Kind.FINAL, "method": "motion/new", "state": State.COMPLETE}
        metrics = {"test/mae/all": 0.5, "test/mae/brand new": 0.1}
        writer.run(1, ids("new"), "new", tags, {"p": 1}, metrics, {"val/mae": [3.0, 2.0]})


def store_rows(folder) -> list[str]:
    connection = sqlite3.connect(folder / "mlflow.db")
    rows = [run for (run,) in connection.execute("SELECT run_uuid FROM runs ORDER BY rowid")]
    connection.close()
    return rows


def vacuum(folder, run):
    remove_for_good(folder, store_rows(folder)[0])
    connection = sqlite3.connect(folder / "mlflow.db", isolation_level=None)
    connection.execute("VACUUM")
    connection.close()
    new_run(folder, run)


def edit_by_hand(folder, run):
    """What MLflow never does: a parameter changed in place."""
    execute(folder, "UPDATE params SET value = '77' WHERE run_uuid = ? AND key = 'depth'", run)


BY_MLFLOW = (
    change_tag,
    add_note,
    add_metric,
    log_metric_again,
    add_param,
    rename,
    delete,
    delete_experiment,
    remove_for_good,
    remove_and_add,
    new_run,
    vacuum,
)


@pytest.mark.parametrize("change", BY_MLFLOW, ids=lambda change: change.__name__)
def test_a_change_is_seen_at_once(folder, store, change):
    before, probe = store.runs().wide(), store.probe()
    change(folder, final(store))
    assert store.probe() != probe
    after = store.runs().wide()
    with pytest.raises(AssertionError):
        pd.testing.assert_frame_equal(after, before)
    pd.testing.assert_frame_equal(after, open_store(folder).runs().wide())


def test_after_many_changes_sql_and_the_client_still_say_the_same(folder, store):
    runs = store.runs().wide()
    some = iter(runs.index[runs["kind"] == Kind.TRIAL])
    for change in (
        c for c in BY_MLFLOW if c not in (delete_experiment, remove_and_add, new_run)
    ):  # vacuum adds the run
        change(folder, next(some))
        store.runs().wide()
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))
    delete_experiment(folder, "")
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))


@pytest.mark.parametrize("change", [*BY_MLFLOW, edit_by_hand], ids=lambda change: change.__name__)
def test_a_snapshot_never_hides_a_change(folder, tmp_path, monkeypatch, change):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(local, "KEEP_ROWS", 0)
    first = open_store(folder)
    before = first.runs().wide()
    assert list(snapshot.folder().glob("*.arrow"))
    pd.testing.assert_frame_equal(open_store(folder).runs().wide(), before)
    change(folder, final(first))
    after = open_store(folder).runs().wide()
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "empty"))
    pd.testing.assert_frame_equal(after, open_store(folder).runs().wide())
    with pytest.raises(AssertionError):
        pd.testing.assert_frame_equal(after, before)


def test_what_mlflow_never_does_is_seen_by_the_next_full_reading(folder, store, monkeypatch):
    run = final(store)
    edit_by_hand(folder, run)
    monkeypatch.setattr(sqlite, "FULL_EVERY_S", 0.0)
    assert store.runs().wide().at[run, "param.depth"] == 77


def test_curves_alone_change_the_probe_but_not_the_table(folder, store):
    reader = store._reader
    store.runs().wide()
    runs, probe = reader._runs, store.probe()
    with Writer(folder) as writer:
        writer.points(final(store), [(record.curve("val/mae"), 0.5, START, 99)])
    assert store.probe() != probe
    store.runs().wide()
    assert reader._runs is runs


def test_only_the_chunks_that_changed_are_taken_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "CHUNK", 64)
    folder = bulk(tmp_path / "bulk", 200)
    store = open_store(folder)
    store.runs().wide()
    before = store._reader._content
    add_note(folder, store_rows(folder)[3])
    new_run(folder, "")
    assert store.runs().wide().loc[store_rows(folder)[3], "note"] == "worth a second look"
    after = store._reader._content
    for name in ("params", "metrics", "runs"):
        new = [n for n, chunk in after.chunks[name].items() if before.chunks[name].get(n) is not chunk]
        assert 1 <= len(new) <= 2
        assert len(after.chunks[name]) > 3
    pd.testing.assert_frame_equal(store.runs().wide(), by_client(folder))


def test_a_file_that_takes_the_stores_name_is_read(folder, store, tmp_path):
    store.runs().wide()
    other = build(tmp_path / "other", (made.STUDIES[6],), trials=4, finals=1)
    assert not list(other.glob("*-wal"))
    for log in folder.glob("mlflow.db-*"):
        log.unlink()
    os.replace(other / "mlflow.db", folder / "mlflow.db")
    assert set(store.runs().wide()["method"]) == {"motion/pad_to_lma"}


def test_a_file_overwritten_in_place_is_read(folder, store, tmp_path):
    store.runs().wide()
    other = build(tmp_path / "other", (made.STUDIES[6],), trials=4, finals=1)
    for log in folder.glob("mlflow.db-*"):
        log.unlink()
    shutil.copyfile(other / "mlflow.db", folder / "mlflow.db")
    assert set(store.runs().wide()["method"]) == {"motion/pad_to_lma"}


def test_a_store_at_rest_is_not_read_again_by_the_next_process(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(local, "KEEP_ROWS", 0)
    for log in folder.glob("mlflow.db-*"):
        log.unlink()
    first = open_store(folder)
    assert not first._reader._file.rest(), "a file written a moment ago may still change"
    monkeypatch.setattr("dashboard.reading.file.REST_S", -1.0)
    before = first.runs().wide()

    def never(*_):
        raise AssertionError("the store was read")

    monkeypatch.setattr(sqlite, "read", never)
    pd.testing.assert_frame_equal(open_store(folder).runs().wide(), before)
    os.utime(folder / "mlflow.db")
    with pytest.raises(AssertionError, match="was read"):
        open_store(folder).runs().wide()


def test_a_damaged_snapshot_is_made_anew(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(local, "KEEP_ROWS", 0)
    before = open_store(folder).runs().wide()
    kept = snapshot.place(folder / "mlflow.db")
    for content in (b"", b"nonsense", kept.read_bytes()[:-2000]):
        kept.write_bytes(content)
        pd.testing.assert_frame_equal(open_store(folder).runs().wide(), before)


def test_the_snapshot_is_not_in_the_store(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(local, "KEEP_ROWS", 0)
    before = {p for p in folder.rglob("*") if not p.name.startswith("mlflow.db-")}
    digest = (folder / "mlflow.db").read_bytes()
    store = open_store(folder)
    store.runs().wide()
    store.table(final(store), Artifact.PREDICTIONS)
    assert {p for p in folder.rglob("*") if not p.name.startswith("mlflow.db-")} == before
    assert (folder / "mlflow.db").read_bytes() == digest


# --------------------------------------------------------------------------------------------- schema and address


def test_the_installed_mlflows_schema_is_known(built):
    connection = sqlite3.connect(built / "mlflow.db")
    assert schema.version(connection, built) in schema.KNOWN
    connection.close()


def test_an_unknown_schema_is_read_through_the_client_and_says_so(folder, store, monkeypatch):
    expected = store.runs().wide()
    assert store.notice == ""
    monkeypatch.setattr(schema, "KNOWN", frozenset())
    unknown = open_store(folder)
    pd.testing.assert_frame_equal(unknown.runs().wide(), expected)
    assert "dc11669786a5" in unknown.notice
    run = final(unknown)
    pd.testing.assert_frame_equal(unknown.curves([run]), store.curves([run]))
    add_note(folder, run)
    assert unknown.runs().wide().at[run, "note"] == "worth a second look"


def test_the_environment_names_the_store(monkeypatch, tmp_path):
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "här"))
    assert locate() == Source(f"sqlite:///{tmp_path / 'här' / 'mlflow.db'}", tmp_path / "här", "AFFECTORY_STORE")
    assert locate().file == tmp_path / "här" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://host/db")
    assert locate() == Source("postgresql://host/db", tmp_path / "här", "MLFLOW_TRACKING_URI")
    assert locate().file is None


def test_a_folder_with_any_name_can_be_read(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "50%41 of #1? (ä)")
    assert len(open_store(Path(folder)).runs().wide()) == len(open_store(built).runs().wide())


# ---------------------------------------------------------------------------------------------------------- curves


def test_curves_are_those_of_the_runs_asked_for(folder, store):
    runs = store.runs().wide()
    trials = list(runs.index[(runs["kind"] == Kind.TRIAL) & (runs["state"] == State.PRUNED)][:2])
    curves = store.curves(reversed(trials))
    assert list(curves["run_id"].unique()) == trials[::-1]
    assert set(curves["metric"]) == {"val/mae", "train/mae"}
    one = curves[(curves["run_id"] == trials[0]) & (curves["metric"] == "val/mae")]
    assert list(one["step"]) == list(range(7))
    by_hand = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    by_hand._reader = Background(ClientReader(f"sqlite:///{folder / 'mlflow.db'}"))
    pd.testing.assert_frame_equal(by_hand.curves(reversed(trials)), curves)


def test_of_two_values_at_a_step_the_later_stands(folder, store):
    run = final(store)
    with Writer(folder) as writer:
        writer.points(
            run, [(record.curve("val/mae"), 77.0, START + 10**9, 3), (record.curve("val/mae"), np.nan, 1, 99)]
        )
    curve = store.curves([run])
    curve = curve[curve["metric"] == "val/mae"].set_index("step")["value"]
    assert curve.index.is_unique
    assert curve[3] == 77.0
    assert np.isnan(curve[99])


# ------------------------------------------------------------------------------------------------------- artifacts


def test_metrics_can_be_computed_again_from_the_predictions(store):
    run = final(store)
    frame = store.table(run, Artifact.PREDICTIONS)
    test = frame[frame["part"] == "test"]
    for target in made.PAD:
        error = (test[f"true_{target}"] - test[f"pred_{target}"]).abs().mean()
        assert error == pytest.approx(store.runs().wide().at[run, record.metric("test", "mae", target)])


def test_the_files_are_those_that_the_run_lists(store):
    import json

    runs = store.runs().wide()
    for run in runs.index[runs["kind"] == Kind.FINAL]:
        assert store.files(run) == json.loads(runs.at[run, "artifacts"])


def test_files_that_are_being_written_are_not_listed(folder, store):
    run = final(store)
    before = store.files(run)
    root = store.path(run, Artifact.SPLIT).parent
    (root / ".4711.samples.parquet").write_bytes(b"half")
    (root / "model").mkdir()
    (root / "model" / "config.json").write_text("{}")
    assert store.files(run) == sorted([*before, "model/config.json"])
    assert store.json(run, "model/config.json") == {}


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing else PAR1", b"\x00" * 5000, None])
def test_a_damaged_table_says_which_run_and_file(store, content):
    run = final(store)
    path = store.path(run, Artifact.PREDICTIONS)
    path.write_bytes(path.read_bytes()[:-300] if content is None else content)
    with pytest.raises(Damaged, match=f"{run}.*predictions.parquet"):
        store.table(run, Artifact.PREDICTIONS)
    assert len(store.table(run, Artifact.SPLIT)) > 0


def test_a_table_without_a_column_of_the_record_is_damaged(store):
    run = final(store)
    store.table(run, Artifact.SPLIT).drop(columns="group").to_parquet(store.path(run, Artifact.SPLIT))
    with pytest.raises(Damaged, match=r"split\.parquet has no column group"):
        store.table(run, Artifact.SPLIT)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_damaged_json_says_which_run_and_file(store, text):
    run = final(store)
    store.path(run, Artifact.DATA_SUMMARY).write_text(text)
    with pytest.raises(Damaged, match=f"{run}.*data_summary.json"):
        store.json(run, Artifact.DATA_SUMMARY)


@pytest.mark.parametrize(
    "name", ["../../../../mlflow.db", "..", ".", "", "/etc/passwd", "model/../../x", "a\0b", "x" * 5000, "nothing.txt"]
)
def test_names_lead_nowhere_but_into_the_runs_own_folder(store, name):
    run = final(store)
    with pytest.raises(Damaged, match=run):
        store.text(run, name)


def test_links_out_of_the_runs_folder_are_refused(folder, store, tmp_path):
    run = final(store)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    root = store.path(run, Artifact.SPLIT).parent
    (root / "link.txt").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    (root / "circle.txt").symlink_to(root / "circle.txt")
    for name in ("link.txt", "folder/secret.txt", "circle.txt"):
        with pytest.raises(Damaged):
            store.text(run, name)
        assert name not in store.files(run)
    other = store.path(run, Artifact.SPLIT).parents[1].with_name("0" * 32)
    shutil.move(root.parent, tmp_path / "moved")
    root.parent.symlink_to(tmp_path / "moved")
    with pytest.raises(Damaged, match="outside the store"):
        store.text(run, Artifact.SPLIT)
    assert not other.exists()


def test_a_run_that_is_not_in_the_store_has_no_files(store):
    with pytest.raises(KeyError, match="no run"):
        store.files("../../..")


def test_artifacts_are_found_after_the_store_was_moved(folder, store, tmp_path):
    run = final(store)
    expected = store.table(run, Artifact.PREDICTIONS)
    moved = folder.rename(tmp_path / "moved")
    pd.testing.assert_frame_equal(open_store(moved).table(run, Artifact.PREDICTIONS), expected)


# -------------------------------------------------------------------------------------------------- broken stores


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_store_names_its_file_and_is_read_again_when_mended(folder, store, content):
    good = (folder / "mlflow.db").read_bytes()
    (folder / "mlflow.db").write_bytes(content)
    with pytest.raises(Damaged, match=r"store/mlflow\.db"):
        store.runs().wide()
    (folder / "mlflow.db").write_bytes(good)
    assert len(store.runs().wide()) > 0


def test_a_page_of_the_file_that_is_damaged_names_the_file(folder):
    data = bytearray((folder / "mlflow.db").read_bytes())
    data[4096 * 20 :] = b"\xff" * (len(data) - 4096 * 20)
    (folder / "mlflow.db").write_bytes(data)
    with pytest.raises(Damaged, match=r"mlflow\.db"):
        open_store(folder).runs().wide()


def test_a_directory_or_another_programs_database_is_no_store(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(Damaged, match=r"mlflow\.db"):
        open_store(tmp_path).runs().wide()
    (tmp_path / "mlflow.db").rmdir()
    execute(tmp_path, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(Damaged, match="no table of runs"):
        open_store(tmp_path).runs().wide()


def test_an_empty_file_is_an_empty_store(tmp_path):
    (tmp_path / "mlflow.db").touch()
    assert len(open_store(tmp_path).runs().wide()) == 0


def test_a_folder_that_cannot_be_written_is_read_without_an_index(folder, monkeypatch):
    """As root every folder can be written: what SQLite and the system say there is put in their mouths."""
    writable = open_store(folder)
    expected = writable.runs().wide()
    writable.close()
    for log in folder.glob("mlflow.db-*"):
        log.unlink()
    real = sqlite3.connect

    def connect(address, **options):
        if "mode=ro" in str(address):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorname = "SQLITE_CANTOPEN"
            raise error
        return real(address, **options)

    monkeypatch.setattr("dashboard.reading.file.sqlite3.connect", connect)
    with pytest.raises(Damaged, match="unable to open"):
        open_store(folder).runs().wide()
    monkeypatch.setattr("dashboard.reading.file.os.access", lambda _, mode: mode != os.W_OK)
    store = open_store(folder)
    pd.testing.assert_frame_equal(store.runs().wide(), expected)
    assert store.notice == ""
    run = final(store)
    add_note(folder, run)
    assert store.runs().wide().at[run, "note"] == "worth a second look"
    (folder / "mlflow.db-wal").write_bytes(b"x" * 4152)
    unwatched = open_store(folder)
    unwatched.probe()
    assert "mlflow.db-wal" in unwatched.notice


# --------------------------------------------------------------------------------------------------- concurrency


def test_readers_block_no_writer_and_see_whole_transactions(folder):
    """Eight threads read while a writer commits runs of 30 metrics: none is locked out, none sees half a run."""
    stop, errors, seen = threading.Event(), [], []

    def read():
        try:
            store = open_store(folder)
            while not stop.is_set():
                runs = store.runs().wide()
                new = runs[runs["method"] == "motion/new"].filter(like="test/m")
                assert new.notna().sum(axis=1).isin([0, 30]).all() if len(new) else True
                seen.append(len(new))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    connection = sqlite3.connect(folder / "mlflow.db", timeout=0)  # fails at once where somebody holds a lock
    waited = []
    for i in range(15):
        started = time.perf_counter()
        with connection:
            writer = Writer(folder)
            writer.connection = connection
            tags = {"kind": Kind.FINAL, "method": "motion/new"}
            writer.run(1, ids("new", i), f"new {i}", tags, {}, {f"test/m{j}/all": 1.0 for j in range(30)})
        waited.append(time.perf_counter() - started)
        time.sleep(0.02)
    connection.close()
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    assert len(open_store(folder).runs().wide().query("method == 'motion/new'")) == 15
    assert len(set(seen)) > 1


def test_no_lock_is_held_between_two_calls(folder, store):
    """Also in MLflow's own rollback mode, where one open cursor would keep every writer out."""
    connection = sqlite3.connect(folder / "mlflow.db", timeout=0)
    assert connection.execute("PRAGMA journal_mode = delete").fetchone() == ("delete",)
    store.runs().wide()
    store.curves([final(store)])
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")
    connection.close()


def test_one_store_serves_many_threads(store):
    run, found, errors = final(store), [], []

    def read():
        try:
            found.append(
                (len(store.runs().table), len(store.curves([run])), len(store.table(run, Artifact.PREDICTIONS)))
            )
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set(found)) == 1


WRITE = """
import sys
from pathlib import Path
from training.tracking.store import Store
store = Store.open(Path(sys.argv[1]))
experiment = store.experiment("written by many")
for i in range(int(sys.argv[2])):
    run = store.start(experiment, f"run {i}", {"kind": "trial", "method": "motion/many"}, {"p": i})
    for step in range(5):
        run.epoch_scores(step, {"val/mae": 1.0 / (step + 1)})
        run.flush()
    run.close("complete", metrics={"val/mae/all": 0.5})
"""


@pytest.mark.slow
def test_eight_writers_see_no_lock_error_while_the_dashboard_refreshes(folder, store):
    command = [sys.executable, "-c", WRITE, str(folder), "12"]
    writers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        runs = store.runs().wide()
        store.curves(runs.index[-20:])
        reads += 1
        time.sleep(0.02)
    for writer in writers:
        assert writer.stderr is not None
        said = writer.stderr.read()
        assert writer.returncode == 0, said
        assert "locked" not in said
    runs = store.runs().wide()
    assert (runs["method"] == "motion/many").sum() == 8 * 12
    assert (runs.loc[runs["method"] == "motion/many", "val/mae/all"] == 0.5).all()
    assert reads > 20
    pd.testing.assert_frame_equal(runs, by_client(folder))


@pytest.mark.parametrize("lost", ["missing", "empty"])
def test_a_lost_database_is_no_empty_store(own: Path, lost: str):
    for file in own.glob("mlflow.db*"):
        file.unlink()
    if lost == "empty":
        (own / "mlflow.db").touch()
    said = Store(locate()).why_empty()
    assert f"mlflow.db is {lost}, but artifacts/ of its runs is there: the database was lost" in said
