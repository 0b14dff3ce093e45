"""A store that cannot be used is waited for, in every call of both halves; what is no fault of it is raised at once."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy.exc
from mlflow.exceptions import MlflowException

from training.tracking import patience
from training.tracking.patience import Patience, StoreAway
from training.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def database(text: str) -> Exception:
    return sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception(text))


def wrapped(text: str) -> Exception:
    """Return what MLflow makes of the error of a database."""
    try:
        try:
            raise database(text)
        except Exception as error:
            raise MlflowException(str(error)) from error
    except MlflowException as error:
        return error


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    return clock


def failing(times: int, error: Exception) -> Callable[[], int]:
    def call() -> int:
        call.calls += 1  # type: ignore[attr-defined]
        if call.calls <= times:  # type: ignore[attr-defined]
            raise error
        return call.calls  # type: ignore[attr-defined,no-any-return]

    call.calls = 0  # type: ignore[attr-defined]
    return call


@pytest.mark.parametrize(
    "error",
    [
        *(database("database is locked"), database("server closed the connection unexpectedly")),
        *(wrapped("the database system is starting up"), wrapped("database or disk is full")),
        *(OSError(errno.ENOSPC, "No space left on device"), ConnectionRefusedError("refused")),
    ],
    ids=str,
)
def test_call_is_made_again_until_the_store_is_back(clock: Clock, error: Exception) -> None:
    said: list[str] = []
    assert Patience(600, said.append).call(failing(7, error)) == 8
    assert clock.pauses == [0.5, 1, 2, 4, 8, 15, 15]
    assert [text.partition(" (")[0] for text in said] == ["the store cannot be used", "the store is back after 46 s"]
    assert "waiting for it, 10 min at most" in said[0]


@pytest.mark.parametrize(
    "error",
    [
        *(database("attempt to write a readonly database"), database("no such table: runs"), ValueError("locked")),
        *(wrapped('password authentication failed for user "a"'), FileNotFoundError(errno.ENOENT, "none")),
        MlflowException("Run 'x' not found"),
    ],
    ids=str,
)
def test_what_waiting_does_not_mend_is_raised_at_once(clock: Clock, error: Exception) -> None:
    with pytest.raises(type(error)):
        Patience(600).call(failing(1, error))
    assert not clock.pauses


def test_patience_has_an_end_and_no_second_one(clock: Clock) -> None:
    patient = Patience(60)
    with pytest.raises(StoreAway, match=r"for 60 s \(database is locked\).*the same command goes on"):
        patient.call(failing(100, database("database is locked")))
    assert clock.now == 60
    with pytest.raises(StoreAway):
        patient.call(failing(100, database("database is locked")))
    assert clock.now == 60, "what is written on the way out does not wait once more"


def test_without_patience_the_first_failure_is_the_last(clock: Clock) -> None:
    with pytest.raises(StoreAway, match=r"could not be used \(database is locked\)"):
        Patience().call(failing(1, database("database is locked")))
    assert not clock.pauses


def test_curves_do_not_wait_and_are_written_later(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.start(store.experiment("curves"), "run", {"kind": "final"})
    store.patience.seconds = 600
    whole, down = Store.write, [True]

    def write(self: Store, *args: Any, **kwargs: Any) -> None:
        def attempt() -> None:
            if down[0]:
                raise database("server closed the connection")
            whole(self, *args, **kwargs)

        self.patience.call(attempt)

    monkeypatch.setattr(Store, "write", write)
    run._wait = 0.0
    run.epoch_scores(1, {"val/mae": 0.5})
    assert not clock.pauses
    down[0] = False
    run.epoch_scores(2, {"val/mae": 0.4})
    run.flush()
    history = store.client.get_metric_history(run.id, "curve/val/mae")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.4)]


def test_table_is_written_when_the_disk_has_room_again(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pandas as pd

    store.patience.seconds = 600
    run = store.start(store.experiment("disk"), "run", {"kind": "final"})
    frame = pd.DataFrame({"a": [1, 2]})
    whole, left = pd.DataFrame.to_parquet, [2]

    def full(self: pd.DataFrame, *args: Any, **kwargs: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    run.table("own.parquet", frame)
    assert clock.pauses == [0.5, 1]
    assert pd.read_parquet(store.artifacts(run.id) / "own.parquet").equals(frame)


def test_a_damaged_database_is_said_at_once() -> None:
    from sqlalchemy.exc import DatabaseError

    def damaged() -> None:
        raise DatabaseError("SELECT 1", {}, Exception("database disk image is malformed"))

    with pytest.raises(StoreAway, match=r"the store's database is damaged \(database disk image is malformed\)"):
        Patience(60).call(damaged)
