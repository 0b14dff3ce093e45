"""A run's files: below the store's own folder, or copied from a server. Nothing outside a run's folder is ever read."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Hashable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from dashboard.damaged import Damaged
from dashboard.reading import checking
from dashboard.reading.snapshot import folder as snapshots

if TYPE_CHECKING:
    from dashboard.reading.client import ClientReader

FRESH_S = 10.0
"""A server is asked again for a file of a run that goes on after this long."""
ENDED_S = 600.0
"""The same for a run that has ended: a file may still be computed anew, as activation maps are."""


class Artifacts:
    """Reads the files of runs; `root` of a kind of store says where they lie."""

    def root(self, run_id: str) -> Path:
        """Return a run's folder. KeyError for a run that is not in the store; Damaged where it lies outside."""
        raise NotImplementedError

    def get(self, run_id: str, name: str, target: Path) -> None:
        """Bring a file to `target` where it is not there by itself. Damaged where it cannot be had."""

    def path(self, run_id: str, name: str) -> Path:
        """Return the local path of a run's file; see `dashboard.store.Store.path`."""
        root = self.root(run_id)
        parts = PurePosixPath(name).parts
        if not parts or "\0" in name or PurePosixPath(name).is_absolute() or ".." in parts:
            raise Damaged(f"run {run_id}: {name[:100]!r} is not the name of an artifact")
        self.get(run_id, name, root / name)
        try:
            path = os.path.realpath(os.path.join(root, name))
            there = os.path.isfile(path)
            if not there:
                os.stat(path)
        except FileNotFoundError:
            pass
        except (OSError, UnicodeError) as error:  # a name that is too long; half a character; links in a circle
            reason = getattr(error, "strerror", None) or "no file can have this name"
            raise Damaged(f"run {run_id}: {name[:100]!r} cannot be opened ({reason})") from error
        if not path.startswith(os.path.realpath(root) + os.sep):
            raise Damaged(f"run {run_id}: {name} is a link out of the run's own folder")
        if not there:
            raise Damaged(f"run {run_id}: {name} is missing ({path})")
        return Path(path)

    def files(self, run_id: str) -> list[str]:
        """Return the names of a run's files, ``/`` between folders; none where it has no folder."""
        root = self.root(run_id)
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
        """Return a value that changes when a file is written anew. Raises Damaged as `path` does."""
        found = self.path(run_id, name).stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a run's Parquet table; Damaged where it cannot be read or is not what the record says."""
        import pyarrow as pa

        path = self.path(run_id, name)
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError, TypeError, KeyError, NotImplementedError, pa.ArrowException) as error:
            raise Damaged(f"run {run_id}: {name} is damaged ({path}: {error})") from error
        if problem := checking.problem(name, frame):
            raise Damaged(f"run {run_id}: {name} {problem} ({path})")
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
            value = json.loads(text)
            json.dumps(value, ensure_ascii=False).encode()  # half a character can be shown nowhere
            return value
        except (ValueError, RecursionError) as error:
            raise Damaged(f"run {run_id}: {name} is no JSON ({self.path(run_id, name)}: {error})") from error


class Folder(Artifacts):
    """The files below a store's own folder. `experiment` gives the id of a run's experiment."""

    def __init__(self, folder: Path, experiment: Callable[[str], str]) -> None:
        self.folder, self.experiment = folder, experiment

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return a value that changes when a file is written anew; a page asks for those of many files at once."""
        artifacts = os.path.realpath(os.path.join(self.folder, "artifacts"))
        inside = os.path.join(artifacts, self.experiment(run_id), run_id, "artifacts", "")
        plain = os.path.join(inside, name)
        if "\0" in name or os.path.realpath(plain) != plain:  # a link, a name with dots: looked at closely
            return super().stamp(run_id, name)
        try:
            found = os.stat(plain)
        except OSError:
            return super().stamp(run_id, name)
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def root(self, run_id: str) -> Path:
        """Return ``artifacts/<experiment>/<run>/artifacts``."""
        artifacts = os.path.join(self.folder, "artifacts")
        root = os.path.join(artifacts, self.experiment(run_id), run_id, "artifacts")
        if not os.path.realpath(root).startswith(os.path.realpath(artifacts) + os.sep):
            raise Damaged(f"run {run_id}: its folder lies outside the store ({root} is a link)")
        return Path(root)


class Server(Artifacts):
    """Files of an MLflow server, copied into the user's cache. `ended` says whether a run has ended."""

    def __init__(self, uri: str, client: ClientReader, ended: Callable[[str], bool]) -> None:
        self.uri, self.client, self.ended = uri, client, ended
        self._listed: dict[str, tuple[float, list[str]]] = {}

    def root(self, run_id: str) -> Path:
        """Return the run's folder in the cache. A server chooses the ids of its runs: no other name makes a path."""
        self.ended(run_id)
        if not re.fullmatch(r"[0-9a-f]{32}", run_id):
            raise Damaged(f"run {run_id!r}: expected an id of 32 hexadecimal digits")
        return snapshots().parent / "artifacts" / record.digest(self.uri) / run_id

    def get(self, run_id: str, name: str, target: Path) -> None:
        """Copy a file from the server, atomically, where the last copy is not fresh."""
        if target.is_file() and time.time() - target.stat().st_mtime < self._fresh(run_id):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as made:
            try:
                copy = self.client.download(run_id, name, Path(made))
                if target.is_file() and copy.read_bytes() == target.read_bytes():
                    os.utime(target)  # the same as before: what was computed from it stays
                else:
                    os.replace(copy, target)
                    os.utime(target)
            except (Damaged, OSError) as error:
                raise Damaged(f"run {run_id}: {name} is not to be had ({error})") from error

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return a value that changes when a copy has other content: the time of asking is not part of it."""
        found = self.path(run_id, name).stat()
        return (found.st_ino, found.st_size)

    def files(self, run_id: str) -> list[str]:
        """Return the names of a run's files on the server; asked again when they are no longer fresh."""
        self.root(run_id)
        asked, names = self._listed.get(run_id, (-float("inf"), []))
        if time.monotonic() - asked > min(self._fresh(run_id), 60.0):
            names = sorted(self.client.files(run_id))
            self._listed[run_id] = (time.monotonic(), names)
        return list(names)

    def _fresh(self, run_id: str) -> float:
        return ENDED_S if self.ended(run_id) else FRESH_S
