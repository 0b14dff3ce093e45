"""The store's SQLite file: opened read-only, watched for changes, never written and never kept locked.

The file itself is opened by SQLite alone. Were it opened here as well, closing it would drop the locks that SQLite
holds for this process (POSIX locks belong to the process, not to the handle).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.damaged import Damaged

BUSY_S = 20
REST_S = 2.0
"""A file whose time stamps are younger than this may still change without them changing (their grain is coarse)."""


class File:
    """One SQLite file. `notice` says what a reader of the pages should know about how it is read, or is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        self.opened = 0
        """How many times the file was opened: what was read under another number may be of another file."""
        self._connection: sqlite3.Connection | None = None
        self._immutable = False
        self._stamp: tuple[int, ...] = ()
        self._version = -1

    def probe(self) -> Hashable:
        """Return a value that changes whenever the file's content does, or another file takes its name.

        SQLite's data_version tells of any change by another connection, but only to one that is kept open, and nothing
        of a file that took the name of the one that is open, or was overwritten in place: hence the stamp beside it.
        Raises Damaged.
        """
        stamp = _stamp(self.path)
        if not stamp or stamp[2] == 0:  # none yet, or one whose first transaction was never finished
            self.close()
            return ("absent",)
        if self._connection and self._immutable:
            stamp += _stamp(self._beside("-wal"))  # nothing but the stamps tells
        if self._connection and (stamp[:2] != self._stamp[:2] or (self._immutable and stamp != self._stamp)):
            self.close()
        before = self._stamp
        try:
            version = self._data_version(self._connection or self._open())
        except Damaged:
            if not before or stamp == before:
                raise
            version = -1  # overwritten in place: what the connection remembers of the old content is wrong
        if before and stamp != before and version in (self._version, -1):
            self.close()
            version = self._data_version(self._open())
        self._stamp, self._version = stamp, version
        return (self.opened, *stamp, version)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a read transaction: every query sees the same state of the store."""
        self.probe()
        connection = self._connection
        if connection is None:
            raise Damaged(f"{self.path}: the store is no longer there")
        with self._reporting():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def rest(self) -> list[int]:
        """Return what identifies the file's content to another process, or an empty list where nothing can.

        That is the file's stamp where it alone holds the store: there is no write-ahead log and no journal with
        content, and it has not been written for `REST_S`.
        """
        stamp = _stamp(self.path)
        logs = [_stamp(self._beside(suffix)) for suffix in ("-wal", "-journal")]
        if not stamp or any(log and log[2] for log in logs):
            return []
        newest = max(stamp[3:]) / 1e9
        return list(stamp) if newest < time.time() - REST_S else []

    def close(self) -> None:
        """Close the connection; the next probe opens it again."""
        if self._connection:
            self._connection.close()
        self._connection, self._stamp = None, ()

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _data_version(self, connection: sqlite3.Connection) -> int:
        with self._reporting():
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def _open(self) -> sqlite3.Connection:
        self.opened += 1
        self.notice, self._immutable = "", False
        with self._reporting():
            try:
                self._connection = self._connect("mode=ro")
            except sqlite3.OperationalError as error:
                # a file in WAL mode needs an index beside it, which cannot be made in a folder that cannot be written
                if os.access(self.path.parent, os.W_OK) or not os.access(self.path, os.R_OK):
                    raise
                if error.sqlite_errorname.split("_")[1] not in ("CANTOPEN", "READONLY"):
                    raise
                self._connection, self._immutable = self._connect("immutable=1"), True
                log = _stamp(self._beside("-wal"))
                if log and log[2]:
                    self.notice = (
                        f"{self.path.parent} cannot be written, so SQLite cannot read {self.path.name}-wal: "
                        "the newest records may be missing"
                    )
        return self._connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA query_only = 1")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise Damaged(f"{self.path}: another program has kept the store locked for {BUSY_S} s") from error
            self.close()
            raise Damaged(f"{self.path}: cannot be read as a tracking store ({error})") from error


def _stamp(path: Path) -> tuple[int, ...]:
    """Return device, inode, size, and times of the last write and change in ns; empty where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    except NotADirectoryError as error:
        raise Damaged(f"{path}: {path.parent} is no folder") from error
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
