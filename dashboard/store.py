"""The tracking store as typed DataFrames: runs, curves and artifacts. It only reads, and imports no Streamlit.

A store on this machine is read by SQL on MLflow's SQLite schema (`dashboard.reading.local`), many times faster than by
MLflow's client; a schema that is not known, or a server, is read through the client (`dashboard.reading.client`). Both
give the same table.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from affect import record
from dashboard.damaged import Damaged
from dashboard.reading.client import ClientReader
from dashboard.reading.local import LocalReader
from dashboard.reading.snapshot import folder as snapshots
from dashboard.reading.table import LARGEST, wide

__all__ = ["Damaged", "Source", "Store", "locate"]

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """Where a store is.

    Parameters
    ----------
    uri : MLflow's tracking address: sqlite:///…, postgresql://… or http(s)://….
    folder : the folder that has artifacts/ in it; not looked at where `uri` is a server's.
    """

    uri: str
    folder: Path

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for another kind of store."""
        head, found, path = self.uri.partition("sqlite:///")
        return Path(path) if found and not head else None


def locate() -> Source:
    """Return the store that MLFLOW_TRACKING_URI and AFFECTORY_STORE name; the checkout's own ``mlruns`` by default."""
    folder = Path(os.environ.get("AFFECTORY_STORE") or CHECKOUT / "mlruns").expanduser().absolute()
    return Source(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}", folder)


class Store:
    """Reads one store. Threads may share it; no query is open between two calls."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = threading.RLock()
        file = source.file
        self._reader: LocalReader | ClientReader = LocalReader(file) if file else ClientReader(source.uri)
        self._seen: Hashable = None
        self._runs: pd.DataFrame | None = None

    @property
    def notice(self) -> str:
        """A sentence that every page should show, such as why reading is slow here; empty where all is well."""
        return self._reader.notice if isinstance(self._reader, LocalReader) else ""

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            if isinstance(self._reader, LocalReader):
                self._reader.close()

    def probe(self) -> Hashable:
        """Return a value that changes whenever the store does (0.02 ms where it is local). Raises Damaged."""
        with self._lock:
            return self._reader.probe()

    def runs(self) -> pd.DataFrame:
        """Return every run of the bench that is not deleted, oldest first, indexed by run_id.

        Columns, in this order:

        - each tag of `affect.record.TAGS` by its short name, all of them always there. Numbers are Int64 or float64,
          yes and no bool (a missing one is no), long texts str, and all else is categorical.
        - parent, experiment, experiment_id, name, user, status, start and end (UTC).
        - ``param.<name>``: Int64 or float64 where every value is a number, else categorical texts.
        - every metric but the curves, by its full name, float64.

        The frame is the caller's own; its values are shared until they are changed. Raises Damaged.
        """
        with self._lock:
            probe = self._reader.probe()
            if self._runs is None or probe != self._seen:
                reader = self._reader
                self._runs = reader.runs() if isinstance(reader, LocalReader) else wide(reader.long())
                self._seen = probe
            return self._runs.copy(deep=False)

    def curves(self, run_ids: Iterable[str]) -> pd.DataFrame:
        """Return epoch figures of some runs: run_id, metric (such as ``val/mae``), step, value, time (UTC).

        Sorted by run in the given order, then metric and step. Of two values at one step the later stands: a trial that
        was interrupted and run again writes them anew.
        """
        ids = list(dict.fromkeys(run_ids))
        with self._lock:
            rows = self._reader.curves(ids)
        frame = pd.DataFrame(rows, columns=["run_id", "metric", "step", "value", "time"])
        frame["run_id"] = pd.Categorical(frame["run_id"], categories=ids)
        frame["metric"] = pd.Categorical(frame["metric"])
        frame = frame.sort_values(["run_id", "metric", "step", "time"], kind="stable", ignore_index=True)
        frame = frame.drop_duplicates(["run_id", "metric", "step"], keep="last", ignore_index=True)
        metric = frame["metric"].cat
        frame["metric"] = metric.rename_categories([name.removeprefix(record.CURVE) for name in metric.categories])
        value = frame["value"].astype(float)
        frame["value"] = value.mask(value.abs() >= LARGEST, np.copysign(np.inf, value))
        frame["step"] = frame["step"].astype(np.int64)
        frame["time"] = pd.to_datetime(frame["time"].astype(np.int64), unit="ms", utc=True)
        return frame

    # ---------------------------------------------------------------------------------------------------- artifacts

    @property
    def _remote(self) -> ClientReader | None:
        """The client that artifacts come from, or None where they are in the store's own folder."""
        reader = self._reader
        return reader if isinstance(reader, ClientReader) and self.source.uri.startswith("http") else None

    def _root(self, run_id: str) -> Path:
        runs = self.runs()
        if run_id not in runs.index:
            raise KeyError(f"no run {run_id!r} in this store")
        if self._remote:
            return snapshots().parent / "artifacts" / record.digest(self.source.uri) / run_id
        artifacts = self.source.folder / "artifacts"
        root = artifacts / str(runs.at[run_id, "experiment_id"]) / run_id / "artifacts"
        if not root.resolve().is_relative_to(artifacts.resolve()):
            raise Damaged(f"run {run_id}: its folder lies outside the store ({root} is a link)")
        return root

    def path(self, run_id: str, name: str) -> Path:
        """Return the local path of a run's artifact.

        Raises Damaged where it is missing or, by ``..`` or a link, outside the run's own folder; KeyError for a run
        that is not in the store.
        """
        root = self._root(run_id)
        parts = PurePosixPath(name).parts
        if not parts or "\0" in name or PurePosixPath(name).is_absolute() or ".." in parts:
            raise Damaged(f"run {run_id}: {name!r} is not the name of an artifact")
        if self._remote:
            self._fetch(self._remote, run_id, name, root / name)
        try:
            path = (root / name).resolve()
            there = path.is_file()
        except (OSError, RuntimeError) as error:  # a name that is too long; links in a circle
            raise Damaged(f"run {run_id}: {name!r} cannot be opened ({error})") from error
        if not path.is_relative_to(root.resolve()):
            raise Damaged(f"run {run_id}: {name} is a link out of the run's own folder")
        if not there:
            raise Damaged(f"run {run_id}: {name} is missing ({path})")
        return path

    def _fetch(self, remote: ClientReader, run_id: str, name: str, target: Path) -> None:
        """Copy a file from the server, whole or not at all; what an ended run has is asked for once."""
        if target.is_file() and self.runs()["end"].notna()[run_id]:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as made:
            try:
                os.replace(remote.download(run_id, name, Path(made)), target)
            except (Damaged, OSError) as error:
                raise Damaged(f"run {run_id}: {name} is not to be had ({error})") from error

    def files(self, run_id: str) -> list[str]:
        """Return the names of a run's artifact files, ``/`` between folders; none where it has no folder."""
        root = self._root(run_id)
        if self._remote:
            return sorted(self._remote.files(run_id))
        inside = root.resolve()
        # a name that begins with a dot is being written at this moment
        return sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.is_file()
            and path.resolve().is_relative_to(inside)
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
        )

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return a value that changes when an artifact is written anew. Raises Damaged as `path` does."""
        found = self.path(run_id, name).stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a run's Parquet table. Raises Damaged, naming run and file, where it cannot be read or used."""
        import pyarrow as pa

        path = self.path(run_id, name)
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
            raise Damaged(f"run {run_id}: {name} is damaged ({path}: {error})") from error
        missing = [column for column in record.COLUMNS.get(name, ()) if column not in frame.columns]
        if missing:
            raise Damaged(f"run {run_id}: {name} has no column {', '.join(missing)} ({path})")
        return frame

    def text(self, run_id: str, name: str) -> str:
        """Return a run's text file; what is no UTF-8 in it is shown as �."""
        path = self.path(run_id, name)
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise Damaged(f"run {run_id}: {name} cannot be read ({path}: {error})") from error

    def json(self, run_id: str, name: str) -> Any:
        """Return the content of a run's JSON file. Raises Damaged where it is no JSON."""
        text = self.text(run_id, name)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Damaged(f"run {run_id}: {name} is no JSON ({self.path(run_id, name)}: {error})") from error
