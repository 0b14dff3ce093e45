"""Locks that die with their process: on a file, or in PostgreSQL where several machines share a store."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def wait(file: Path) -> Iterator[None]:
    """Hold the lock on `file`, waiting for whoever has it. The file stays: a removed one would be two locks."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def try_file(file: Path) -> Iterator[bool]:
    """Try to take the lock on `file` and yield whether it was free; held to the end of the block."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def try_postgres(url: str, name: str) -> Iterator[bool]:
    """Try to take the advisory lock `name` of a PostgreSQL database; yield whether it was free.

    `url` is as PostgreSQL's own programs read it. The lock is held by a connection of its own, so that it ends with the
    process, or with its machine's silence.
    """
    import psycopg

    key = int.from_bytes(hashlib.sha256(f"affectory {name}".encode()).digest()[:8], "big", signed=True)
    with psycopg.connect(
        url, autocommit=True, keepalives_idle=30, keepalives_interval=10, keepalives_count=3
    ) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        yield bool(row and row[0])
