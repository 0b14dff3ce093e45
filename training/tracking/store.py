"""The only writer of the tracking store: MLflow for what people look at, Optuna's tables for the search.

`Store` is where runs are; `Run` is one of them, open for writing. Every call names its run: the fluent API's active
run, which is a different one in each thread, is never used. What the records are called is in `affect.record`.

Writes are batched. A run's scores, its last curve points and its closing tags go out together with `Run.close`; curve
points reach the store while the run goes on, in growing steps of time (see `Run.epoch_scores`).
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect import cache_folder, record
from training.contract import UserError
from training.messages import unknown
from training.registry import CHECKOUT
from training.tracking import artifacts, backends, embedded, locks
from training.tracking.patience import Patience
from training.tracking.run import NAME_LIMIT, Run, check_params, full_tags, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import optuna
    import pandas as pd
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

# before MLflow is imported by anything: it needs a home, and would report its use to its makers over the network
cache_folder.give_home()
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_DISABLE_AGENT_HINT", "true")

CLOSING_S = 2.0
BATCH = 900
"""Entries in one `log_batch`; MLflow takes 1,000 at most, of which 100 parameters and 100 tags."""


@dataclass(frozen=True)
class RunInfo:
    """A run as the store has it.

    Parameters
    ----------
    id, experiment : MLflow's ids.  experiment is the protocol's.
    status : MLflow's word: RUNNING, FINISHED, FAILED or KILLED. What it means is in ``tags["state"]``.
    tags : the record's tags without their prefix.
    metrics : the latest value of each metric, curves included.
    start, end : UTC.
    """

    id: str
    experiment: str
    status: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    start: datetime
    end: datetime | None
    parent: str | None
    user: str


class Store:
    """Where runs are kept. Made by `Store.open`.

    Parameters
    ----------
    folder : the store's folder; artifacts and locks are in it whichever database is used.
    tracking_uri : MLflow's half: sqlite:///…, postgresql://… or http(s)://… (an MLflow server).
    optuna_url : Optuna's half: sqlite:///… or postgresql://….

    copied : read a copy of the embedded store's database, because the store cannot be written.

    What the store cannot do just now is waited for, as long as `patience` says (not at all, unless a command sets it).
    """

    def __init__(self, folder: Path, tracking_uri: str, optuna_url: str, copied: bool = False) -> None:
        self.folder = folder
        self.tracking_uri = tracking_uri
        self.optuna_url = optuna_url
        self.embedded = embedded.sqlite_file(tracking_uri) == folder / embedded.MLFLOW_FILE
        self.remote = tracking_uri.startswith(("http://", "https://"))
        self.patience = Patience()
        self._experiments: dict[str, str] = {}
        shared = next((url for url in (optuna_url, tracking_uri) if backends.is_postgres(url)), None)
        self._locks: locks.Locks = (
            locks.Advisory(backends.plain_postgres(shared), self.patience) if shared else locks.Files(folder / "locks")
        )
        if copied:
            self._copy = embedded.copy(folder)  # removed with this object
            tracking_uri = f"sqlite:///{self._copy.name}/{embedded.MLFLOW_FILE}"
        else:
            embedded.prepare_folder(folder)
        self.client: MlflowClient = self.patience.client(backends.client(tracking_uri, folder))

    @classmethod
    def open(cls, folder: Path | None = None, *, to_read: bool = False) -> Store:
        """Open the store, making it first where there is none.

        Without `folder` it is the one that ``AFFECTORY_STORE`` names (default: mlruns in the checkout), with
        ``MLFLOW_TRACKING_URI`` and ``OPTUNA_STORAGE`` in place of its two SQLite files where they are set. With
        `folder` it is the embedded store there, whatever the environment says. What is opened `to_read` alone may be an
        embedded store that cannot be written: its runs are then those of this moment.

        Raises UserError for a folder that cannot be written, a network file system, a damaged file, tables of another
        version, or a server that does not answer.
        """
        uri = url = ""
        if folder is None:
            folder = Path(os.environ.get("AFFECTORY_STORE") or CHECKOUT / "mlruns")
            uri, url = os.environ.get("MLFLOW_TRACKING_URI", ""), os.environ.get("OPTUNA_STORAGE", "")
        folder = folder.expanduser().absolute()
        return cls(
            folder,
            uri or f"sqlite:///{folder / embedded.MLFLOW_FILE}",
            url or f"sqlite:///{folder / embedded.OPTUNA_FILE}",
            copied=to_read and not uri and not embedded.may_be_written(folder),
        )

    # ------------------------------------------------------------------------------------------------ writing

    def optuna_storage(self, stale: Callable[..., None] | None = None) -> optuna.storages.RDBStorage:
        """Return Optuna's storage, whose heartbeats tell when a worker died.

        A trial that has not been heard of for two intervals (``AFFECTORY_HEARTBEAT`` seconds, default 10) is failed by
        the next worker, which then calls `stale` (study, trial): Optuna's own retry callback or one's own.
        """
        return backends.optuna_storage(self.optuna_url, stale, self.patience)

    def experiment(self, protocol_name: str) -> str:
        """Return the id of the protocol's MLflow experiment, which is made where it is missing."""
        if protocol_name not in self._experiments:
            self._experiments[protocol_name] = backends.experiment(self.client, protocol_name, self.folder)
        return self._experiments[protocol_name]

    def start(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        parent: str | None = None,
    ) -> Run:
        """Begin a run. Tags are named without their prefix; `record` and `state` are set unless they are given."""
        tags = {"record": str(record.RECORD_VERSION), "state": record.State.RUNNING, **tags}
        full = full_tags(tags) | {"mlflow.user": user()}
        if parent is not None:
            full[record.PARENT] = parent
        check_params(params or {})
        created = self.client.create_run(experiment_id, tags=full, run_name=name[:NAME_LIMIT])
        run = Run(self, created.info.run_id, experiment_id)
        if params:
            run.params(params)
        return run

    def resume(self, run_id: str) -> Run:
        """Open a run for writing again; one that had ended is running again."""
        entity = self.client.get_run(run_id)
        run = Run(self, run_id, entity.info.experiment_id)
        if entity.info.status != "RUNNING":
            self.client.update_run(run_id, status="RUNNING")
            run.tags({"state": record.State.RUNNING})
        return run

    def end(self, run_id: str, state: str) -> None:
        """Give a run the MLflow status that belongs to its state, and its end time."""
        status = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}[state]
        self.client.set_terminated(run_id, status)

    def add(self, run_id: str, tables: Mapping[str, pd.DataFrame], metrics: Mapping[str, float]) -> None:
        """Add tables and scores to a run that has ended, in place of older ones; its state and its times stay."""
        run = Run(self, run_id, self.client.get_run(run_id).info.experiment_id)
        for name, table in tables.items():
            run.table(name, table)
        run.metrics(metrics)
        run.tags(run.listed())
        artifacts.forget(self.folder, run_id)

    def set_tags(self, run_id: str, values: Mapping[str, str]) -> None:
        """Set record tags of any run, running or ended, and leave its state as it is."""
        self.write(run_id, tags=full_tags(values))

    def remove_tags(self, run_id: str, names: Iterable[str]) -> None:
        """Remove tags, named as MLflow has them, where the run has them."""
        present = self.client.get_run(run_id).data.tags
        for name in names:
            if name in present:
                self.client.delete_tag(run_id, name)

    def write(
        self,
        run_id: str,
        metrics: list[Metric] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write to a run of this store under MLflow's full names, in as few batches as there can be."""
        from mlflow.entities import Param, RunTag

        points: list[Metric] = metrics or []
        some_params: list[Param] = [Param(k, v) for k, v in (params or {}).items()]
        some_tags: list[RunTag] = [RunTag(k, v) for k, v in (tags or {}).items()]
        # one batch where everything fits, as nearly always
        while points or some_params or some_tags:
            self.client.log_batch(run_id, points[: BATCH - 100], some_params[:50], some_tags[:50])
            points, some_params, some_tags = points[BATCH - 100 :], some_params[50:], some_tags[50:]

    # ------------------------------------------------------------------------------------------------ reading

    def find(self, filter: Mapping[str, str], status: str | None = None) -> list[RunInfo]:
        """Return the runs that have all of these record tags (and MLflow's `status`), oldest first."""
        wanted = {record.tag(name): str(value) for name, value in filter.items()}
        # MLflow's filter language has no escapes: such values are compared here alone
        terms = [f"tags.`{k}` = '{v}'" for k, v in wanted.items() if "'" not in v and "\\" not in v and v]
        if status:
            terms.append(f"attributes.status = '{status}'")
        return [
            info
            for info in self._search(" and ".join(terms))
            if all(info.tags.get(name) == str(value) for name, value in filter.items())
        ]

    def deleted(self) -> list[RunInfo]:
        """Return the runs that were deleted in MLflow and not yet removed for good, oldest first."""
        from mlflow.entities import ViewType

        return self._search("", ViewType.DELETED_ONLY)

    def _search(self, text: str, view: int = 1) -> list[RunInfo]:
        """Return the runs of an MLflow filter; `view` is MLflow's ViewType, 1 for those that were not deleted."""
        experiments = [e.experiment_id for e in self.client.search_experiments()]
        infos: list[RunInfo] = []
        token = None
        while experiments:
            page = self.client.search_runs(
                experiments, text, view, max_results=1000, order_by=["attributes.start_time ASC"], page_token=token
            )
            infos += [_info(run) for run in page]
            token = page.token
            if not token:
                break
        return infos

    def get(self, name: str) -> RunInfo:
        """Return the run of this id, the study of that name, or the run whose id begins with `name`.

        Raises UserError with the nearest studies where there is none, with the choices where there are several, and
        with the way back where it was deleted in MLflow.
        """
        if re.fullmatch(r"[0-9a-fA-F]{32}", name) and self.lifecycle(name.lower()) is not None:
            return self.require(name.lower(), f"run {name[:8].lower()}")
        infos = self.find({"kind": record.Kind.STUDY, "study": name})
        if not infos and re.fullmatch(r"[0-9a-fA-F]{4,31}", name):
            infos = self._search(f"attributes.run_id LIKE '{name.lower()}%'")
        if len(infos) > 1:
            choices = ", ".join(f"{info.id[:12]} ({info.name})" for info in infos[:5])
            raise UserError(f"{name!r} is not one run but {len(infos)}: {choices}")
        if not infos:
            studies = sorted({info.tags.get("study", "") for info in self.find({"kind": record.Kind.STUDY})} - {""})
            raise UserError(f"no run's id begins with {name!r}; " + unknown(name, studies, "study"))
        return infos[0]

    def has(self, run_id: str) -> bool:
        """Return whether the store has a run of exactly this id that was not deleted in MLflow."""
        return self.lifecycle(run_id) == "active"

    def lifecycle(self, run_id: str) -> str | None:
        """Return whether a run is "active" or "deleted" to MLflow; None where there is no run of exactly this id."""
        from mlflow.exceptions import MlflowException

        try:
            return str(self.client.get_run(run_id).info.lifecycle_stage)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def require(self, run_id: str, what: str, instead: str = "") -> RunInfo:
        """Return a run by its id; UserError with the way back where it was deleted in MLflow.

        `what` names it in the message; `instead` is what a person can do in place of bringing it back.
        """
        stage = self.lifecycle(run_id)
        if stage == "active":
            return _info(self.client.get_run(run_id))
        other = f", {instead}" if instead else ""
        if stage is None:
            raise UserError(f"{what} (run {run_id[:8]}) is no longer in the store: it was deleted for good{other}")
        experiment = self.client.get_experiment(self.client.get_run(run_id).info.experiment_id)
        command = f"runs restore --run-id {run_id}"
        if experiment.lifecycle_stage == "deleted":
            command = f"experiments restore --experiment-id {experiment.experiment_id}"
        raise UserError(
            f"{what} (run {run_id[:8]}) was deleted in MLflow; bring it back with "
            f"`MLFLOW_TRACKING_URI={backends.shown(self.tracking_uri)} mlflow {command}`{other}"
        )

    def children(self, run_id: str) -> list[RunInfo]:
        """Return the runs whose parent is the run `run_id`, oldest first."""
        return self._search(f"tags.`{record.PARENT}` = '{run_id}'")

    def final(self, name: str) -> RunInfo:
        """Return the run whose id begins with `name`, or of a study the complete final run with the lowest seed.

        Of a study that is tested by folds it is that of the first fold.

        Raises UserError as `get` does, and where a study has no final run yet.
        """
        info = self.get(name)
        if info.tags.get("kind") != record.Kind.STUDY:
            return info
        study = info.tags["study"]
        wanted = {"kind": record.Kind.FINAL, "study": study, "state": record.State.COMPLETE}
        # a study of the same name may have been imported from another store
        finals = [final for final in self.find(wanted) if final.parent == info.id]
        if not finals:
            raise UserError(f"study {study!r} has no final run yet: it is {info.tags['state']}")
        return min(finals, key=lambda final: (int(final.tags["seed"]), int(final.tags.get("fold", "0"))))

    def artifacts(self, run_id: str) -> Path:
        """Return the local folder of a run's artifacts; those on a server are downloaded, once when it has ended."""
        info = self.client.get_run(run_id).info
        if not self.remote:
            folder = artifacts.folder(self.folder, info.experiment_id, run_id)
            artifacts.mend(folder.parent)
            artifacts.mend(folder)
            return folder
        return artifacts.download(self.client, self.folder, run_id, keep=info.status != "RUNNING")

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """Try to take the lock `name` and yield whether it was free. It is held to the end of the block or process.

        It excludes every worker of this store: on all machines where a half of it is PostgreSQL, else on this one.
        """
        return self._locks.trying(name)

    def holding(self, name: str) -> AbstractContextManager[None]:
        """Wait until the lock `name` is free, and hold it to the end of the block or process."""
        return self._locks.waiting(name)

    def keep_locks(self) -> None:
        """Take the locks again that this process lost, as when a database restarted.

        Raises `locks.LockLost` where another process has one of them now.
        """
        self._locks.keep()

    @contextlib.contextmanager
    def keeping_locks(self) -> Iterator[None]:
        """Look after this process's locks while the block runs, once in each interval of the heartbeat."""
        ended = threading.Event()

        def keep() -> None:
            while not ended.wait(backends.heartbeat_s()):
                # a database that is still away is asked again; a lock that is lost stops what needs it (`keep_locks`)
                with contextlib.suppress(Exception):
                    self._locks.keep()

        self._locks.sweep()
        thread = threading.Thread(target=keep, name="locks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(CLOSING_S)

    def close(self) -> None:
        """Let go of the database's connections."""
        self._locks.close()
        backends.dispose(self.client)


def _info(run: Any) -> RunInfo:
    tags = run.data.tags
    return RunInfo(
        id=run.info.run_id,
        experiment=run.info.experiment_id,
        status=run.info.status,
        name=run.info.run_name or "",
        tags={name.removeprefix(record.PREFIX): v for name, v in tags.items() if name.startswith(record.PREFIX)},
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        start=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        end=datetime.fromtimestamp(run.info.end_time / 1000, UTC) if run.info.end_time else None,
        parent=tags.get(record.PARENT),
        user=tags.get("mlflow.user", ""),
    )
