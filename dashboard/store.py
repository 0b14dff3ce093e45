"""The tracking store as typed DataFrames: runs, curves and artifacts. It only reads, and imports no Streamlit.

A store on this machine is read by SQL on MLflow's SQLite schema (`dashboard.reading.local`), many times faster than by
MLflow's client; a schema that is not known, or a server, is read through the client (`dashboard.reading.client`). Both
give the same table. Artifacts are read by `dashboard.reading.artifacts`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect import lost_database, record
from dashboard.damaged import Damaged
from dashboard.keeping import Kept
from dashboard.reading.artifacts import Artifacts, Folder, Server
from dashboard.reading.background import Background
from dashboard.reading.client import ClientReader
from dashboard.reading.local import LocalReader
from dashboard.reading.table import LARGEST, Runs, times

__all__ = ["Damaged", "Source", "Store", "locate"]

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """Where a store is.

    Parameters
    ----------
    uri : MLflow's tracking address: sqlite:///…, postgresql://… or http(s)://….
    folder : the folder that has artifacts/ in it; not looked at where `uri` is a server's.
    variable : the environment's variable that names the store; empty where none does.
    """

    uri: str
    folder: Path
    variable: str = ""

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for another kind of store."""
        head, found, path = self.uri.partition("sqlite:///")
        return Path(path) if found and not head else None


def locate() -> Source:
    """Return the store that MLFLOW_TRACKING_URI and AFFECTORY_STORE name; the checkout's own ``mlruns`` by default."""
    folder = Path(os.environ.get("AFFECTORY_STORE") or CHECKOUT / "mlruns").expanduser().absolute()
    variable = next((name for name in ("MLFLOW_TRACKING_URI", "AFFECTORY_STORE") if os.environ.get(name)), "")
    return Source(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}", folder, variable)


CURVES = 128 * 2**20
"""Bytes of curves of ended runs that are kept."""


class Store:
    """Reads one store. Threads may share it; no query is open between two calls."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = threading.RLock()
        file = source.file
        self._reader: LocalReader | Background = LocalReader(file) if file else Background(ClientReader(source.uri))
        self._seen: Hashable = None
        self._runs: Runs | None = None
        self._curves: Kept[pd.DataFrame] = Kept(CURVES)
        self._artifacts: Artifacts = (
            Server(source.uri, ClientReader(source.uri), self._ended)
            if source.uri.startswith("http")
            else Folder(source.folder, self._experiment)
        )

    @property
    def notice(self) -> str:
        """A sentence that every page should show, such as why reading is slow here; empty where all is well."""
        return self._reader.notice

    def where(self) -> str:
        """Return where the store is: its folder, or a server's address without user and password."""
        if self.source.file is not None:
            return str(self.source.file.parent)
        return re.sub(r"//[^/@]*@", "//", self.source.uri)

    def why_empty(self) -> str:
        """Return why the store has no runs: it is not where it is looked for, or nothing was written into it."""
        file = self.source.file
        if file is not None and not file.parent.is_dir():
            reason = f"There is no folder {file.parent}."
        elif file is not None and (lost := lost_database.sentence(file)):
            reason = f"{lost}. Restore it from a copy."
        elif file is not None and not file.is_file():
            reason = f"The folder {file.parent} holds no store: it has no {file.name}."
        else:
            reason = f"The store at {self.where()} has no runs."
        return f"{reason} {self.named_by()}"

    def named_by(self) -> str:
        """Return in a sentence what names the store, for a reader who expects another one."""
        if self.source.variable:
            return f"The environment variable {self.source.variable} points to it."
        return "To look at another store, set the environment variable AFFECTORY_STORE."

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            self._reader.close()

    def probe(self) -> Hashable:
        """Return a value that changes whenever the store does (0.02 ms where it is local). Raises Damaged."""
        if isinstance(self._reader, Background):
            return self._reader.probe()
        with self._lock:
            return self._reader.probe()

    def runs(self) -> Runs:
        """Return every run of the bench that is not deleted, oldest first, indexed by run_id.

        Columns of their table, in this order:

        - each tag of `affect.record.TAGS` by its short name, all of them always there. Numbers are Int64 or float64,
          yes and no bool (a missing one is no), long texts str, and all else is categorical.
        - parent, experiment, experiment_id, name, user, status, start and end (UTC; missing where no calendar has it).
        - ``param.<name>``: Int64 or float64 where every value is a number, else categorical texts.

        Every metric but the curves is in their `metrics`, by its full name. All callers share what is returned, and
        change nothing in it. A server is read in the background: until it has answered anew, its last answer stands.
        Raises Damaged.
        """
        if isinstance(self._reader, Background):
            return self._reader.runs()
        with self._lock:
            probe = self._reader.probe()
            if self._runs is None or probe != self._seen:
                self._runs = self._reader.runs()
                self._seen = probe
            return self._runs

    def _ended(self, run_id: str) -> bool:
        """Return whether a run has ended; KeyError where the store has no such run."""
        return bool(pd.notna(self._of(run_id, "end")))

    def _experiment(self, run_id: str) -> str:
        """Return the experiment that a run's folder lies in; KeyError where the store has no such run."""
        return str(self._of(run_id, "experiment_id"))

    def _of(self, run_id: str, column: str) -> Any:
        runs = self.runs().table
        if run_id not in runs.index:
            raise KeyError(f"no run {run_id!r} in this store")
        return runs.at[run_id, column]

    def curves(self, run_ids: Iterable[str]) -> pd.DataFrame:
        """Return epoch figures of some runs: run_id, metric (such as ``val/mae``), step, value, time (UTC).

        Sorted by run in the given order, then metric and step. Of two values at one step the later stands: a trial that
        was interrupted and run again writes them anew. Curves of ended runs are read once.
        """
        ids = list(dict.fromkeys(run_ids))
        runs = self.runs().table
        end = runs["end"].reindex(ids)
        ended = [run for run, known in zip(ids, end.notna(), strict=True) if known]
        live = [run for run in ids if run not in set(ended)]
        kept = self._curves.get(
            (tuple(ended), tuple(end[ended].astype("int64"))),
            lambda: self._read_curves(ended),
            lambda made: int(made.memory_usage(deep=True).sum()),
        )
        frame = pd.concat([kept, self._read_curves(live)]) if live else kept
        frame["run_id"] = pd.Categorical(frame["run_id"], categories=ids)
        frame["metric"] = pd.Categorical(frame["metric"])
        return frame.sort_values(["run_id", "metric", "step"], kind="stable", ignore_index=True)

    def _read_curves(self, ids: list[str]) -> pd.DataFrame:
        rows = []
        if ids:
            with self._lock:
                rows = self._reader.curves(ids)
        frame = pd.DataFrame(rows, columns=["run_id", "metric", "step", "value", "time"])
        frame = frame.sort_values(["run_id", "metric", "step", "time"], kind="stable", ignore_index=True)
        frame = frame.drop_duplicates(["run_id", "metric", "step"], keep="last", ignore_index=True)
        frame = frame.astype({"run_id": "category", "metric": "category"})
        metric = frame["metric"].cat
        frame["metric"] = metric.rename_categories([str(name).removeprefix(record.CURVE) for name in metric.categories])
        value = frame["value"].astype(float)
        frame["value"] = value.mask(value.abs() >= LARGEST, np.copysign(np.inf, value))
        frame["step"] = frame["step"].astype(np.int64)
        frame["time"] = times(frame["time"].to_numpy())
        return frame

    # ---------------------------------------------------------------------------------------------------- artifacts

    def path(self, run_id: str, name: str) -> Path:
        """Return the local path of a run's artifact.

        Raises Damaged where it is missing or, by ``..`` or a link, outside the run's own folder; KeyError for a run
        that is not in the store.
        """
        return self._artifacts.path(run_id, name)

    def files(self, run_id: str) -> list[str]:
        """Return the names of a run's artifact files, ``/`` between folders; none where it has no folder."""
        return self._artifacts.files(run_id)

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return a value that changes when an artifact is written anew. Raises Damaged as `path` does."""
        return self._artifacts.stamp(run_id, name)

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a run's Parquet table. Raises Damaged, naming run and file, where it cannot be read or used."""
        return self._artifacts.table(run_id, name)

    def text(self, run_id: str, name: str) -> str:
        """Return a run's text file; what is no UTF-8 in it is shown as �."""
        return self._artifacts.text(run_id, name)

    def json(self, run_id: str, name: str) -> Any:
        """Return the content of a run's JSON file. Raises Damaged where it is no JSON."""
        return self._artifacts.json(run_id, name)
