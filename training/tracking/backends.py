"""The databases behind a store, opened with an error that a person can act on."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
import warnings
from typing import TYPE_CHECKING, Any

from training.contract import UserError
from training.tracking import embedded

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import optuna
    from mlflow.tracking import MlflowClient
    from sqlalchemy.engine import Engine

    from training.tracking.patience import Patience

CONNECT_S = 10
EXPERIMENT_NAME_LIMIT = 256


def is_postgres(url: str) -> bool:
    """Return whether an address is PostgreSQL's."""
    return url.startswith(("postgresql://", "postgresql+", "postgres://"))


def client(uri: str, folder: Path) -> MlflowClient:
    """Return a client of the tracking database or server at `uri`, which is made or migrated where it is empty.

    `folder` is the store's: artifacts are under it. Raises UserError for what a person can mend.
    """
    # what the migrations say about themselves at the level of INFO is nobody's concern
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # it prints each error of the database with its traceback, and then raises it: it is said there
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    file = embedded.sqlite_file(uri)
    if file:
        embedded.prepare_mlflow(file, folder)
    elif is_postgres(uri):
        check_postgres(uri)
    elif not uri.startswith(("http://", "https://")):
        raise UserError(f"MLFLOW_TRACKING_URI={uri}: expected sqlite:///FILE, postgresql://… or http(s)://…")

    if not uri.startswith("http"):
        opened = _client_of_tables(uri)
        if file:
            _spare_syncs(opened._tracking_client.store.engine)
        return opened

    from mlflow.tracking import MlflowClient

    opened = MlflowClient(tracking_uri=uri)
    _check_server(opened, uri)
    return opened


def dispose(client: MlflowClient) -> None:
    """Close the pooled connections of a client of a database."""
    engine = getattr(client._tracking_client.store, "engine", None)
    if engine is not None:
        engine.dispose()


def experiment(client: MlflowClient, name: str, folder: Path) -> str:
    """Return the id of the experiment `name`, which is made where it is missing, restored where it was deleted.

    Its runs stay deleted, as a person wanted them to be.
    """
    from mlflow.exceptions import MlflowException

    if len(name) > EXPERIMENT_NAME_LIMIT:
        raise UserError(f"protocol {name!r}: a name of at most {EXPERIMENT_NAME_LIMIT} characters is expected")
    existing = client.get_experiment_by_name(name)
    if existing is None:
        try:
            return _make_experiment(client, name, folder)
        except MlflowException as error:
            existing = client.get_experiment_by_name(name)
            if existing is None:  # not another worker that was quicker
                raise error
    if existing.lifecycle_stage == "deleted":
        _restore_experiment(client, str(existing.experiment_id))
    return str(existing.experiment_id)


def _restore_experiment(client: MlflowClient, experiment_id: str) -> None:
    store = client._tracking_client.store
    if not hasattr(store, "ManagedSessionMaker"):
        client.restore_experiment(experiment_id)  # and its runs, which were active before
        runs = _all_runs(client, experiment_id)
        for run in runs:
            client.delete_run(run.info.run_id)
        return
    from mlflow.store.tracking.dbmodels.models import SqlExperiment

    with store.ManagedSessionMaker(read_only=False) as session:
        session.get(SqlExperiment, int(experiment_id)).lifecycle_stage = "active"


def _all_runs(client: MlflowClient, experiment_id: str) -> list[Any]:
    runs, token = [], None
    while True:
        page = client.search_runs([experiment_id], max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _make_experiment(client: MlflowClient, name: str, folder: Path) -> str:
    store = client._tracking_client.store
    if not hasattr(store, "ManagedSessionMaker"):
        return str(client.create_experiment(name))
    # The client would make the artifacts' location absolute and a moved checkout would lose them: the row is written
    # by MLflow's own model of it, in one transaction.
    from mlflow.store.tracking.dbmodels.models import SqlExperiment

    now = int(time.time() * 1000)
    with store.ManagedSessionMaker(read_only=False) as session:
        row = SqlExperiment(name=name, lifecycle_stage="active", creation_time=now, last_update_time=now)
        session.add(row)
        session.flush()
        row.artifact_location = embedded.artifact_location(folder, row.experiment_id)
        session.flush()
        return str(row.experiment_id)


def metric_points(client: MlflowClient, run: Any) -> list[tuple[str, float, int, int]]:
    """Return every point of every metric of an MLflow run: name, value, milliseconds, step."""
    store = client._tracking_client.store
    if not hasattr(store, "ManagedSessionMaker"):
        histories = (client.get_metric_history(run.info.run_id, key) for key in run.data.metrics)
        return [(point.key, point.value, point.timestamp, point.step) for points in histories for point in points]
    from mlflow.store.tracking.dbmodels.models import SqlMetric as M

    with store.ManagedSessionMaker() as session:
        rows = session.query(M.key, M.value, M.timestamp, M.step, M.is_nan).filter(M.run_uuid == run.info.run_id)
        return [(key, math.nan if nan else value, time_, step) for key, value, time_, step, nan in rows]


@contextlib.contextmanager
def inserting(client: MlflowClient) -> Iterator[Callable[[Mapping[str, Any], str], None]]:
    """Yield a function (run, experiment id) that inserts a whole run with its own id; all of them or none are kept.

    A run is what `training.tracking.transport` reads from run.json. The client gives every run a new id, so the rows
    are written by MLflow's own models of its tables; their version was checked when the store was opened.
    """
    from mlflow.store.tracking.dbmodels import models
    from sqlalchemy import insert

    def one(run: Mapping[str, Any], experiment_id: str) -> None:
        location = session.get(models.SqlExperiment, int(experiment_id)).artifact_location
        session.add(
            models.SqlRun(
                **{"run_uuid": run["id"], "name": run["name"], "user_id": run["user"], "status": run["status"]},
                **{"source_type": "UNKNOWN", "source_name": "", "entry_point_name": "", "source_version": ""},
                start_time=run["start"],
                end_time=run["end"],
                lifecycle_stage="active",
                experiment_id=int(experiment_id),
                artifact_uri=f"{location}/{run['id']}/artifacts",
            )
        )
        session.flush()
        points = [
            {"key": k, "value": float(v or 0), "timestamp": t, "step": s, "is_nan": v is None, "run_uuid": run["id"]}
            for k, v, t, s in run["metrics"]
        ]
        latest = {p["key"]: p for p in sorted(points, key=lambda p: (p["step"], p["timestamp"], p["value"]))}
        pairs = {
            what: [{"key": k, "value": v, "run_uuid": run["id"]} for k, v in run[what].items()]
            for what in ("tags", "params")
        }
        for model, rows in (
            (models.SqlMetric, points),
            (models.SqlLatestMetric, list(latest.values())),
            (models.SqlTag, pairs["tags"]),
            (models.SqlParam, pairs["params"]),
        ):
            if rows:
                session.execute(insert(model), rows)

    with client._tracking_client.store.ManagedSessionMaker(read_only=False) as session:
        yield one


def optuna_storage(url: str, stale: Callable[..., None] | None, patience: Patience) -> optuna.storages.RDBStorage:
    """Return Optuna's storage at `url` with heartbeats every ``AFFECTORY_HEARTBEAT`` seconds (default 10).

    All its calls wait for a database that is away.
    """
    file = embedded.sqlite_file(url)
    options: dict[str, Any] = {}
    if file:
        embedded.prepare_optuna(file)
        options = {"connect_args": {"timeout": embedded.BUSY_S}}
    elif is_postgres(url):
        check_postgres(url)
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_S}}
    else:
        raise UserError(f"OPTUNA_STORAGE={url}: expected sqlite:///FILE or postgresql://…")

    import optuna

    from training.tracking.optuna_storage import PatientStorage

    interval = heartbeat_s()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            storage = PatientStorage(
                patience,
                url,
                engine_kwargs=options,
                heartbeat_interval=interval,
                grace_period=2 * interval,
                heartbeat_stale_trial_callback=stale,
            )
        except RuntimeError as error:  # its tables are of another version; the message says which and what to do
            raise UserError(f"{shown(url)}: {error}") from error
    if file:
        _spare_syncs(storage.engine)
    return storage


def _spare_syncs(engine: Engine) -> None:
    """Let SQLite wait for the disk at checkpoints alone, not at each of the hundreds of small writes of a trial.

    In WAL mode a killed process loses nothing by it and the file stays sound; a power failure may take the last
    writes.
    """
    from sqlalchemy import event

    if not event.contains(engine, "connect", _synchronous_normal):
        event.listen(engine, "connect", _synchronous_normal)
        engine.dispose()


def _synchronous_normal(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


def heartbeat_s() -> int:
    """Return the seconds between two signs of life of a worker."""
    text = os.environ.get("AFFECTORY_HEARTBEAT") or "10"
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"AFFECTORY_HEARTBEAT={text}: a whole number of seconds from 1 is expected")
    return int(text)


def shown(url: str) -> str:
    """Return an address as it may be shown: without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition("://")[0] + "://…"


def plain_postgres(url: str) -> str:
    """Return SQLAlchemy's spelling of an address (postgresql+psycopg://) as PostgreSQL's own programs read it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def check_postgres(url: str) -> None:
    """Raise UserError where the database does not answer, instead of trying for minutes as MLflow does."""
    import psycopg

    try:
        psycopg.connect(plain_postgres(url), connect_timeout=CONNECT_S).close()
    except psycopg.Error as error:
        raise UserError(f"{shown(url)}: the database does not answer ({str(error).strip()})") from error


def _check_server(client: MlflowClient, uri: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(
            client._tracking_client.store.get_host_creds(), "/health", "GET", max_retries=0, timeout=CONNECT_S
        )
    except MlflowException as error:
        raise UserError(f"{uri}: the MLflow server does not answer ({error.message.splitlines()[0]})") from error
    if answer.status_code != 200:
        raise UserError(f"{uri}: expected an MLflow server, found status {answer.status_code} at {uri}/health")


def _client_of_tables(uri: str) -> MlflowClient:
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import DatabaseError

    try:
        tracking = MlflowClient(tracking_uri=uri)
        tracking.search_experiments(max_results=1)
    except (MlflowException, CommandError) as error:
        raise UserError(f"{shown(uri)}: {_explain_tables(str(error), uri)}") from error
    except DatabaseError as error:
        raise UserError(f"{shown(uri)}: the database cannot be used ({error.orig})") from error
    return tracking


def _explain_tables(error: str, uri: str) -> str:
    import mlflow.version
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    versions = re.search(r"found version (\w+), but expected (\w+)", error)
    if not versions:
        return f"MLflow {mlflow.version.VERSION} cannot use the database ({error.splitlines()[0]})"
    version, expected = versions.groups()
    try:
        ScriptDirectory.from_config(_get_alembic_config("")).get_revision(version)
        advice = f"Take a copy, then run: mlflow db upgrade {shown(uri)}"
    except CommandError:  # no migration of this MLflow leads there
        advice = "A newer MLflow wrote them: install that one"
    return f"found tables of version {version}, expected {expected}, those of MLflow {mlflow.version.VERSION}. {advice}"
