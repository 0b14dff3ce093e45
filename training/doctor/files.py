"""Files of a store that are not as they should be: missing, damaged, foreign, or left behind by killed processes."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

from affect.record import Kind, digest
from training import messages
from training.doctor.problem import Problem
from training.doctor.runs import named
from training.tracking import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from training.tracking.store import RunInfo, Store

HALF_MADE = re.compile(
    r"\.(?P<process>\d+)\..+|\.old\.(?P<old>\d+)\..+|\.[0-9a-f]{12}\..+|\.import-((?P<importing>\d+)\.)?.+"
)
"""Names of files and folders that become something else when they are whole, or that are put aside meanwhile."""

OLD_S = 3600.0
"""A half-made file whose process is not known is a leftover when nothing was written to it for so long."""


def of_runs(store: Store, infos: Sequence[RunInfo]) -> Iterator[Problem]:
    """Yield the problems of the artifacts of runs that have ended; none where an MLflow server keeps the files."""
    if store.remote:
        return
    for info in infos:
        if info.status != "RUNNING" and "artifacts" in info.tags:
            yield from _of_run(store, info)


def _of_run(store: Store, info: RunInfo) -> Iterator[Problem]:
    folder = artifacts.folder(store.folder, info.experiment, info.id)
    listed: list[str] = json.loads(info.tags["artifacts"])
    hashes: dict[str, str] = json.loads(info.tags.get("hashes") or "{}")
    present = {path.name: path for path in folder.iterdir() if not path.name.startswith(".")} if folder.is_dir() else {}
    for name in listed:
        if name not in present:
            yield Problem(
                "artifact missing", f"{named(info)} lists {name}, not found in {folder}", "restore it from a copy"
            )
        elif name in hashes and artifacts.content_hash(present[name]) != hashes[name]:
            yield Problem(
                "artifact damaged",
                f"{named(info)}: the content of {name} is not what the run wrote ({folder / name})",
                "restore it from a copy",
            )
    for name in sorted(set(present) - set(listed)):
        yield Problem(
            "artifact foreign", f"{named(info)}: the run did not write {folder / name}", "look at it and move it away"
        )


def leftovers(store: Store, infos: Sequence[RunInfo]) -> Iterator[Problem]:
    """Yield what killed processes left in the store's folder: half-made files, checkpoints, and locks nobody holds."""
    for path in _half_made(store.folder):
        yield _remove(path, "a killed process left it half made")
    unfinished = {
        digest([info.tags["study"]])
        for info in infos
        if info.tags.get("kind") == Kind.STUDY and info.tags.get("frozen") != "true" and "study" in info.tags
    }
    checkpoints = store.folder / "checkpoints"
    for path in sorted(checkpoints.iterdir()) if checkpoints.is_dir() else []:
        if path.name not in unfinished:
            yield _remove(path, "its study is finished, or not there")
    for path in sorted((store.folder / "locks").glob("*.lock")):
        if _free(path):
            yield _remove(path, "no process holds this lock")


def _half_made(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path, match = folder.__class__(place) / name, HALF_MADE.fullmatch(name)
            if match and _abandoned(path, match["process"] or match["old"] or match["importing"]):
                yield path
        # what is half made is shown once, not file by file
        folders[:] = sorted(name for name in folders if not HALF_MADE.fullmatch(name))


def _abandoned(path: Path, process: str | None) -> bool:
    try:
        age = time.time() - path.lstat().st_mtime
    except FileNotFoundError:  # it is whole by now
        return False
    return age > OLD_S or (process is not None and not artifacts.lives(int(process)))


def _free(path: Path) -> bool:
    try:
        with path.open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(path: Path, why: str) -> Problem:
    remedy = f"delete it ({messages.size(_bytes(path))})"
    return Problem("leftover", f"{path}: {why}", remedy, partial(_delete, path), deletes=True)


def _bytes(path: Path) -> int:
    return sum(file.lstat().st_size for file in path.rglob("*")) if path.is_dir() else path.lstat().st_size


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
