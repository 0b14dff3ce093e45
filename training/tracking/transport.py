"""Runs from one store to another as one zip file.

The zip holds ``affectory.json`` (which runs, in which format) and for each run ``<run id>/run.json`` (everything that
MLflow's tables hold of it, and the hash of each artifact) and ``<run id>/artifacts/…``. Ids are kept, so that an
address of a run stays right. Nothing in it is unpickled, and no name in it leads out of its run's folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect import record
from training import cache
from training.contract import UserError
from training.messages import counted, listed
from training.tracking import artifacts, backends
from training.tracking.annotations import PERSONAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.tracking.store import RunInfo, Store

FORMAT = 1
MANIFEST, RUN = "affectory.json", "run.json"
PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".npy"}
"""Endings of files that readers unpickle; no record has one and none is taken in."""
LARGEST_JSON = 256 << 20
"""Bytes of a run's description: JSON is read whole, and a small zip can unpack to more than there is memory."""
FIELDS: dict[str, type | tuple[type, ...]] = {
    **{"id": str, "experiment": str, "name": str, "user": str, "status": str, "start": int, "end": (int, type(None))},
    **{"tags": dict, "params": dict, "metrics": list, "files": dict},
}
"""What run.json holds. metrics: [name, value or null where it is NaN, milliseconds, step]; files: name → SHA-256."""


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
        manifest = {"format": FORMAT, "record": record.RECORD_VERSION, "runs": sorted(chosen)}
        zipped.writestr(MANIFEST, record.to_json(manifest))
        for run_id in sorted(chosen):
            files = store.artifacts(run_id)
            zipped.writestr(f"{run_id}/{RUN}", record.to_json(_describe(store, run_id, files)))
            for name, path in artifacts.files(files):
                zipped.write(path, f"{run_id}/artifacts/{name}")
    return len(chosen)


def _check_files(store: Store, infos: Iterable[RunInfo]) -> None:
    """Raise UserError where a run lists files that are not in its folder, as when only the databases were moved."""
    lacking = []
    for info in infos:
        folder = store.artifacts(info.id)
        if missing := _missing(info.tags, (name for name, _ in artifacts.files(folder))):
            lacking.append((info, folder, missing))
    if lacking:
        info, folder, missing = lacking[0]
        others = f"; likewise {counted(len(lacking) - 1, 'further run')}" if len(lacking) > 1 else ""
        raise UserError(
            f"run {info.id[:12]} ({info.name}) lists {listed(missing)}, not found in {folder}{others}; nothing was "
            "exported. Move the store's folder artifacts/ along with its databases"
        )


def _missing(tags: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Return the files and folders that a run's tag `artifacts` lists and that are not among the paths `names`."""
    return sorted(set(json.loads(tags.get("artifacts") or "[]")) - {name.partition("/")[0] for name in names})


def _choose(store: Store, info: RunInfo, chosen: dict[str, RunInfo]) -> None:
    if info.id in chosen:
        return
    chosen[info.id] = info
    needed = json.loads(info.tags.get("needs") or "{}").values()
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


@dataclass(frozen=True)
class _Described:
    """One run of a zip file: its run.json, and the zip's member of each artifact."""

    run: Mapping[str, Any]
    members: Mapping[str, zipfile.ZipInfo]


def import_(store: Store, file: Path) -> str:
    """Read runs from a zip file that `export` wrote, with their ids, and return a sentence on what was done.

    All of them are taken in or none. A run that is there already stays as it is, and is given the files that it lacks.
    Its protocol's experiment is made where it is missing.

    Raises UserError for a file that is no such zip or lacks files that its runs list, names that lead out of it, a run
    whose id is taken by another content, or a store behind an MLflow server, which gives ids itself.
    """
    if store.remote:
        raise UserError(
            "an MLflow server gives runs new ids; import into its database instead: MLFLOW_TRACKING_URI=postgresql://…"
        )
    try:
        with zipfile.ZipFile(file) as zipped:
            described = _read(zipped, file)
            new, lacking = [], []
            for one in described:
                if (missing := _lacks(store, one.run, file)) is None:
                    new.append(one)
                elif missing:
                    lacking.append((one, missing))
            size = sum(member.file_size for one in new for member in one.members.values())
            size += sum(one.members[name].file_size for one, missing in lacking for name in missing)
            if size > shutil.disk_usage(store.folder).free:
                raise UserError(f"{file}: its artifacts need {size / 1e6:.0f} MB, more than {store.folder} has free")
            _give_files(store, zipped, lacking, file)
            if new:
                _take_in(store, zipped, new, file)
    except FileNotFoundError as error:
        raise UserError(f"{file}: no such file") from error
    except (zipfile.BadZipFile, IsADirectoryError, EOFError) as error:
        raise UserError(f"{file}: expected a zip file that `export` wrote ({error})") from error
    there = len(described) - len(new)
    completed = f", {len(lacking)} of which were given files that they lacked" if lacking else ""
    return f"{len(new)} runs imported" + (f"; {there} were there already{completed}" if there else "")


def _read(zipped: zipfile.ZipFile, file: Path) -> list[_Described]:
    """Return the runs of a zip file after checking every name and type in it."""
    members = {member.filename: member for member in zipped.infolist() if not member.is_dir()}
    manifest = _json(zipped, members, MANIFEST, file)
    ids = manifest.get("runs")
    if manifest.get("format") != FORMAT or not isinstance(ids, list):
        raise UserError(f"{file}: {MANIFEST} has format {manifest.get('format')!r}, expected {FORMAT}")
    if manifest.get("record") not in record.READABLE:
        raise UserError(
            f"{file}: its records are of version {manifest.get('record')!r}, this Affectory's of "
            f"{record.RECORD_VERSION}: export and import with the same Affectory"
        )
    parts: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for run_id in ids:
        if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-f]{32}", run_id):
            raise UserError(f"{file}: {MANIFEST}: {run_id!r} is no run's id")
        parts[run_id] = {}
    for name, member in members.items():
        run_id, _, rest = name.partition("/")
        head, _, artifact = rest.partition("/")
        if name == MANIFEST or (run_id in parts and rest == RUN):
            continue
        if run_id not in parts or head != "artifacts" or member.external_attr >> 28 == 0o12:
            raise UserError(f"{file}: unexpected member {name!r}")
        try:
            artifacts.check_name(artifact)
        except ValueError as error:
            raise UserError(f"{file}: member {name!r}: {error}") from error
        if Path(artifact).suffix.lower() in PICKLES:
            raise UserError(f"{file}: member {name!r} may be a pickle, and no record has one")
        parts[run_id][artifact] = member
    return [_described(_json(zipped, members, f"{i}/{RUN}", file), i, parts[i], file) for i in ids]


def _json(zipped: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, file: Path) -> dict[str, Any]:
    if name not in members:
        raise UserError(f"{file}: no member {name}; expected a zip file that `export` wrote")
    if members[name].file_size > LARGEST_JSON:
        raise UserError(f"{file}: member {name} unpacks to more than {LARGEST_JSON >> 20} MB")
    try:
        value = json.loads(zipped.read(members[name]))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{file}: member {name} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise UserError(f"{file}: member {name}: expected a JSON object, found {type(value).__name__}")
    return value


def _described(run: dict[str, Any], run_id: str, members: dict[str, zipfile.ZipInfo], file: Path) -> _Described:
    where = f"{file}: run {run_id[:12]}"
    for name, kind in FIELDS.items():
        if not isinstance(run.get(name), kind):
            raise UserError(f"{where}: {RUN} has {name} {run.get(name)!r}, expected {kind}")
    if run["id"] != run_id or run["status"] not in ("FINISHED", "FAILED", "KILLED"):
        raise UserError(f"{where}: {RUN} has id {run['id']!r} and status {run['status']!r}")
    for what, limit in (("tags", record.TAG_LIMIT), ("params", record.PARAM_LIMIT)):
        for key, value in run[what].items():
            if not isinstance(value, str) or len(value) > limit or len(key) > 250:
                raise UserError(f"{where}: {what} {key!r}: expected a text of at most {limit} characters")
    for point in run["metrics"]:
        types = [type(x) for x in point] if isinstance(point, list) else []
        if types not in ([str, float, int, int], [str, int, int, int], [str, type(None), int, int]):
            raise UserError(f"{where}: metric {point!r}: expected a name, a number or null, milliseconds and a step")
    if set(run["files"]) != set(members):
        raise UserError(f"{where}: its artifacts are not those that {RUN} lists")
    tags = {name.removeprefix(record.PREFIX): value for name, value in run["tags"].items()}
    try:
        missing = _missing(tags, members)
    except (json.JSONDecodeError, TypeError):
        raise UserError(f"{where}: the tag artifacts is {tags['artifacts']!r}, expected a JSON list of names") from None
    if missing:
        raise UserError(
            f"{where} ({run['name']}) lists {listed(missing)}, which the file does not hold: it was exported where "
            "they were missing; export it again from a store that has them"
        )
    return _Described(run, members)


def _lacks(store: Store, run: Mapping[str, Any], file: Path) -> list[str] | None:
    """Return the files that the store's copy of a run lacks; None where the store does not have the run.

    Raises UserError where another run has its id, or where it was deleted in MLflow.
    """
    if store.lifecycle(run["id"]) is None:
        return None
    store.require(run["id"], f"{file}: {run['name']}")
    own = _describe(store, run["id"], store.artifacts(run["id"]))
    differing = [name for name in FIELDS if _impersonal(own[name]) != _impersonal(run[name])]
    if differing == ["files"] and own["files"].items() <= run["files"].items():
        return sorted(run["files"].keys() - own["files"].keys())
    if differing:
        raise UserError(
            f"{file}: run {run['id'][:12]} ({run['name']}) is in the store with other {', '.join(differing)}; "
            "nothing was imported"
        )
    return []


def _give_files(store: Store, zipped: zipfile.ZipFile, lacking: list[tuple[_Described, list[str]]], file: Path) -> None:
    """Unpack the files that runs of the store lack, all of them before the first is put in its place."""
    with tempfile.TemporaryDirectory(prefix=".import-", dir=store.folder / "artifacts") as aside:
        for one, missing in lacking:
            for name in missing:
                _unpack(zipped, one, name, Path(aside), file)
        for one, missing in lacking:
            folder = store.artifacts(one.run["id"])
            for name in missing:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(aside) / one.run["id"] / name, folder / name)


def _unpack(zipped: zipfile.ZipFile, one: _Described, name: str, aside: Path, file: Path) -> None:
    """Unpack one artifact into `aside`; UserError where it is not the file that run.json lists."""
    path = aside / one.run["id"] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(one.members[name]) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    if _sha256(path) != one.run["files"][name]:
        raise UserError(f"{file}: run {one.run['id'][:12]}: {name} is not the file that {RUN} lists")


def _impersonal(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in PERSONAL} if isinstance(value, dict) else value


def _take_in(store: Store, zipped: zipfile.ZipFile, new: list[_Described], file: Path) -> None:
    """Unpack the artifacts aside, then insert the runs and move their artifacts to their places in one transaction."""
    with tempfile.TemporaryDirectory(prefix=".import-", dir=store.folder / "artifacts") as aside:
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
