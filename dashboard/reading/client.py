"""The store through MLflow's own client: for a tracking server, PostgreSQL, and a schema that is not known here.

Slower by a factor of thirty and more, but it works with whatever the installed MLflow understands. MLflow is imported
when it is first needed: that takes 1.5 s.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from affect import cache_folder, record
from dashboard.damaged import Damaged
from dashboard.reading.table import Long, is_run_metric

PAGE = 1000
FRESH_S = 10.0
"""A server is asked again after this long, or after five times as long as the last answer took."""


SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would report its use over the network
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # it would try for minutes before it says that a server does not answer
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
CONNECT_S = 10


class ClientReader:
    """Reads one tracking address by MlflowClient."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.took = 0.0
        self._made: Any = None
        self._start = time.monotonic()
        self._count = 0

    @property
    def _client(self) -> Any:
        if self._made is None:
            for name, value in SETTINGS.items():
                os.environ.setdefault(name, value)
            cache_folder.give_home()
            from mlflow.tracking import MlflowClient

            self._made = MlflowClient(tracking_uri=self.uri)
        return self._made

    def probe(self) -> Hashable:
        """Return a value that changes when it is time to ask again: no server tells whether anything changed."""
        if time.monotonic() - self._start > max(FRESH_S, 5 * self.took):
            self._start, self._count = time.monotonic(), self._count + 1
        return (self.uri, self._count)

    def long(self) -> Long:
        """Return all runs of the bench that are not deleted. Raises Damaged where the store does not answer."""
        started = time.monotonic()
        runs: list[tuple[Any, ...]] = []
        tags: list[tuple[str, str, str]] = []
        params: list[tuple[str, str, str]] = []
        metrics: list[tuple[str, str, float]] = []
        with self._reporting():
            names = self._experiments() if self._is_made() else {}
            wanted = f"tags.`{record.tag('kind')}` != ''"
            for run in self._pages(self._client.search_runs, list(names), wanted) if names else ():
                info, data, key = run.info, run.data, run.info.run_id
                place = (info.experiment_id, names[info.experiment_id])
                runs.append((key, info.run_name, info.user_id, info.status, info.start_time, info.end_time, *place))
                ours = ((k, v) for k, v in data.tags.items() if k.startswith(record.PREFIX) or k == record.PARENT)
                tags += ((key, k, v) for k, v in ours)
                params += ((key, k, v) for k, v in data.params.items())
                metrics += ((key, k, v) for k, v in data.metrics.items() if is_run_metric(k))
        self.took = time.monotonic() - started
        self._start = time.monotonic()
        text, number = pa.large_string(), pa.int64()
        return Long(
            _table(
                runs,
                {
                    **dict.fromkeys(("run", "name", "user", "status"), text),
                    **dict.fromkeys(("start", "end"), number),
                    **dict.fromkeys(("experiment_id", "experiment"), text),
                },
            ),
            _table(tags, dict.fromkeys(("run", "key", "value"), text)),
            _table(params, dict.fromkeys(("run", "key", "value"), text)),
            _table(metrics, {"run": text, "key": text, "value": pa.float64()}),
        )

    def curves(self, run_ids: list[str]) -> list[tuple[str, str, int, float, int]]:
        """Return (run, metric's full name, step, value, ms) of every point of the runs' curves."""
        found: list[tuple[str, str, int, float, int]] = []
        with self._reporting():
            for run_id in run_ids:
                names = [k for k in self._client.get_run(run_id).data.metrics if k.startswith(record.CURVE)]
                for name in names:
                    points = self._client.get_metric_history(run_id, name)
                    found += [(run_id, name, p.step, p.value, p.timestamp) for p in points]
        return found

    def files(self, run_id: str, folder: str = "") -> list[str]:
        """Return the names of a run's artifact files on the server."""
        found: list[str] = []
        with self._reporting():
            for entry in self._client.list_artifacts(run_id, folder or None):
                found += self.files(run_id, entry.path) if entry.is_dir else [entry.path]
        return found

    def download(self, run_id: str, name: str, target: Path) -> Path:
        """Copy one artifact from the server into the folder `target` and return its path."""
        with self._reporting():
            return Path(self._client.download_artifacts(run_id, name, str(target)))

    def _experiments(self) -> dict[str, str]:
        return {e.experiment_id: e.name for e in self._pages(self._client.search_experiments)}

    def _is_made(self) -> bool:
        """Return whether the store has its tables: MLflow's client would make them, and the dashboard never writes."""
        scheme, _, rest = self.uri.partition("://")
        if not scheme.startswith("postgres"):
            return True
        import psycopg

        try:
            with psycopg.connect(f"postgresql://{rest}", connect_timeout=CONNECT_S) as connection:
                found = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise Damaged(f"{_without_password(self.uri)}: the server does not answer ({reason})") from error
        return bool(found and found[0])

    @staticmethod
    def _pages(search: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
        token = None
        while True:
            page = search(*arguments, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            where = _without_password(self.uri)
            if reason := _no_answer(error):
                raise Damaged(f"{where}: the server does not answer ({reason})") from error
            first = str(error).strip().partition("\n")[0]
            raise Damaged(f"{where}: MLflow cannot read the store ({first})") from error


def _no_answer(error: BaseException) -> str:
    """Return why a server could not be reached, such as ``Connection refused``; empty where it was reached."""
    import requests

    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    if not any(isinstance(cause, requests.ConnectionError | requests.Timeout) for cause in causes):
        return ""
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return reasons[-1] if reasons else "no answer within a minute"


def _table(rows: Iterable[tuple[Any, ...]], columns: dict[str, Any]) -> Any:
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    arrays = [pa.array(frame[name].tolist(), kind) for name, kind in columns.items()]
    return pa.table(arrays, schema=pa.schema(list(columns.items())))


def _without_password(uri: str) -> str:
    head, at, tail = uri.rpartition("@")
    scheme, slashes, user = head.partition("://")
    return f"{scheme}{slashes}{user.partition(':')[0]}@{tail}" if at else uri
