"""Locks that die with their process: on files, or in PostgreSQL where several machines share a store.

A lock can also be lost while its process lives: the database restarts, or somebody removes the folder of the files. So
a process looks after its locks (`Locks.keep`) and takes the lost ones again before another process believes it dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from training.contract import UserError
from training.tracking.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import IO


TESTED_S = 2.0
"""A process that only looks whether a lock is free has it for less than this."""


class LockLost(UserError):
    """A lock was lost, and another process has it now.

    Parameters
    ----------
    name : the lock's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the lock {name} was lost, and another process has it now: this process stops, the other goes on"
        )


class Locks(Protocol):
    """The named locks of a store. A lock is held to the end of the block or of the process, whichever comes first."""

    def trying(self, name: str) -> contextlib.AbstractContextManager[bool]:
        """Try to take the lock `name` and yield whether it was free; one that this process holds is not free."""
        ...

    def waiting(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Wait until the lock `name` is free, and hold it."""
        ...

    def keep(self) -> None:
        """Take the locks again that this process lost; LockLost where another process has one of them now."""
        ...

    def sweep(self) -> None:
        """Remove what processes that were killed left of their locks."""
        ...

    def close(self) -> None:
        """Give up what the locks are held by."""
        ...


@contextlib.contextmanager
def wait(file: Path) -> Iterator[None]:
    """Hold the lock on `file`, waiting for whoever has it. The file stays: a removed one would be two locks."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Files:
    """Locks on files of a folder, for the processes of one machine.

    A lock's file is removed when the lock is given back, so that the folder does not grow by a file for each worker.
    Whoever waited for a file that was removed meanwhile takes the new one: see `_locked`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, IO[str]] = {}
        self._changing = threading.Lock()

    @contextlib.contextmanager
    def trying(self, name: str) -> Iterator[bool]:
        """Try to take the lock `name` and yield whether it was free."""
        handle = None if name in self._held else _locked(self._file(name), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if handle is None:
            yield False
            return
        with self._holding(name, handle):
            yield True

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Wait until the lock `name` is free, and hold it; RuntimeError where this process holds it already."""
        _refuse_own(name, self._held)
        handle = _locked(self._file(name), fcntl.LOCK_EX)
        assert handle is not None
        with self._holding(name, handle):
            yield

    def keep(self) -> None:
        """Take the locks again whose files were removed; LockLost where another process has one of them now."""
        with self._changing:
            for name, handle in self._held.items():
                file = self._file(name)
                if _is(handle, file):
                    continue
                again = _soon(partial(_locked, file, fcntl.LOCK_EX | fcntl.LOCK_NB))
                if again is None:
                    raise LockLost(name)
                self._held[name] = again
                handle.close()

    def sweep(self) -> None:
        """Remove the files that no process has locked."""
        for file in self._folder.glob("*.lock"):
            if handle := _locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                file.unlink(missing_ok=True)  # while it is still locked
                handle.close()

    def close(self) -> None:
        """Do nothing: each lock has its own file."""

    @contextlib.contextmanager
    def _holding(self, name: str, handle: IO[str]) -> Iterator[None]:
        with self._changing:
            self._held[name] = handle
        try:
            yield
        finally:
            with self._changing:
                last, file = self._held.pop(name), self._file(name)
                if _is(last, file):
                    file.unlink(missing_ok=True)  # while it is still locked
                last.close()

    def _file(self, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"


def _soon(take: Callable[[], Any]) -> Any:
    """Return what `take` gives, asked again for `TESTED_S` where it is nothing: another process may only be looking."""
    until = time.monotonic() + TESTED_S
    while not (taken := take()) and time.monotonic() < until:
        time.sleep(0.05)
    return taken


def _refuse_own(name: str, held: Iterable[str]) -> None:
    if name in held:
        raise RuntimeError(f"this process would wait for its own lock {name!r}")


def _is(handle: IO[str], file: Path) -> bool:
    """Return whether the name `file` stands for the opened file."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    except FileNotFoundError:
        return False


def _locked(file: Path, how: int) -> IO[str] | None:
    """Return the locked file, opened; None where it is another's and `how` does not wait."""
    while True:
        handle = file.open("a")
        try:
            fcntl.flock(handle, how)
            # its holder may have removed it while this process waited: then the lock is on a file that nobody sees
            if _is(handle, file):
                return handle
        except BlockingIOError:
            handle.close()
            return None
        except BaseException:
            handle.close()
            raise
        handle.close()


class Advisory:
    """Advisory locks of a PostgreSQL database, all held by one connection of this process.

    They end with the process, or with its machine's silence. Where the server restarted, the connection is made anew
    and the locks that were held are taken again; LockLost where another process has taken one meanwhile.

    Parameters
    ----------
    url : as PostgreSQL's own programs read it.
    patience : how long a database that is away is waited for.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()
        self._connection: Any = None
        self._held: list[str] = []
        self._connecting = threading.RLock()

    @contextlib.contextmanager
    def trying(self, name: str) -> Iterator[bool]:
        """Try to take the lock `name` and yield whether it was free."""
        # the database would give a connection the same lock twice
        free = name not in self._held and self._ask("SELECT pg_try_advisory_lock(%s)", name)
        if not free:
            yield False
            return
        with self._holding(name):
            yield True

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Wait until the lock `name` is free, and hold it; RuntimeError where this process holds it already."""
        _refuse_own(name, self._held)
        self._ask("SELECT true FROM pg_advisory_lock(%s)", name)
        with self._holding(name):
            yield

    def keep(self) -> None:
        """Take the locks again that went with a lost connection; LockLost where another process has one of them now."""
        if self._held:
            self._ask("SELECT %s IS NOT NULL", self._held[0])

    def sweep(self) -> None:
        """Do nothing: the server ends the locks of a lost connection."""

    def close(self) -> None:
        """Close the connection, which gives all locks back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _holding(self, name: str) -> Iterator[None]:
        import psycopg

        self._held.append(name)
        try:
            yield
        finally:
            self._held.remove(name)
            if self._connection is not None:
                with contextlib.suppress(psycopg.OperationalError):  # a lost connection holds nothing
                    self._connection.execute("SELECT pg_advisory_unlock(%s)", (_key(name),))

    def _ask(self, query: str, name: str) -> bool:
        answer: bool = self._patience.call(self._ask_once, query, name)
        return answer

    def _ask_once(self, query: str, name: str) -> bool:
        import psycopg

        for attempt in (1, 2):
            connection = self._connected()
            try:
                row = connection.execute(query, (_key(name),)).fetchone()
                return bool(row and row[0])
            except psycopg.OperationalError:
                if attempt == 2 or not (connection.closed or connection.broken):
                    raise
        raise AssertionError("the second attempt returns or raises")

    def _connected(self) -> Any:
        """Return the connection, made anew where it was lost, with the locks that this process holds."""
        import psycopg

        with self._connecting:
            lost = self._connection
            if lost is None or lost.closed or lost.broken:
                silence: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
                # for both ends: the server, too, is to notice a machine that went without a word
                options = " ".join(f"-c tcp_{name}={value}" for name, value in silence.items())
                self._connection = psycopg.connect(self._url, autocommit=True, options=options, **silence)
                for name in self._held:
                    if not _soon(partial(self._taken, name)):
                        self._connection.close()  # the next call tries again, and does not take it for held
                        raise LockLost(name)
            return self._connection

    def _taken(self, name: str) -> bool:
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_key(name),)).fetchone()
        return bool(row and row[0])


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"affectory {name}".encode()).digest()[:8], "big", signed=True)
