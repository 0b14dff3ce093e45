"""Runs from one store to another as one zip file.

The zip holds ``affectory.json`` (which runs, in which format) and for each run ``<run id>/run.json`` (everything that
MLflow's tables hold of it, and the hash of each artifact) and ``<run id>/artifacts/…``. Ids are kept, so that an
address of a run stays right. Nothing in it is unpickled, and no name in it leads out of its run's folder.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect import record
from training import cache
from training.contract import UserError
from training.messages import counted, listed, size
from training.tracking import artifacts, backends, exported
from training.tracking.annotations import PERSONAL
from training.tracking.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.tracking.store import RunInfo, Store

# ----------------------------------------------------------------------------------------------------------- export


def export(store: Store, names: Iterable[str], out: Path) -> int:
    """Write runs into one zip file, and return how many.

    Parameters
    ----------
    names : run ids, beginnings of them, or names of studies. A study comes with all of its children, and every run with
        the fitted methods that it needs.
    out : the file to write; it is written atomically.

    Raises UserError for an unknown run, one that is still running, one whose files are not all there, or a file that
    is there already.
    """
    cache.check_new(out, "--out")
    chosen: dict[str, RunInfo] = {}
    for name in names:
        _choose(store, store.get(name), chosen)
    for info in chosen.values():
        if info.status == "RUNNING":
            raise UserError(
                f"run {info.id[:12]} ({info.name}) is still running: export it when it has ended; "
                "if its worker was killed, start the study's command again and let it end or stop it with Ctrl-C"
            )
    _check_files(store, chosen.values())
    with cache.whole(out) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as zipped:
        manifest = {"format": exported.FORMAT, "record": record.RECORD_VERSION, "runs": sorted(chosen)}
        zipped.writestr(exported.MANIFEST, record.to_json(manifest))
        for run_id in sorted(chosen):
            files = store.artifacts(run_id)
            zipped.writestr(f"{run_id}/{exported.RUN}", record.to_json(_describe(store, run_id, files)))
            for name, path in artifacts.files(files):
                zipped.write(path, f"{run_id}/artifacts/{name}")
    return len(chosen)


def _check_files(store: Store, infos: Iterable[RunInfo]) -> None:
    """Raise UserError where a run lists files that are not in its folder, as when only the databases were moved."""
    lacking = []
    for info in infos:
        folder = store.artifacts(info.id)
        where = f"run {info.id[:12]} ({info.name})"
        _check_links(store, folder, where)
        if missing := exported.missing(info.tags, (name for name, _ in artifacts.files(folder)), where):
            lacking.append((info, folder, missing))
    if lacking:
        info, folder, missing = lacking[0]
        others = f"; likewise {counted(len(lacking) - 1, 'further run')}" if len(lacking) > 1 else ""
        raise UserError(
            f"run {info.id[:12]} ({info.name}) lists {listed(missing)}, not found in {folder}{others}; nothing was "
            "exported. Move the store's folder artifacts/ along with its databases"
        )


def _check_links(store: Store, folder: Path, where: str) -> None:
    """Raise UserError for a link in a run's folder, or in place of it: what it leads to is not the run's."""
    own = [] if store.remote else [folder.parent.parent, folder.parent, folder]
    for path in [*own, *folder.rglob("*")]:
        if path.is_symlink():
            raise UserError(
                f"{where}: {path} is a link, and an export holds only what lies in the store itself; nothing was "
                "exported. Put the file or folder itself in its place"
            )


def _choose(store: Store, info: RunInfo, chosen: dict[str, RunInfo]) -> None:
    if info.id in chosen:
        return
    chosen[info.id] = info
    needed = exported.json_tag(info.tags, "needs", f"run {info.id[:12]} ({info.name})").values()
    children = store.children(info.id) if info.tags.get("kind") == record.Kind.STUDY else []
    for other in [*children, *(store.get(run_id) for run_id in needed)]:
        _choose(store, other, chosen)


def _describe(store: Store, run_id: str, files: Path) -> dict[str, Any]:
    """Return what run.json holds of a run of `store`."""
    run = store.client.get_run(run_id)
    return {
        "id": run_id,
        "experiment": store.client.get_experiment(run.info.experiment_id).name,
        "name": run.info.run_name or "",
        "user": run.info.user_id or "",
        "status": run.info.status,
        "start": run.info.start_time,
        "end": run.info.end_time,
        "tags": dict(run.data.tags),
        "params": dict(run.data.params),
        "metrics": [
            [key, None if math.isnan(value) else value, time, step]
            for key, value, time, step in sorted(backends.metric_points(store.client, run), key=str)
        ],
        "files": {name: _sha256(path) for name, path in artifacts.files(files)},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ----------------------------------------------------------------------------------------------------------- import


def import_(store: Store, file: Path, limit: float = exported.LIMIT) -> str:
    """Read runs from a zip file that `export` wrote, with their ids, and return a sentence on what was done.

    All of them are taken in or none. A run that is there already stays as it is, and is given the files that it lacks.
    Its protocol's experiment is made where it is missing. `limit` is how many GB the file may unpack to.

    Raises UserError for a file that is no such zip or lacks files that its runs list, names that lead out of it, a run
    whose id is taken by another content, or a store behind an MLflow server, which gives ids itself.
    """
    if store.remote:
        raise UserError(
            "an MLflow server gives runs new ids; import into its database instead: MLFLOW_TRACKING_URI=postgresql://…"
        )
    with exported.opened(file) as zipped:
        described = exported.runs(zipped, file, limit)
        new, lacking = [], []
        for one in described:
            if (missing := _lacks(store, one.run, file)) is None:
                new.append(one)
            elif missing:
                lacking.append((one, missing))
        needed = sum(member.file_size for one in new for member in one.members.values())
        needed += sum(one.members[name].file_size for one, missing in lacking for name in missing)
        if needed > shutil.disk_usage(store.folder).free:
            raise UserError(f"{file}: its artifacts need {size(needed)}, more than {store.folder} has free")
        _give_files(store, zipped, lacking, file)
        if new:
            _take_in(store, zipped, new, file)
    there = len(described) - len(new)
    completed = f", {len(lacking)} of which were given files that they lacked" if lacking else ""
    return f"{len(new)} runs imported" + (f"; {there} were there already{completed}" if there else "")


def _lacks(store: Store, run: Mapping[str, Any], file: Path) -> list[str] | None:
    """Return the files that the store's copy of a run lacks; None where the store does not have the run.

    Raises UserError where another run has its id, or where it was deleted in MLflow.
    """
    if store.lifecycle(run["id"]) is None:
        return None
    store.require(run["id"], f"{file}: {run['name']}")
    own = _describe(store, run["id"], store.artifacts(run["id"]))
    differing = [name for name in exported.FIELDS if _impersonal(own[name]) != _impersonal(run[name])]
    if differing == ["files"] and own["files"].items() <= run["files"].items():
        return sorted(run["files"].keys() - own["files"].keys())
    if differing:
        raise UserError(
            f"{file}: run {run['id'][:12]} ({run['name']}) is in the store with other {', '.join(differing)}; "
            "nothing was imported"
        )
    return []


def _give_files(store: Store, zipped: zipfile.ZipFile, lacking: list[tuple[Exported, list[str]]], file: Path) -> None:
    """Unpack the files that runs of the store lack, all of them before the first is put in its place."""
    with tempfile.TemporaryDirectory(prefix=f".import-{os.getpid()}.", dir=store.folder / "artifacts") as aside:
        for one, missing in lacking:
            for name in missing:
                _unpack(zipped, one, name, Path(aside), file)
        for one, missing in lacking:
            folder = store.artifacts(one.run["id"])
            for name in missing:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(aside) / one.run["id"] / name, folder / name)


def _unpack(zipped: zipfile.ZipFile, one: Exported, name: str, aside: Path, file: Path) -> None:
    """Unpack one artifact into `aside`; UserError where it is not the file that run.json lists."""
    path = aside / one.run["id"] / name
    with exported.reading(file, name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipped.open(one.members[name]) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    if _sha256(path) != one.run["files"][name]:
        raise UserError(f"{file}: run {one.run['id'][:12]}: {name} is not the file that {exported.RUN} lists")


def _impersonal(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in PERSONAL} if isinstance(value, dict) else value


def _take_in(store: Store, zipped: zipfile.ZipFile, new: list[Exported], file: Path) -> None:
    """Unpack the artifacts aside, then insert the runs and move their artifacts to their places in one transaction."""
    with tempfile.TemporaryDirectory(prefix=f".import-{os.getpid()}.", dir=store.folder / "artifacts") as aside:
        for one in new:
            for name in one.members:
                _unpack(zipped, one, name, Path(aside), file)
        # before the transaction: each of these is one of its own
        experiments = {one.run["experiment"]: store.experiment(one.run["experiment"]) for one in new}
        placed: list[Path] = []
        try:
            with backends.inserting(store.client) as insert:
                for one in new:
                    experiment = experiments[one.run["experiment"]]
                    insert(one.run, experiment)
                    folder = artifacts.folder(store.folder, experiment, one.run["id"])
                    if one.members:
                        folder.parent.mkdir(parents=True, exist_ok=True)
                        placed.append(folder)
                        artifacts.replace_folder(Path(aside) / one.run["id"], folder)
        except BaseException:
            for folder in placed:
                shutil.rmtree(folder, ignore_errors=True)
            raise
