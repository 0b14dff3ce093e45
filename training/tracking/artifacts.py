"""A run's files: where they are on this machine, and how they are written there atomically."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from training import cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.tracking import MlflowClient


def folder(store: Path, experiment_id: str, run_id: str) -> Path:
    """Return where a run's artifacts are under the store's folder, which is also where MLflow looks for them."""
    return store / "artifacts" / experiment_id / run_id / "artifacts"


def mend(folder: Path) -> None:
    """Finish what a killed `replace_folder` left in `folder`: bring the older folder back, or remove it."""
    for old in folder.glob(".old.*.*"):
        _, _, process, name = old.name.split(".", 3)
        if not process.isdecimal() or lives(int(process)):
            continue
        if (folder / name).exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # another process was faster
                os.replace(old, folder / name)


def lives(process: int) -> bool:
    """Return whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_name(name: str) -> str:
    """Return `name`; ValueError for one that leads out of the run's folder or begins with a dot."""
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or path.is_absolute() or str(path) != name:
        raise ValueError(f"{name!r} is no artifact's name: a relative path with forward slashes is expected")
    if any(part.startswith(".") for part in path.parts):
        raise ValueError(f"{name!r} is no artifact's name: no part of it may begin with a dot")
    return name


def download(client: MlflowClient, store: Path, run_id: str, keep: bool) -> Path:
    """Return the local copy of a run's artifacts on a server, downloaded where it is missing or not to be kept."""
    target = _downloaded(store, run_id)
    mend(target.parent)
    if target.exists() and keep:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as temporary:
        client.download_artifacts(run_id, "", temporary)
        replace_folder(Path(temporary), target)
        Path(temporary).mkdir()  # what the context manager expects to remove
    return target


def forget(store: Path, run_id: str) -> None:
    """Remove the local copy that `download` made of a run's artifacts, where there is one: they have changed."""
    shutil.rmtree(_downloaded(store, run_id), ignore_errors=True)


def _downloaded(store: Path, run_id: str) -> Path:
    return store / "downloaded" / run_id


class Writer:
    """Writes one run's artifacts: into its folder, or to the server where there is a `client`."""

    def __init__(self, client: MlflowClient | None, run_id: str, folder: Path) -> None:
        self._client = client
        self._run_id = run_id
        self._folder = folder

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a path to write a file to; it becomes the artifact `name` when the block ends well."""
        path = PurePosixPath(check_name(name))
        if self._client:
            with tempfile.TemporaryDirectory() as temporary:
                local = Path(temporary) / path.name
                yield local
                self._client.log_artifact(self._run_id, str(local), str(path.parent) if path.parent.name else None)
            return
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with cache.whole(target) as part:
            yield part

    @contextlib.contextmanager
    def filling(self, name: str) -> Iterator[Path]:
        """Yield an empty folder; when all went well it becomes the artifact folder `name`, in place of an older one."""
        check_name(name)
        if self._client:
            with tempfile.TemporaryDirectory() as temporary:
                yield Path(temporary)
                self._client.log_artifacts(self._run_id, temporary, name)
            return
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{os.getpid()}.{target.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            replace_folder(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def names(self) -> list[str]:
        """Return the names of the run's artifact files and folders, sorted."""
        if self._client:
            return sorted(entry.path for entry in self._client.list_artifacts(self._run_id))
        mend(self._folder)
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    def hashes(self) -> dict[str, str] | None:
        """Return artifact → `content_hash`; None where a server keeps the files."""
        return None if self._client else {name: content_hash(self._folder / name) for name in self.names()}


def content_hash(path: Path) -> str:
    """Return a hash of an artifact's content (16 hexadecimal digits): of a file, or of all files in a folder.

    What half-made files and links hold does not count.
    """
    digest = hashlib.sha256()
    for name, file in files(path):
        with file.open("rb") as content:
            digest.update(f"{name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\0".encode())
    return digest.hexdigest()[:16]


def files(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of each file in a folder, sorted, or of the file `path` itself, whose name is empty.

    Half-made ones begin with a dot and are left out, as are links.
    """
    if path.is_file():
        return [("", path)]
    inside = ((file.relative_to(path), file) for file in sorted(path.rglob("*")))
    return [
        (name.as_posix(), file)
        for name, file in inside
        if file.is_file() and not file.is_symlink() and not any(part.startswith(".") for part in name.parts)
    ]


def replace_folder(new: Path, target: Path) -> None:
    """Move the folder `new` to `target`, in place of an older one; both are on one file system.

    Who is killed between the two renames leaves the older folder under a hidden name: `mend` brings it back.
    """
    old = target.with_name(f".old.{os.getpid()}.{target.name}")
    if target.exists():
        os.replace(target, old)
    os.replace(new, target)
    shutil.rmtree(old, ignore_errors=True)
