"""A store that may only be read is read, and one whose database was lost is not begun anew without a word."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import NoReturn

import pytest

from affect.record import Kind
from tests import store_template
from training.contract import UserError
from training.tracking import embedded
from training.tracking.store import Store


def add_run(store: Store) -> str:
    run = store.start(store.experiment("lma"), "final", {"kind": Kind.FINAL, "study": "s"})
    run.text("log.txt", "a log\n")
    run.close("complete")
    return run.id


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of the last write of every file in a folder."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_store_that_cannot_be_written_is_read_from_a_copy(store: Store, monkeypatch: pytest.MonkeyPatch):
    written = add_run(store)  # still in the write-ahead log, since a connection is open
    before = state(store.folder)
    monkeypatch.setattr(embedded, "may_be_written", lambda _folder: False)
    read = Store.open(to_read=True)
    assert [run.id for run in read.find({"study": "s"})] == [written]
    assert (read.artifacts(written) / "log.txt").read_text() == "a log\n"
    assert read.tracking_uri == store.tracking_uri
    read.close()
    assert state(store.folder) == before


def test_a_store_that_is_opened_to_be_written_is_no_copy(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "may_be_written", lambda _folder: False)
    add_run(Store.open())
    assert len(store.find({"study": "s"})) == 1


def test_what_may_be_written_follows_from_the_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = store_template.copy(tmp_path / "store")
    assert embedded.may_be_written(folder)
    assert embedded.may_be_written(tmp_path / "none")
    for locked in (folder, folder / "mlflow.db", folder / "artifacts"):
        monkeypatch.setattr(os, "access", lambda path, _mode, locked=locked: Path(path) != locked)
        assert not embedded.may_be_written(folder)


@pytest.mark.parametrize("lost", ["missing", "empty"])
@pytest.mark.parametrize("to_read", [False, True])
def test_a_lost_database_is_said_and_not_made_anew(store: Store, lost: str, to_read: bool):
    add_run(store)
    store.close()
    file = store.folder / "mlflow.db"
    for path in store.folder.glob("mlflow.db*"):
        path.unlink()
    if lost == "empty":
        file.touch()
    with pytest.raises(UserError, match=rf"mlflow\.db is {lost}, but optuna\.db and artifacts/ of its runs are there"):
        Store.open(to_read=to_read)
    assert not file.exists() or file.stat().st_size == 0


def test_a_file_of_no_bytes_alone_is_a_new_store(tmp_path: Path):
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "artifacts" / "1").mkdir(parents=True)
    Store.open(tmp_path).close()
    assert (tmp_path / "mlflow.db").stat().st_size


def test_a_user_without_a_name_has_a_number(store: Store, monkeypatch: pytest.MonkeyPatch):
    def nameless() -> NoReturn:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert store.get(add_run(store)).user == f"user {os.getuid()}"
