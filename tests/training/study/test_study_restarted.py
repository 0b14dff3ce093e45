"""The database is stopped and started under two workers of a study: both wait, go on and end, and nothing is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import postgres
from tests.forked import Forge, Worker
from training.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIALS, REPEATS = 6, 2
STUDY = (
    "motion/lma_to_pad",
    "--dataset",
    "synthetic_motion",
    "--threads",
    "1",
    "--epochs",
    "25",
    "--name",
    "restarted",
)


@pytest.fixture
def server(postgres_programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[postgres.Server]:
    """Yield a server of the test's own; the environment names databases on it."""
    with postgres.serve(postgres_programs) as started:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.create(started, "runs"))
        monkeypatch.setenv("OPTUNA_STORAGE", postgres.create(started, "search"))
        monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
        yield started


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    with Forge() as started:
        yield started


def start(forge: Forge, log: Path, *options: str) -> Worker:
    names = ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", "AFFECTORY_STORE")
    args = ["study", *STUDY, "--trials", str(TRIALS), "--repeats", str(REPEATS), *options]
    return forge.start(args, {name: os.environ[name] for name in names}, log, slow=(0, 1))


def runs(kind: str, **tags: str) -> list[str]:
    """Return the seeds of the store's runs of a kind."""
    store = Store.open()
    try:
        return [info.tags["seed"] for info in store.find({"kind": kind, **tags})]
    finally:
        store.close()


def wait_for(kind: str, count: int) -> None:
    """Wait until so many runs of a kind have begun."""
    until = time.monotonic() + 120
    while len(runs(kind)) < count:
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "stops", [[("trial", 3)], pytest.param([("trial", 2), ("trial", 5), ("final", 1)], marks=pytest.mark.slow)]
)
def test_two_workers_go_on_when_the_database_is_back(
    forge: Forge, server: postgres.Server, tmp_path: Path, stops: list[tuple[str, int]]
) -> None:
    Store.open().close()
    logs = [tmp_path / name for name in ("first", "second")]
    workers = [start(forge, log) for log in logs]
    for kind, count in stops:
        wait_for(kind, count)
        server.stop("fast")
        time.sleep(5)  # longer than a fit: both workers meet the server that is away
        server.start()
    for worker, log in zip(workers, logs, strict=True):
        code, said = worker.wait(200), log.read_text(encoding="utf-8")
        assert code == 0, said
        assert "the store is back after" in said
        assert "Traceback" not in said
    assert len(runs("trial", state="complete") + runs("trial", state="pruned")) == TRIALS
    assert sorted(runs("final", state="complete")) == ["1", "2"]
    assert not [kind for kind in ("trial", "final", "study") if runs_running(kind)]


def runs_running(kind: str) -> list[str]:
    store = Store.open()
    try:
        return [info.id for info in store.find({"kind": kind}, status="RUNNING")]
    finally:
        store.close()


@pytest.mark.postgres
def test_worker_whose_patience_ends_says_so_in_a_sentence_and_goes_on_with_the_same_command(
    forge: Forge, server: postgres.Server, tmp_path: Path
) -> None:
    Store.open().close()
    worker = start(forge, tmp_path / "log", "--patience", "2")
    wait_for("trial", 2)
    server.stop()
    code, said = worker.wait(60), (tmp_path / "log").read_text(encoding="utf-8")
    server.start()
    assert code == 3, said
    errors = said[said.index("error: ") :]
    assert errors.startswith("error: the store could not be used for 2 s (")
    assert errors.endswith("the same command goes on\n")
    assert errors.count("\n") < 5, errors
    again = start(forge, tmp_path / "again")
    assert again.wait(200) == 0, (tmp_path / "again").read_text(encoding="utf-8")
    assert len(runs("trial", state="complete") + runs("trial", state="pruned")) == TRIALS
    assert sorted(runs("final", state="complete")) == ["1", "2"]
