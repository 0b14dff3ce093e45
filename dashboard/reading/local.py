"""A store on this machine: its run table, kept between calls, between processes, and mended by what has changed."""

from __future__ import annotations

import time
from collections.abc import Hashable
from pathlib import Path

from dashboard.reading import schema, snapshot, sqlite, table
from dashboard.reading.client import ClientReader
from dashboard.reading.file import File
from dashboard.reading.snapshot import Snapshot
from dashboard.reading.sqlite import Content
from dashboard.reading.table import Runs

KEEP_ROWS = 50_000
"""A store with fewer rows is read faster than a snapshot is worth."""
KEEP_EVERY_S = 300.0
"""A store that changes all the time has its snapshot written this often, not each time."""


class LocalReader:
    """Reads one mlflow.db."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = File(path)
        self._client: ClientReader | None = None
        self._unknown = ""
        self._content: Content | None = None
        self._opened = 0
        self._runs: Runs | None = None
        self._kept: list[int] = []
        self._kept_at = 0.0

    @property
    def notice(self) -> str:
        """A sentence for the pages where the store is not read as it should be."""
        if self._unknown:
            return (
                f"This store has a schema of MLflow ({self._unknown}) that Affectory does not know. "
                "It is read through MLflow's client, which takes much longer."
            )
        return self._file.notice

    def probe(self) -> Hashable:
        """Return a value that changes whenever the store does."""
        return self._file.probe()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def runs(self) -> Runs:
        """Return the runs, read again where the store has changed. Raises Damaged."""
        content = self._read()
        if self._unknown:
            self._client = self._client or ClientReader(f"sqlite:///{self.path}")
            return table.read(self._client.long())
        self._client = None  # the file was replaced by one whose schema is known
        if self._runs is None or self._content is None or not content.same_as(self._content):
            self._runs = table.read(content.long())
        self._content = content
        return self._runs

    def curves(self, run_ids: list[str]) -> list[tuple[str, str, int, float, int]]:
        """Return (run, metric's full name, step, value, ms) of every point of the runs' curves, oldest first."""
        if self._client is not None:
            return self._client.curves(run_ids)
        found = []
        if self._file.probe() != ("absent",):
            with self._file.transaction() as connection:
                for start in range(0, len(run_ids), 500):
                    some = run_ids[start : start + 500]
                    found += connection.execute(
                        "SELECT run_uuid, key, step, CASE WHEN is_nan THEN NULL ELSE value END, timestamp FROM metrics"
                        f" WHERE run_uuid IN ({','.join('?' * len(some))}) AND {sqlite.CURVE_ROWS}",
                        some,
                    ).fetchall()
        return found

    def _read(self) -> Content:
        if self._file.probe() == ("absent",):
            self._unknown = ""
            return sqlite.EMPTY
        rest = self._file.rest()
        with self._file.transaction() as connection:
            version = schema.version(connection, self.path)
            self._unknown = version if version and version not in schema.KNOWN else ""
            if self._unknown or not version:
                return sqlite.EMPTY
            known = self._content
            if known is None:
                kept = snapshot.load(snapshot.place(self.path))
                if kept and kept.version == version:
                    known, self._kept = kept.content, kept.rest
                    if rest and kept.rest == rest and rest == self._file.rest():
                        self._opened = self._file.opened
                        return kept.content
            everything = self._opened != self._file.opened
            content = sqlite.read(connection, known, everything)
        self._opened = self._file.opened
        # the stamp is that of the content only where it is the same before and after the reading
        self._keep(content, known, version, rest if rest == self._file.rest() else [])
        return content

    def _keep(self, content: Content, known: Content | None, version: str, rest: list[int]) -> None:
        """Write a snapshot where that will spare the next process much."""
        rows = sum(chunk.batch.num_rows for chunks in content.chunks.values() for chunk in chunks.values())
        now_at_rest = bool(rest) and rest != self._kept
        changed = known is None or not content.same_as(known)
        due = changed and (not self._kept_at or time.monotonic() - self._kept_at > KEEP_EVERY_S)
        if rows >= KEEP_ROWS and (now_at_rest or due):
            snapshot.save(snapshot.place(self.path), Snapshot(content, version, rest))
            self._kept, self._kept_at = rest, time.monotonic()
