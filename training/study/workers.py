"""The processes at work on a study: how they are named, and how a dead one is told from one that lost its lock.

A worker holds a lock as long as it lives and takes it again when it was lost (`Store.keeping_locks`). So a free lock
alone is no death: the worker's process must be gone from this machine, or the lock must stay free for two intervals of
the heartbeat, within which a live worker has it again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from typing import TYPE_CHECKING

from training.tracking import backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.tracking.store import Store


def new_name() -> str:
    """Return a name for this process: its machine, its number there, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def lock(worker: str) -> str:
    """Return the name of the lock that a worker holds as long as it lives."""
    return f"worker-{worker}"


class Workers:
    """Tells which workers of a store are dead, and remembers since when their locks were seen to be free."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._free_since: dict[str, float] = {}

    @contextlib.contextmanager
    def dead(self, worker: str) -> Iterator[bool]:
        """Yield whether the worker of this name is dead.

        Its lock is held to the end of the block: of two processes that find it dead at once, one sees to what it left.
        """
        with self._store.lock(lock(worker)) as free:
            now = time.monotonic()
            if not free:
                self._free_since.pop(worker, None)
                yield False
                return
            since = self._free_since.setdefault(worker, now)
            yield _gone(worker) or now - since > 2 * backends.heartbeat_s()


def _gone(worker: str) -> bool:
    """Return whether the worker was a process of this machine that is no more."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's
        return False
    return False
