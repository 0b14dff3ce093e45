"""The embedded store: two SQLite files that need no server, made atomically.

``mlflow.db`` gets its tables from MLflow's own migrations, which take seconds. They run once for each version of
MLflow: the empty, migrated file is kept as a template in the user's cache (``AFFECTORY_CACHE``, default
``~/.cache/affectory``) and later stores are copies of it. Both files are in WAL mode, which is a property of the file:
MLflow makes them in rollback mode, where one open reader blocks every writer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from affect import lost_database
from training import cache
from training.contract import UserError
from training.registry import CHECKOUT
from training.tracking import locks

if TYPE_CHECKING:
    pass

MLFLOW_FILE, OPTUNA_FILE = "mlflow.db", lost_database.OPTUNA_FILE
BUSY_S = 60
"""Seconds that a writer waits for another writer's transaction before SQLite calls the file locked."""

MOUNTS = Path("/proc/mounts")
NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse"),
}


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that `folder` is or would be on; empty where the system does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:  # not Linux
        return ""
    folder = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        _, point, fs, *_ = line.split()
        # the kernel writes a space in a path as \040
        root = Path(point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        # of two mounts on one point the later hides the earlier
        if folder.is_relative_to(root) and len(root.parts) >= best:
            best, kind = len(root.parts), fs
    return kind


def artifact_location(folder: Path, experiment_id: int | str) -> str:
    """Return where MLflow is told that an experiment's artifacts are.

    Relative to the checkout where the store is inside it, so that `mlflow ui` started there finds them also after the
    checkout was moved; absolute elsewhere.
    """
    inside = folder.resolve()
    if inside.is_relative_to(CHECKOUT):
        inside = inside.relative_to(CHECKOUT)
    return (inside / "artifacts" / str(experiment_id)).as_posix()


def prepare_folder(folder: Path) -> None:
    """Make the store's folder; UserError where that cannot be done or nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "artifacts").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise UserError(f"{error.filename}: the store needs a folder here, found a file") from error
    except OSError as error:
        raise UserError(
            f"{folder}: the store's folder cannot be written ({error.strerror}); "
            "AFFECTORY_STORE=FOLDER names another one"
        ) from error


def refuse_network(folder: Path) -> None:
    """Raise UserError where `folder` is on a network file system: SQLite's locks do not hold there."""
    kind = file_system(folder, MOUNTS)
    if kind in NETWORK_FILE_SYSTEMS:
        raise UserError(
            f"{folder} is on a network file system ({kind}), where writers on two machines damage SQLite files. "
            "Use PostgreSQL: MLFLOW_TRACKING_URI=postgresql://… and OPTUNA_STORAGE=postgresql://…, "
            "or AFFECTORY_STORE=FOLDER for a folder on a local disk"
        )


def may_be_written(folder: Path) -> bool:
    """Return whether this process may write the store in `folder`, or make one there."""
    if not folder.exists():
        return True
    parts = [folder, *(path for name in (MLFLOW_FILE, "artifacts") if (path := folder / name).exists())]
    return all(os.access(part, os.R_OK | os.W_OK) for part in parts)


def copy(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder with a copy of the MLflow database of the store in `folder`, newest records included.

    Raises UserError for a store that is not there or cannot be read.
    """
    place = tempfile.TemporaryDirectory(prefix="affectory-")
    target = Path(place.name)
    source, made = folder / MLFLOW_FILE, target / MLFLOW_FILE
    try:
        if not lost_database.has_content(source):
            refuse_lost(source)
            raise UserError(f"{folder}: there is no store, and none can be made: the folder cannot be written")
        for name in (MLFLOW_FILE, f"{MLFLOW_FILE}-wal"):
            if (folder / name).exists():
                shutil.copyfile(folder / name, target / name)
        if _sound(made):
            return place
        # a worker wrote meanwhile: SQLite copies a state that is whole, where it may look at the file's log
        for part in target.iterdir():
            part.unlink()
        with (
            contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as old,
            contextlib.closing(sqlite3.connect(made)) as new,
        ):
            old.backup(new)
        return place
    except OSError as error:
        raise UserError(f"{source}: the store cannot be read ({error.strerror})") from error
    except sqlite3.DatabaseError as error:
        raise damaged(source, error) from error


def refuse_lost(file: Path) -> None:
    """Raise UserError where MLflow's database is not there, or empty, and what it tells of is still there.

    A new one in its place would know nothing of those runs, and nobody would be told.
    """
    if file.name == MLFLOW_FILE and (lost := lost_database.sentence(file)):
        raise UserError(
            f"{lost}. Restore it from a copy; or move the whole folder {file.parent} away to begin with an empty store"
        )


def prepare_mlflow(file: Path, folder: Path) -> None:
    """Make MLflow's database where there is none, and see that it is in WAL mode.

    Parameters
    ----------
    file : the SQLite file.
    folder : the store's folder, under which the artifacts are.

    Raises UserError for a file that is damaged or no database, or one that was lost.
    """
    refuse_network(file.parent)
    if not lost_database.has_content(file):
        refuse_lost(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        with locks.wait(file.with_name(f".{file.stem}.making")):
            if not lost_database.has_content(file):
                _make_mlflow(file, folder)
    _set_wal(file)


def prepare_optuna(file: Path) -> None:
    """Make Optuna's database where there is none, and see that it is in WAL mode; UserError for a damaged one."""
    refuse_network(file.parent)
    if not lost_database.has_content(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with locks.wait(file.with_name(f".{file.stem}.making")):
            if not lost_database.has_content(file):
                import optuna

                with cache.whole(file) as unfinished:
                    optuna.storages.RDBStorage(f"sqlite:///{unfinished}").engine.dispose()
                    _set_wal(unfinished)
    _set_wal(file)


def sqlite_file(url: str) -> Path | None:
    """Return the file of a ``sqlite:///`` address; None for another kind of address."""
    head, scheme, path = url.partition("sqlite:///")
    return Path(path) if scheme and not head else None


def damaged(file: Path, error: Exception) -> UserError:
    """Return what is said of a database file that SQLite cannot read."""
    return UserError(
        f"{file}: not a readable SQLite database ({error}). Restore it from a copy, "
        f"or move the whole folder {file.parent} away to begin with an empty store"
    )


def _set_wal(file: Path) -> None:
    if not os.access(file, os.R_OK | os.W_OK):
        raise UserError(f"{file}: the store cannot be opened for writing (the file's permissions do not allow it)")
    connection = sqlite3.connect(file, timeout=BUSY_S)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = wal")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise UserError(f"{file}: the store cannot be opened for writing ({error})") from error
    except sqlite3.DatabaseError as error:
        raise damaged(file, error) from error
    finally:
        connection.close()


def _make_mlflow(file: Path, folder: Path) -> None:
    with cache.whole(file) as unfinished:
        _template(unfinished)
        # MLflow's experiment 0 has the working folder of whoever ran the migrations as its artifacts' place
        connection = sqlite3.connect(unfinished)
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0", (artifact_location(folder, 0),)
        )
        connection.commit()
        connection.close()


def _template(target: Path) -> None:
    """Write an empty migrated database to `target`: a copy from the cache, where it is put first if it is missing."""
    import mlflow.version

    try:
        template = cache.folder() / f"mlflow-{mlflow.version.VERSION}.db"
        with locks.wait(template.with_name(f".{template.stem}.making")):
            if not _sound(template):
                with cache.whole(template) as unfinished:
                    _migrate(unfinished)
            shutil.copyfile(template, target)
    except OSError:
        # a cache that cannot be written costs the seconds of the migrations, nothing else
        _migrate(target)


def _sound(template: Path) -> bool:
    if not lost_database.has_content(template):
        return False
    connection = sqlite3.connect(template)
    try:
        healthy: bool = connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        return healthy and connection.execute("SELECT count(*) FROM alembic_version").fetchone()[0] == 1
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def _migrate(file: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{file}", str(file.parent)).engine.dispose()
    _set_wal(file)
