"""What was read of a store, kept in the user's cache, so that the next start need not read it again.

A snapshot is one Arrow file with the chunks of `dashboard.reading.sqlite` and their digests. It never speaks for
itself: either the store is at rest and its file is the very one that was read (`File.rest`), or every chunk is
compared with the store's rows by its digest, and those that differ are read anew.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from affect import cache_folder, record
from dashboard.reading.sqlite import CHUNK, PARTS, Chunk, Content, schema

FORMAT = record.digest(["1", CHUNK, {name: list(map(str, part)) for name, part in PARTS.items()}])
"""Changes with whatever decides what a chunk holds, so that a snapshot of older code is not read."""

log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A store's content, its schema's version, and the stamp of the file it was read from (empty: not at rest)."""

    content: Content
    version: str
    rest: list[int]


def folder() -> Path:
    """Return the folder of all snapshots, in that of `affect.cache_folder`."""
    return cache_folder.folder() / "runs"


def place(store: Path) -> Path:
    """Return where the snapshot of the store in the file `store` is kept."""
    return folder() / f"{record.digest(str(store.resolve()), 24)}.arrow"


def save(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot atomically. A cache that cannot be written is logged and costs time, nothing else."""
    about: dict[str, Any] = {
        "format": FORMAT,
        "version": snapshot.version,
        "rest": snapshot.rest,
        "marks": snapshot.content.marks,
        "experiments": snapshot.content.experiments,
    }
    columns = []
    for name, part in PARTS.items():
        chunks = snapshot.content.chunks[name]
        about[name] = [[number, chunks[number].digest.hex()] for number in sorted(chunks)]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema(part)) as writer:
            for number in sorted(chunks):
                writer.write_batch(chunks[number].batch)
        columns.append(_one(sink.getvalue()))
    table = pa.RecordBatch.from_arrays(columns, names=list(PARTS))
    table = table.replace_schema_metadata({"affectory": json.dumps(about)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as made:
            with pa.OSFile(f"{made}/snapshot", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_batch(table)
            os.replace(f"{made}/snapshot", path)
    except OSError as error:
        log.warning("the snapshot of the run table cannot be kept: %s", error)


def load(path: Path) -> Snapshot | None:
    """Read a snapshot back, mapped rather than copied; None where there is none or it is no longer readable."""
    try:
        source = pa.memory_map(str(path))
        table = pa.ipc.open_file(source).get_batch(0)
        about = json.loads(table.schema.metadata[b"affectory"])
        if about["format"] != FORMAT:
            return None
        chunks = {}
        for name in PARTS:
            batches = pa.ipc.open_stream(table[name][0].as_buffer()).read_all().to_batches()
            listed = about[name]
            if len(batches) != len(listed):
                raise ValueError(f"{len(batches)} chunks of {name}, {len(listed)} listed")
            chunks[name] = {
                number: Chunk(bytes.fromhex(digest), batch)
                for (number, digest), batch in zip(listed, batches, strict=True)
            }
        return Snapshot(Content(chunks, about["marks"], about["experiments"]), about["version"], about["rest"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's errors are among them
        log.warning("the snapshot %s is damaged and is made anew: %s", path, error)
        return None


def _one(buffer: Any) -> Any:
    """Return a binary array with one value, without copying it."""
    import numpy as np

    offsets = pa.py_buffer(np.array([0, buffer.size], np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, buffer])
