"""The same store on PostgreSQL and behind an MLflow server, and many writers at once on SQLite."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pandas as pd
import pytest

from affect import record
from training.contract import UserError
from training.tracking import backends, locks, transport
from training.tracking.store import Store

ROOT = Path(__file__).resolve().parents[3]


def write_a_run(store: Store) -> str:
    """Write a run with everything that a run can have; return its id."""
    run = store.start(store.experiment("a · protocol"), "a run", {"kind": "final", "study": "s"}, {"lr": 0.1})
    for step in range(3):
        run.epoch_scores(step, {"val/mae": 1.0 / (step + 1)})
    run.table("more.parquet", pd.DataFrame({"x": [1, 2]}))
    with run.folder("model") as folder:
        (folder / "model.json").write_text("{}")
    run.close("complete", metrics={"test/mae/all": 0.25})
    return run.id


def assert_the_run_is_whole(store: Store, run_id: str) -> None:
    info = store.get(run_id[:8])
    assert (info.status, info.tags["state"], info.params) == ("FINISHED", "complete", {"lr": "0.1"})
    assert info.metrics["test/mae/all"] == 0.25
    points = store.client.get_metric_history(run_id, record.curve("val/mae"))
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    folder = store.artifacts(run_id)
    assert pd.read_parquet(folder / "more.parquet")["x"].tolist() == [1, 2]
    assert (folder / "model" / "model.json").read_text() == "{}"
    assert [run.id for run in store.find({"study": "s", "kind": "final"})] == [run_id]


# ------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.mark.postgres
def test_both_halves_work_on_postgresql(postgres_store: Store):
    assert not postgres_store.embedded
    assert_the_run_is_whole(postgres_store, write_a_run(postgres_store))
    assert sorted(path.name for path in postgres_store.folder.iterdir()) == ["artifacts"]  # no SQLite file

    study = optuna.create_study(storage=postgres_store.optuna_storage(), study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    again = optuna.load_study(storage=postgres_store.optuna_storage(), study_name="s")
    assert [trial.value for trial in again.trials] == [trial.value for trial in study.trials]


@pytest.mark.postgres
def test_runs_travel_from_sqlite_to_postgresql(postgres_store: Store, tmp_path: Path):
    from tests import store_template

    local = Store.open(store_template.copy(tmp_path / "local"))
    run_id = write_a_run(local)
    transport.export(local, [run_id], tmp_path / "runs.zip")
    assert transport.import_(postgres_store, tmp_path / "runs.zip") == "1 runs imported"
    assert_the_run_is_whole(postgres_store, run_id)
    assert transport.import_(postgres_store, tmp_path / "runs.zip") == "0 runs imported; 1 were there already"


@pytest.mark.postgres
def test_a_lock_on_postgresql_excludes_workers_with_folders_of_their_own(postgres_store: Store, tmp_path: Path):
    code = (
        "import time; from training.tracking.store import Store\n"
        "with Store.open().lock('study s') as free:\n    print(free, flush=True); time.sleep(60)"
    )
    elsewhere = os.environ | {"AFFECTORY_STORE": str(tmp_path / "another machine")}
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=elsewhere)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "True\n"
    with postgres_store.lock("study s") as free, postgres_store.lock("study t") as other:
        assert (free, other) == (False, True)
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 10
    taken = False
    while not taken and time.monotonic() < deadline:  # the server hears of a dead client within moments
        with postgres_store.lock("study s") as taken:
            pass
    assert taken


def lock_connections(url: str) -> int:
    import psycopg

    with psycopg.connect(url) as connection:
        query = "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        return int(connection.execute(query).fetchone()[0])  # type: ignore[index]


@pytest.mark.postgres
def test_all_locks_of_a_worker_are_on_one_connection(postgres_store: Store):
    url = postgres_store.optuna_url
    with contextlib.ExitStack() as held:
        for k in range(20):
            assert held.enter_context(postgres_store.lock(f"final-{k}"))
        held.enter_context(postgres_store.holding("study"))
        assert lock_connections(url) == 1
        with postgres_store.lock("final-3") as again:
            assert not again, "the database would give a connection the same lock twice"
    with postgres_store.lock("final-3") as free:
        assert free


@pytest.mark.postgres
def test_waiting_for_a_lock_on_postgresql_ends_when_it_is_given_back(postgres_store: Store):
    code = (
        "import time; from training.tracking.store import Store\n"
        "with Store.open().lock('study s') as free:\n    print(free, flush=True); time.sleep(1.5)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "True\n"
    with postgres_store.holding("study s"), postgres_store.lock("study s") as again:
        assert not again
    assert worker.wait(60) == 0


@pytest.mark.postgres
def test_locks_are_taken_again_when_the_connection_was_lost(postgres_store: Store):
    import psycopg

    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
    )
    with postgres_store.lock("worker-a") as free:
        assert free
        with psycopg.connect(postgres_store.optuna_url, autocommit=True) as connection:
            connection.execute(end)
        with postgres_store.lock("study s") as other:
            assert other
        with locks.Advisory(backends.plain_postgres(postgres_store.optuna_url)).trying("worker-a") as theirs:
            assert not theirs, "the first worker has it again"


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_said_without_its_password(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPTUNA_STORAGE", postgres_server.replace("@", ":secret@") + "/nowhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres_server.replace("@", ":secret@") + "/nowhere")
    with pytest.raises(UserError, match='database "nowhere" does not exist') as caught:
        Store.open()
    assert "secret" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------- MLflow server


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """Start an MLflow server of its own, which keeps artifacts itself; return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", "sqlite:///server.db", "--artifacts-destination", str(tmp_path / "kept")]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *places], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True, env=os.environ
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)


@pytest.mark.slow
def test_runs_and_artifacts_go_to_an_mlflow_server(mlflow_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    store = Store.open()
    run_id = write_a_run(store)
    assert_the_run_is_whole(store, run_id)
    assert list((tmp_path / "kept").rglob("more.parquet"))
    assert store.get(run_id).tags["artifacts"] == '["model","more.parquet"]'

    # its runs can be taken to an embedded store, but not the other way: a server gives ids itself
    transport.export(store, [run_id], tmp_path / "runs.zip")
    with pytest.raises(UserError, match="an MLflow server gives runs new ids"):
        transport.import_(store, tmp_path / "runs.zip")
    local = Store.open(tmp_path / "local")
    transport.import_(local, tmp_path / "runs.zip")
    assert_the_run_is_whole(local, run_id)


# --------------------------------------------------------------------------------------------- many writers, SQLite

WRITERS = """
import os, sys
import mlflow.store.tracking.sqlalchemy_store, mlflow.tracking  # once for all, before anything is opened
from training.tracking.store import Store

def write(name, runs):
    store = Store.open()
    experiment = store.experiment("a protocol")
    for i in range(runs):
        run = store.start(experiment, f"run {i}", {"kind": "trial", "study": name}, {"lr": 0.1})
        for step in range(20):
            run.epoch_scores(step, {"train/loss": 1.0 / (step + 1)})
            run.flush()
        run.close("complete", metrics={"test/mae/all": float(i)})

writers, runs = int(sys.argv[1]), int(sys.argv[2])
children = []
for i in range(writers):
    child = os.fork()
    if child == 0:
        write(f"worker {i}", runs)
        os._exit(0)
    children.append(child)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children))
"""


def write_at_once(store: Store, writers: int, runs: int) -> None:
    """Write from several processes while a reader polls; assert that nobody saw a lock and nothing is missing."""
    command = [sys.executable, "-c", WRITERS, str(writers), str(runs)]
    parent = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    reader = sqlite3.connect(f"file:{store.folder / 'mlflow.db'}?mode=ro", uri=True, timeout=0)
    seen = 0
    while parent.poll() is None:
        count = reader.execute("SELECT count(*) FROM metrics").fetchone()[0]  # a lock would raise here, at once
        assert count >= seen
        seen = count
        time.sleep(0.02)
    reader.close()
    assert parent.communicate()[1] == b""
    assert parent.returncode == 0
    assert seen > 0  # the reader read while they wrote
    for i in range(writers):
        found = store.find({"study": f"worker {i}", "state": "complete"})
        assert sorted(info.metrics["test/mae/all"] for info in found) == [float(n) for n in range(runs)]
    reader = sqlite3.connect(store.folder / "mlflow.db")
    points = dict(reader.execute("SELECT key, count(*) FROM metrics GROUP BY key"))
    reader.close()
    assert points == {"curve/train/loss": writers * runs * 20, "test/mae/all": writers * runs}


def test_eight_writers_and_a_reader_see_no_lock(store: Store):
    write_at_once(store, writers=8, runs=2)


@pytest.mark.slow
def test_eight_writers_and_a_reader_see_no_lock_for_long(store: Store):
    write_at_once(store, writers=8, runs=20)
