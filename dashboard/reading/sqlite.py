"""MLflow's SQLite schema read directly: fast, read-only, and only what has changed.

Four tables are read in chunks of rows that SQLite itself joins into one text a column, which costs a fifth of fetching
rows. Each chunk has a digest of all that was read; a chunk whose digest has not changed is not taken apart again. That
holds whatever was done to the store, and whoever did it, so it also tells whether an older snapshot still holds.

After a first full reading, what MLflow's own code can have changed is known better (`Reader.read`):

- parameters are never changed, only added;
- a latest metric changes only together with a new row in `metrics`;
- rows vanish only together with their run (`mlflow gc`), and are renumbered only by VACUUM, which raises SQLite's
  schema version.

So between two full readings, at most `FULL_EVERY_S` apart, only new rows of those two tables are read, and all tags and
runs: a late note moves nothing else.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affect import record
from dashboard.reading.table import Long

CHUNK = 4_096
FULL_EVERY_S = 60.0
MARK = "\x1f"
"""Between two values of a joined text. A chunk in which a value has this character is read row by row."""


class Part(NamedTuple):
    """One table: its columns as name → SQL (never null), those with few distinct values, and which rows are read."""

    table: str
    columns: dict[str, str]
    coded: tuple[str, ...]
    where: str = ""
    number: str = ""


TAG_ROWS = f"(key >= '{record.PREFIX}' AND key < '{record.PREFIX[:-1]}/' OR key = '{record.PARENT}')"
CURVE_ROWS = f"(key >= '{record.CURVE}' AND key < '{record.CURVE[:-1]}0')"  # 0 comes after / in ASCII
METRIC_ROWS = f"(instr(key, '/') AND NOT {CURVE_ROWS})"
PARTS = {
    "runs": Part(
        "runs",
        {
            "run": "run_uuid",
            "name": "coalesce(name, '')",
            "user": "coalesce(user_id, '')",
            "status": "coalesce(status, '')",
            "start": "coalesce(start_time, '')",
            "end": "coalesce(end_time, '')",
            "experiment_id": "coalesce(experiment_id, '')",
            "stage": "coalesce(lifecycle_stage, '')",
        },
        ("user", "status", "experiment_id", "stage"),
    ),
    "tags": Part(
        "tags", {"run": "run_uuid", "key": "key", "value": "coalesce(value, '')"}, ("run", "key", "value"), TAG_ROWS
    ),
    "params": Part("params", {"run": "run_uuid", "key": "key", "value": "value"}, ("run", "key")),
    "metrics": Part(
        "latest_metrics",
        {"run": "run_uuid", "key": "key", "nan": "is_nan"},
        ("run", "key", "nan"),
        METRIC_ROWS,
        "value",
    ),
}


class Chunk(NamedTuple):
    """The rows of one part in one range of rowids."""

    digest: bytes
    batch: Any


@dataclass(frozen=True)
class Content:
    """All that was read of a store, in one transaction.

    Parameters
    ----------
    chunks : part → number of the chunk → its rows.
    marks : highest rowid of params, latest_metrics and metrics, and SQLite's schema version.
    experiments : id → name, of those that are not deleted.
    full_at : time.monotonic() of the last reading that looked at every row.
    """

    chunks: dict[str, dict[int, Chunk]]
    marks: dict[str, int]
    experiments: dict[str, str]
    full_at: float = field(default=0.0, compare=False)

    def same_as(self, other: Content) -> bool:
        """Return whether the run table made from both is the same."""
        return self.experiments == other.experiments and all(
            {n: c.digest for n, c in chunks.items()} == {n: c.digest for n, c in other.chunks[name].items()}
            for name, chunks in self.chunks.items()
        )

    def long(self) -> Long:
        """Return the content as tables, without what is deleted."""
        tables = {name: table(PARTS[name], chunks) for name, chunks in self.chunks.items()}
        runs = tables["runs"]
        known = pa.array(list(self.experiments), pa.large_string())
        names = pa.array(list(self.experiments.values()), pa.large_string())
        place = pc.index_in(runs["experiment_id"].cast(pa.large_string()), value_set=known)
        runs = runs.append_column("experiment", pc.take(names, place))
        active = pc.equal(runs["stage"].cast(pa.large_string()), "active")
        return Long(
            runs.filter(pc.and_(active, pc.is_valid(place))), tables["tags"], tables["params"], tables["metrics"]
        )


EMPTY = Content({name: {} for name in PARTS}, {}, {})
"""The content of a store that does not exist yet."""


def table(part: Part, chunks: dict[int, Chunk]) -> Any:
    """Return the chunks of a part as one Arrow table."""
    return pa.Table.from_batches([chunk.batch for _, chunk in sorted(chunks.items())], schema(part))


def schema(part: Part) -> Any:
    """Return the Arrow schema of a part's chunks."""
    fields = []
    for name in part.columns:
        kind = pa.int64() if name in ("start", "end") else pa.large_string()
        if name != "nan":
            fields.append((name, pa.dictionary(pa.int32(), pa.large_string()) if name in part.coded else kind))
    if part.number:
        fields.append((part.number, pa.float64()))
    return pa.schema(fields)


def read(connection: sqlite3.Connection, known: Content | None, everything: bool) -> Content:
    """Read what has changed since `known`, inside the caller's transaction.

    `everything`: look at every row, because `known` is of another process or connection, or too old.
    """
    experiments = dict(
        connection.execute(
            "SELECT CAST(experiment_id AS TEXT), name FROM experiments WHERE lifecycle_stage = 'active' ORDER BY 1"
        )
    )
    marks = {"schema": _one(connection, "PRAGMA schema_version")}
    for name in ("params", "latest_metrics", "metrics"):
        marks[name] = _one(connection, f"SELECT coalesce(max(rowid), 0) FROM {name}")
    now = time.monotonic()
    runs = scan(connection, PARTS["runs"], known.chunks["runs"] if known else {})
    whole = (
        known is None
        or everything
        or now - known.full_at > FULL_EVERY_S
        or marks["schema"] != known.marks["schema"]
        or any(marks[name] < known.marks[name] for name in marks)
        or _vanished(known.chunks["runs"], runs)
    )
    chunks = {"runs": runs, "tags": scan(connection, PARTS["tags"], known.chunks["tags"] if known else {})}
    if whole or known is None:
        for name in ("params", "metrics"):
            chunks[name] = scan(connection, PARTS[name], known.chunks[name] if known else {})
        return Content(chunks, marks, experiments, now)
    for name, touched in (("params", set()), ("metrics", _touched(connection, known.marks["metrics"]))):
        part = PARTS[name]
        new = range(known.marks[part.table] // CHUNK, marks[part.table] // CHUNK + 1)
        only = {*touched, *(new if marks[part.table] > known.marks[part.table] else ())}
        chunks[name] = scan(connection, part, known.chunks[name], only)
    return replace(known, chunks=chunks, marks=marks, experiments=experiments)


def scan(
    connection: sqlite3.Connection, part: Part, known: dict[int, Chunk], only: Iterable[int] | None = None
) -> dict[int, Chunk]:
    """Return a part's chunks by number: those of `known` where their digest still holds, else read anew.

    `only`: the chunks to look at; all others are as in `known`.
    """
    found = dict(known) if only is not None else {}
    for number in _numbers(connection, part) if only is None else sorted(only):
        count, texts, numbers = _joined(connection, part, number)
        if not count:
            found.pop(number, None)
            continue
        digest = hashlib.sha1(b"%d" % count, usedforsecurity=False)
        for piece in (*texts, numbers.tobytes()):
            digest.update(b"%d:" % len(piece))
            digest.update(piece)
        was = known.get(number)
        if was is None or was.digest != digest.digest():
            was = Chunk(digest.digest(), _batch(connection, part, number, count, texts, numbers))
        found[number] = was
    return found


def _one(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _vanished(before: dict[int, Chunk], after: dict[int, Chunk]) -> bool:
    """Return whether a run that was there is no more: by `mlflow gc` alone, which takes all its rows with it."""
    changed = [chunk for number, chunk in before.items() if after.get(number) is not chunk]
    if not changed:
        return False
    left = {run for n, chunk in after.items() if before.get(n) is not chunk for run in chunk.batch["run"].to_pylist()}
    return any(run not in left for chunk in changed for run in chunk.batch["run"].to_pylist())


def _touched(connection: sqlite3.Connection, mark: int) -> set[int]:
    """Return the chunks of latest_metrics that rows of `metrics` after `mark` can have changed."""
    rows = connection.execute(
        f"SELECT DISTINCT l.rowid / {CHUNK} FROM (SELECT DISTINCT run_uuid, key FROM metrics WHERE rowid > ? AND"
        f" {METRIC_ROWS}) m JOIN latest_metrics l ON l.key = m.key AND l.run_uuid = m.run_uuid",
        (mark,),
    )
    return {number for (number,) in rows}


def _numbers(connection: sqlite3.Connection, part: Part) -> Iterator[int]:
    """Yield the numbers of the chunks that may have rows."""
    low, high = connection.execute(f"SELECT min(rowid), max(rowid) FROM {part.table}").fetchone()
    while low is not None:
        number = low // CHUNK
        yield number
        low = (number + 1) * CHUNK
        if low + CHUNK < high:
            continue
        low = connection.execute(f"SELECT min(rowid) FROM {part.table} WHERE rowid >= ?", (low,)).fetchone()[0]


def _rows(part: Part, columns: str) -> str:
    where = f" AND {part.where}" if part.where else ""
    # NOT INDEXED leaves nothing but the walk along the rowids, so every query of a chunk sees its rows in one order;
    # ORDER BY would say so as well, and cost a third more
    return f"SELECT {columns} FROM {part.table} NOT INDEXED WHERE rowid BETWEEN ? AND ?{where}"


def _joined(connection: sqlite3.Connection, part: Part, number: int) -> tuple[int, list[bytes], Any]:
    """Return a chunk's number of rows, each text column joined by MARK, and the number column."""
    bounds = (number * CHUNK, (number + 1) * CHUNK - 1)
    # MARK as a literal: char(31) would be called for every row, and take half the time
    joined = ", ".join(f"CAST(group_concat({sql}, '{MARK}') AS BLOB)" for sql in part.columns.values())
    count, *texts = connection.execute(_rows(part, f"count(*), {joined}"), bounds).fetchone()
    numbers = np.empty(0)
    if part.number and count:
        cursor = connection.execute(_rows(part, part.number), bounds)
        numbers = np.fromiter(itertools.chain.from_iterable(cursor), float, count)
    return count, texts if count else [], numbers


def _batch(
    connection: sqlite3.Connection, part: Part, number: int, count: int, texts: list[bytes], numbers: Any
) -> Any:
    """Take a chunk apart: an Arrow record batch with the schema of the part."""
    columns = {name: _split(text, count) for name, text in zip(part.columns, texts, strict=True)}
    if any(column is None for column in columns.values()):
        columns = _one_by_one(connection, part, number)
    flags = columns.pop("nan", None)
    for name, column in columns.items():
        if name in ("start", "end"):
            columns[name] = pc.if_else(pc.equal(column, ""), None, column).cast(pa.int64())
        elif name in part.coded:
            columns[name] = column.dictionary_encode()
    if part.number:
        nan = pc.equal(flags, "1").to_numpy(zero_copy_only=False)
        columns[part.number] = pa.array(np.where(nan, np.nan, numbers))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema(part))


def _split(joined: bytes, count: int) -> Any:
    """Split a joined column into `count` texts; None where it has the MARK inside a value, or is no UTF-8."""
    if joined.count(MARK.encode()) != count - 1:
        return None
    try:
        joined.decode()
    except UnicodeDecodeError:
        return None
    offsets = pa.py_buffer(np.array([0, len(joined)], np.int64))
    whole = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(joined)])
    return pc.split_pattern(whole, MARK).values


def _one_by_one(connection: sqlite3.Connection, part: Part, number: int) -> dict[str, Any]:
    texts = ", ".join(f"CAST({sql} AS BLOB)" for sql in part.columns.values())
    rows = connection.execute(_rows(part, texts), (number * CHUNK, (number + 1) * CHUNK - 1)).fetchall()
    return {
        name: pa.array([row[i].decode("utf-8", "replace") for row in rows], pa.large_string())
        for i, name in enumerate(part.columns)
    }
