"""MLflow's SQLite schema read directly, read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from pathlib import Path

import pandas as pd

from affect import record

# a first version: it reads everything anew whenever the files have changed
INTEGER = ("record", "seed", "trial", "retry_of", "trials_total", "repeats", "best_trial", "metric_version")
FLOAT = ("deadline", "best_value")
BOOLEAN = ("synthetic", "frozen", "archived")
TEXT = ("needs", "artifacts", "command", "note", "labels", "reason")


class SqliteReader:
    """Reads one mlflow.db."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def probe(self) -> Hashable:
        """Return a value that changes with the files."""
        stat = [p.stat() for p in (self.path, self.path.with_name(self.path.name + "-wal")) if p.exists()]
        return tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in stat)

    def runs(self) -> pd.DataFrame:
        """Return the run table."""
        if not self.path.exists():
            names = ["experiment_id", "experiment", "name", "user", "status", "start", "end"]
            return _typed(pd.DataFrame(columns=names, index=pd.Index([], name="run_id")), {}, {})
        connection = self._connect()
        try:
            runs = pd.read_sql(
                "SELECT r.run_uuid AS run_id, CAST(r.experiment_id AS TEXT) AS experiment_id, e.name AS experiment,"
                " r.name, r.user_id AS user, r.status, r.start_time AS start, r.end_time AS end FROM runs r"
                " JOIN experiments e USING (experiment_id) WHERE r.lifecycle_stage = 'active'"
                " AND e.lifecycle_stage = 'active' ORDER BY r.start_time, r.run_uuid",
                connection,
            ).set_index("run_id")
            tags = pd.read_sql("SELECT run_uuid, key, value FROM tags", connection)
            params = pd.read_sql("SELECT run_uuid, key, value FROM params", connection)
            metrics = pd.read_sql(
                "SELECT run_uuid, key, CASE WHEN is_nan THEN NULL ELSE value END AS value FROM latest_metrics"
                " WHERE key NOT LIKE 'curve/%' AND key LIKE '%/%'",
                connection,
            )
        finally:
            connection.close()
        wide = [t.pivot(index="run_uuid", columns="key", values="value") for t in (tags, params, metrics)]
        ours = wide[0].index[wide[0][record.tag("kind")].notna()] if record.tag("kind") in wide[0] else []
        runs = runs.loc[runs.index.isin(ours)]
        tags, params, metrics = (t.reindex(runs.index) for t in wide)
        return _typed(runs, tags, params.add_prefix("param."), metrics)

    def curves(self, run_ids: list[str]) -> pd.DataFrame:
        """Return the epoch figures of some runs."""
        connection = self._connect()
        try:
            frame = pd.read_sql(
                "SELECT run_uuid AS run_id, substr(key, 7) AS metric, step,"
                " CASE WHEN is_nan THEN NULL ELSE value END AS value, timestamp AS time FROM metrics"
                f" WHERE run_uuid IN ({','.join('?' * len(run_ids))}) AND key LIKE 'curve/%'"
                " ORDER BY run_uuid, key, step, timestamp",
                connection,
                params=run_ids,
            )
        finally:
            connection.close()
        frame["time"] = pd.to_datetime(frame["time"], unit="ms", utc=True)
        return frame


def _typed(runs, tags, params, metrics=None):  # type: ignore[no-untyped-def]
    found = {}
    for name in record.TAGS:
        full = record.tag(name)
        column = tags[full] if full in tags else pd.Series(None, index=runs.index, dtype="str")
        if name in INTEGER:
            column = pd.to_numeric(column, errors="coerce").astype("Int64")
        elif name in FLOAT:
            column = pd.to_numeric(column, errors="coerce")
        elif name in BOOLEAN:
            column = column == "true"
        elif name not in TEXT:
            column = column.astype("category")
        found[name] = column
    found["parent"] = tags[record.PARENT] if record.PARENT in tags else pd.Series(None, index=runs.index, dtype="str")
    for name in ("experiment", "experiment_id", "name", "user", "status"):
        found[name] = runs[name].astype("str" if name in ("name", "experiment_id") else "category")
    for name in ("start", "end"):
        found[name] = pd.to_datetime(runs[name], unit="ms", utc=True)
    for name in params:
        number = pd.to_numeric(params[name], errors="coerce")
        found[name] = number if number.notna().sum() == params[name].notna().sum() else params[name].astype("category")
    return pd.concat([pd.DataFrame(found, index=runs.index), metrics], axis=1)
