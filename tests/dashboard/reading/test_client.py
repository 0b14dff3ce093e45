"""Through MLflow's client the store says the same: on PostgreSQL, behind a server, and where neither answers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from affect.record import Artifact, Kind, State
from dashboard.reading import client
from dashboard.reading.background import Background
from dashboard.store import Damaged, Store, locate
from tests import postgres
from training.tracking import store as tracking


def write(store: tracking.Store) -> str:
    """Write a study with one final run by the bench's own writer; return the final's id."""
    experiment = store.experiment("written · by clip · P A D")
    study = store.start(experiment, "study", {"kind": Kind.STUDY, "study": "s", "method": "motion/lma_to_pad"})
    run = store.start(experiment, "final", {"kind": Kind.FINAL, "seed": "1"}, {"depth": 3, "scaling": "none"}, study.id)
    for step in range(4):
        run.epoch_scores(step, {"val/mae": 1.0 / (step + 1)})
    run.table(Artifact.SPLIT, pd.DataFrame({"sample": ["a"], "group": ["b"], "part": ["test"]}))
    run.text("model/about.txt", "text")
    run.close(State.COMPLETE, metrics={"test/mae/all": 0.25})
    study.close(State.FAILED, "stopped")
    return run.id


def check(store: Store, run: str) -> None:
    runs = store.runs().wide()
    assert set(runs["kind"]) == {Kind.STUDY, Kind.FINAL}
    row = runs.loc[run]
    assert (row["test/mae/all"], row["param.depth"], row["param.scaling"], row["seed"]) == (0.25, 3, "none", 1)
    assert runs.at[row["parent"], "reason"] == "stopped"
    assert row["experiment"] == "written · by clip · P A D"
    curve = store.curves([run])
    assert curve["value"].tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert store.files(run) == ["model/about.txt", "split.parquet"]
    assert store.table(run, Artifact.SPLIT)["group"].tolist() == ["b"]
    for name in ("../split.parquet", "nothing.txt"):
        with pytest.raises(Damaged, match=run):
            store.text(run, name)


def test_what_the_bench_writes_is_read_the_same_by_both_ways(monkeypatch):
    writer = tracking.Store.open()
    run = write(writer)
    store = Store(locate())
    check(store, run)
    by_client = Store(locate())
    by_client._reader = Background(client.ClientReader(locate().uri))
    check(by_client, run)
    pd.testing.assert_frame_equal(by_client.runs().wide(), store.runs().wide())
    writer.close()


@pytest.mark.postgres
def test_a_store_on_postgresql(postgres_programs, monkeypatch):
    with postgres.serve(postgres_programs) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.create(server, "mlflow"))
        store = Store(locate())
        assert len(store.runs().wide()) == 0
        assert not tables(server), "reading an empty database must not make MLflow's tables in it"
        writer = tracking.Store.open()
        run = write(writer)
        writer.close()
        monkeypatch.setattr(client, "FRESH_S", 0.0)
        store._reader.client.took = 0.0
        store.probe()
        store.close()  # what is read in the background has come
        check(store, run)


def tables(server: str) -> list[str]:
    import psycopg

    with psycopg.connect(f"{server}/mlflow") as connection:
        return [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


@contextlib.contextmanager
def mlflow_server(folder: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination",
        str(folder / "a"),
    ]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(240):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.mark.slow
def test_a_store_behind_a_server(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    with mlflow_server(tmp_path) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        writer = tracking.Store.open()
        run = write(writer)
        store = Store(locate())
        check(store, run)
        # what was downloaded of a run that has ended is not asked for again
        store._artifacts.client.download = None
        assert store.table(run, Artifact.SPLIT)["group"].tolist() == ["b"]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://someone:secret@127.0.0.1:9/none"])
def test_a_server_that_does_not_answer_is_said_soon_and_without_its_password(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    started = time.monotonic()
    with pytest.raises(Damaged, match=r"127\.0\.0\.1:9") as caught:
        Store(locate()).runs().wide()
    assert time.monotonic() - started < 30  # MLflow itself tries for minutes
    assert "secret" not in str(caught.value)


def test_a_server_is_asked_again_after_a_while_and_not_all_the_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(client.time, "monotonic", lambda: now[0])
    reader = client.ClientReader("http://somewhere")
    first = reader.probe()
    now[0] += client.FRESH_S - 1
    assert reader.probe() == first
    now[0] += 2
    assert reader.probe() != first
    second, reader.took = reader.probe(), 30.0
    now[0] += 100
    assert reader.probe() == second, "a store that takes 30 s to read is not read every 10 s"
