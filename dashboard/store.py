"""The tracking store as typed DataFrames: runs, curves and artifacts. It only reads, and imports no Streamlit.

A store on this machine is read by SQL on MLflow's SQLite schema (`dashboard.sqlite_reader`), which is many times
faster than MLflow's client; a schema that is not known, or a server, is read through the client
(`dashboard.client_reader`). Both give the same table.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from dashboard.damaged import Damaged
from dashboard.sqlite_reader import SqliteReader

__all__ = ["Damaged", "Source", "Store", "locate"]

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """Where a store is: MLflow's tracking address, and the folder that holds its artifacts where it is local."""

    uri: str
    folder: Path | None = None


def locate() -> Source:
    """Return the store named by MLFLOW_TRACKING_URI, or by AFFECTORY_STORE, or the checkout's own ``mlruns``."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        folder = Path(os.environ.get("AFFECTORY_STORE") or CHECKOUT / "mlruns").expanduser().resolve()
        return Source(f"sqlite:///{folder / 'mlflow.db'}", folder)
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        path = Path(unquote(parts.path)[1:])
        return Source(uri, (path if path.is_absolute() else Path.cwd() / path).parent)
    return Source(uri, None)


class Store:
    """Reads one store. Safe to share between threads; holds no cursor between two calls."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = threading.RLock()
        self._reader = SqliteReader(Path(source.uri.removeprefix("sqlite:///")))
        self._seen: Hashable = None
        self._runs: pd.DataFrame | None = None

    def probe(self) -> Hashable:
        """Return a value that changes whenever the store does (0.02 ms for a local one)."""
        with self._lock:
            return self._reader.probe()

    def runs(self) -> pd.DataFrame:
        """Return every run of the bench that is not deleted, newest last, indexed by run_id.

        Columns: each tag of `affect.record.TAGS` by its short name; experiment, status, name, user, parent; start and
        end (UTC); ``param.<name>``; and each metric by its full name, without the curves. Raises Damaged.
        """
        with self._lock:
            probe = self._reader.probe()
            if self._runs is None or probe != self._seen:
                self._runs, self._seen = self._reader.runs(), probe
            return self._runs.copy(deep=False)

    def curves(self, run_ids: Iterable[str]) -> pd.DataFrame:
        """Return epoch figures of some runs: run_id, metric (such as ``val/mae``), step, value, time (UTC)."""
        with self._lock:
            return self._reader.curves(list(run_ids))

    # ---------------------------------------------------------------------------------------------------- artifacts

    def _root(self, run_id: str) -> Path:
        runs = self.runs()
        if run_id not in runs.index or self.source.folder is None:
            raise KeyError(f"no run {run_id!r} in {self.source.uri}")
        experiment_id = runs.at[run_id, "experiment_id"]
        return self.source.folder / "artifacts" / str(experiment_id) / run_id / "artifacts"

    def path(self, run_id: str, name: str) -> Path:
        """Return the path of a run's artifact; Damaged where it lies outside the run's folder or is not there."""
        root = self._root(run_id).resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or path == root:
            raise Damaged(f"run {run_id}: {name} lies outside the run's own folder")
        if not path.is_file():
            raise Damaged(f"run {run_id}: {name} is missing ({path})")
        return path

    def files(self, run_id: str) -> list[str]:
        """Return the names of a run's artifact files, with / between folders."""
        root = self._root(run_id)
        return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a run's Parquet table; Damaged naming run and file where it cannot be read."""
        path = self.path(run_id, name)
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:  # pyarrow's errors are both
            raise Damaged(f"run {run_id}: {name} cannot be read ({path}): {error}") from error

    def text(self, run_id: str, name: str) -> str:
        """Return a run's text file."""
        path = self.path(run_id, name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Damaged(f"run {run_id}: {name} cannot be read ({path}): {error}") from error

    def json(self, run_id: str, name: str) -> Any:
        """Return a run's JSON file."""
        text = self.text(run_id, name)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Damaged(f"run {run_id}: {name} is no JSON: {error}") from error
