"""A server's run table, read again by one thread in the background: no page waits for a server but the first."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING

from dashboard.damaged import Damaged
from dashboard.reading import table

if TYPE_CHECKING:
    from dashboard.reading.client import ClientReader
    from dashboard.reading.table import Runs


class Background:
    """Holds the last answer of a `ClientReader` and asks for the next one when it is due."""

    notice = ""

    def __init__(self, client: ClientReader) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._first = threading.Lock()
        self._thread: threading.Thread | None = None
        self._due: Hashable = None
        self._answers = 0
        self._runs: Runs | None = None
        self._problem: Damaged | None = None

    def probe(self) -> Hashable:
        """Return a value that changes with each new answer of the server."""
        self._refresh()
        return (self.client.uri, self._answers)

    def runs(self) -> Runs:
        """Return the last answer; the first one is waited for. Raises Damaged while the server does not answer."""
        with self._first:
            if self._runs is None:
                self._due = self.client.probe()
                self._read()
        self._refresh()
        if self._problem is not None:
            raise Damaged(str(self._problem)) from self._problem
        assert self._runs is not None
        return self._runs

    def curves(self, run_ids: list[str]) -> list[tuple[str, str, int, float, int]]:
        """Return every point of the runs' curves."""
        return self.client.curves(run_ids)

    def close(self) -> None:
        """Wait for a reading that goes on."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _refresh(self) -> None:
        """Begin to read anew where it is time to, and nobody does yet."""
        with self._lock:
            if self._runs is None or (self._thread is not None and self._thread.is_alive()):
                return
            due = self.client.probe()
            if due == self._due:
                return
            self._due = due
            self._thread = threading.Thread(target=self._read, name="reading the server", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        try:
            runs = table.read(self.client.long())
        except Damaged as problem:
            self._problem = problem
            if self._runs is None:
                self._due = None
                raise
        else:
            self._runs, self._problem = runs, None
        self._answers += 1
