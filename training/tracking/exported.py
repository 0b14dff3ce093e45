"""What a zip file that `export` wrote holds, refused in one sentence where anything in it is not as it should be.

The file may come from anybody. Its sizes, names, types, numbers and texts are checked here, all of them before the
first is used, so that what `import` writes can be read by every command and page. Nothing in it is unpickled.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from affect import record
from training.contract import UserError
from training.messages import listed, size
from training.tracking import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FORMAT = 1
MANIFEST, RUN = "affectory.json", "run.json"
PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".npy"}
"""Endings of files that readers unpickle; no record has one and none is taken in."""
LARGEST_JSON = 256 << 20
"""Bytes of a run's description: JSON is read whole, and a small zip can unpack to more than there is memory."""
LIMIT = 20.0
"""GB that a file may unpack to, unless `--limit` says more."""
LONGEST_NAME = 255
"""Bytes of a file's or folder's name, which is what file systems take."""

FIELDS: dict[str, type | tuple[type, ...]] = {
    **{"id": str, "experiment": str, "name": str, "user": str, "status": str, "start": int, "end": (int, type(None))},
    **{"tags": dict, "params": dict, "metrics": list, "files": dict},
}
"""What run.json holds. metrics: [name, value or null where it is NaN, milliseconds, step]; files: name → SHA-256."""
LENGTHS = {"experiment": 256, "name": 250, "user": 256}
KEY_LENGTH = 250
"""Characters that MLflow's tables have for a text, and for the name of a tag, a parameter or a metric."""
LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999, after which no calendar goes on."""
LARGEST_STEP = 2**63 - 1

LISTS = ("artifacts", "classes", "labels", "objectives", "steps", "targets")
OBJECTS = ("groups", "hashes", "leaks", "machine", "needs", "settings", "weights")
WHOLE = (
    "record",
    "seed",
    "test_folds",
    "fold",
    "search_folds",
    "search_fold",
    "trial",
    "retry_of",
    "trials_total",
    "repeats",
    "confirm_top",
    "best_trial",
)
"""Tags that hold a JSON list, a JSON object or a whole number, as `affect.record.TAGS` says in words."""

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What Python's zipfile raises of a file that is damaged, encrypted, or packed in a way that it does not know."""


@dataclass(frozen=True)
class Exported:
    """One run of a zip file: its run.json, and the zip's member of each artifact."""

    run: Mapping[str, Any]
    members: Mapping[str, zipfile.ZipInfo]


@contextlib.contextmanager
def opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file; UserError where there is none, or what is there is none."""
    if not os.path.isfile(file):
        found = "no such file" if not os.path.exists(file) else "expected a zip file that `export` wrote"
        raise UserError(f"{file}: {found}")
    with contextlib.ExitStack() as stack:
        with reading(file):
            zipped = stack.enter_context(zipfile.ZipFile(file))
        yield zipped


@contextlib.contextmanager
def reading(file: Path, member: str = "") -> Iterator[None]:
    """Turn what goes wrong while a zip file, or a member of it, is read into a UserError."""
    try:
        yield
    except UserError:
        raise
    except UNREADABLE as error:
        where = f"{file}: member {member!r}" if member else str(file)
        raise UserError(f"{where}: expected a zip file that `export` wrote ({str(error)[:200]})") from error
    except OSError as error:
        raise UserError(f"{file}: {member or 'the file'} cannot be unpacked ({error.strerror or error})") from error


def runs(zipped: zipfile.ZipFile, file: Path, limit: float = LIMIT) -> list[Exported]:
    """Return the runs of a zip file after checking everything in it but the artifacts' content.

    `limit` is in GB. Raises UserError for whatever `export` would not have written.
    """
    members = _members(zipped, file, limit)
    manifest = _json(zipped, members, MANIFEST, file)
    ids = manifest.get("runs")
    if manifest.get("format") != FORMAT or not isinstance(ids, list):
        raise UserError(f"{file}: {MANIFEST} has format {_short(manifest.get('format'))}, expected {FORMAT}")
    if manifest.get("record") not in record.READABLE:
        raise UserError(
            f"{file}: its records are of version {_short(manifest.get('record'))}, this Affectory's of "
            f"{record.RECORD_VERSION}: export and import with the same Affectory"
        )
    parts: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for run_id in ids:
        if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-f]{32}", run_id):
            raise UserError(f"{file}: {MANIFEST}: {_short(run_id)} is no run's id")
        if run_id in parts:
            raise UserError(f"{file}: {MANIFEST} has the run {run_id} twice")
        parts[run_id] = {}
    for name, member in members.items():
        run_id, _, rest = name.partition("/")
        head, _, artifact = rest.partition("/")
        if name == MANIFEST or (run_id in parts and rest == RUN):
            continue
        if run_id not in parts or head != "artifacts" or member.external_attr >> 28 == 0o12:
            raise UserError(f"{file}: unexpected member {_short(name)}")
        _check_artifact(artifact, name, file)
        parts[run_id][artifact] = member
    return [_exported(_json(zipped, members, f"{i}/{RUN}", file), i, parts[i], file) for i in parts]


def missing(tags: Mapping[str, str], names: Iterable[str], where: str) -> list[str]:
    """Return the files and folders that a run's tag `artifacts` lists and that are not among the paths `names`.

    `where` begins the message of the UserError for a tag that is no list of names.
    """
    listing = json_tag(tags, "artifacts", where)
    return sorted(set(listing) - {name.partition("/")[0] for name in names})


def json_tag(tags: Mapping[str, str], name: str, where: str) -> Any:
    """Return what a tag of `LISTS` or `OBJECTS` holds, an empty one where the run has none."""
    kind: type = list if name in LISTS else dict
    text = tags.get(name)
    if not text:
        return kind()
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a character can be written nowhere
    except (ValueError, RecursionError):
        value = None
    texts = name in ("artifacts", "hashes", "needs", "targets", "labels", "objectives")
    if not isinstance(value, kind) or (texts and not all(isinstance(part, str) for part in _parts(value))):
        what = f"JSON {'list' if kind is list else 'object'}" + (" of names" if texts else "")
        raise UserError(f"{where}: the tag {name} is {_short(text)}, expected a {what}")
    return value


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


# ------------------------------------------------------------------------------------------------------ the members


def _members(zipped: zipfile.ZipFile, file: Path, limit: float) -> dict[str, zipfile.ZipInfo]:
    """Return the files in a zip by name. What a member says of its size is the most that is ever read of it."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in zipped.infolist():
        name = member.filename
        if name in members:
            raise UserError(f"{file}: the member {_short(name)} is there twice")
        if member.flag_bits & 1:
            raise UserError(f"{file}: the member {_short(name)} is encrypted; `export` encrypts nothing")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(
                f"{file}: the member {_short(name)} is packed in a way that `export` does not use "
                f"(method {member.compress_type})"
            )
        if not member.is_dir():
            members[name] = member
    for name in members:
        for folder in PurePosixPath(name).parents:
            if str(folder) in members:
                raise UserError(f"{file}: the member {_short(str(folder))} is a file and a folder")
    total = sum(member.file_size for member in members.values())
    if total > limit * 1e9:
        raise UserError(
            f"{file}: it unpacks to {size(total)}, more than the limit of {limit:g} GB; "
            f"--limit {math.ceil(total / 1e9)} allows it"
        )
    return members


def _check_artifact(artifact: str, name: str, file: Path) -> None:
    try:
        artifacts.check_name(artifact)
    except ValueError as error:
        raise UserError(f"{file}: member {_short(name)}: {error}") from error
    if any(len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in name.split("/")) or len(name) > 1000:
        raise UserError(f"{file}: member {_short(name)}: its name is longer than a file system takes")
    if Path(artifact).suffix.lower() in PICKLES:
        raise UserError(f"{file}: member {_short(name)} may be a pickle, and no record has one")


def _json(zipped: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, file: Path) -> dict[str, Any]:
    if name not in members:
        raise UserError(f"{file}: no member {name}; expected a zip file that `export` wrote")
    if members[name].file_size > LARGEST_JSON:
        raise UserError(f"{file}: member {name} unpacks to more than {LARGEST_JSON >> 20} MB")
    with reading(file, name):
        content = zipped.read(members[name])
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except RecursionError:
        raise UserError(f"{file}: member {name}: brackets within brackets, more than can be read") from None
    except ValueError as error:  # no UTF-8, no JSON, a key twice, a number of more digits than Python reads
        raise UserError(f"{file}: member {name} is not JSON ({str(error)[:200]})") from error
    if not isinstance(value, dict):
        raise UserError(f"{file}: member {name}: expected a JSON object, found {type(value).__name__}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; ValueError for a key that is there twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {_short(next(key for key in keys if keys.count(key) > 1))} is there twice")
    return value


# -------------------------------------------------------------------------------------------------- a run's record


def _exported(run: dict[str, Any], run_id: str, members: dict[str, zipfile.ZipInfo], file: Path) -> Exported:
    where = f"{file}: run {run_id[:12]}"
    for name, kind in FIELDS.items():
        if not isinstance(run.get(name), kind) or isinstance(run.get(name), bool):
            raise UserError(f"{where}: {RUN} has {name} {_short(run.get(name))}, expected {_kinds(kind)}")
    if run["id"] != run_id or run["status"] not in ("FINISHED", "FAILED", "KILLED"):
        raise UserError(f"{where}: {RUN} has id {_short(run['id'])} and status {_short(run['status'])}")
    for name, longest in LENGTHS.items():
        _check_text(run[name], longest, f"{where}: {name}")
    for name in ("start", "end"):
        if run[name] is not None and not 0 <= run[name] <= LATEST:
            raise UserError(f"{where}: {RUN} has {name} {_short(run[name])}, expected milliseconds since 1970")
    for what, limit in (("tags", record.TAG_LIMIT), ("params", record.PARAM_LIMIT)):
        for key, value in run[what].items():
            _check_text(key, KEY_LENGTH, f"{where}: a name in {what}")
            _check_text(value, limit, f"{where}: {what} {_short(key)}")
    _check_metrics(run["metrics"], where)
    if set(run["files"]) != set(members) or not all(isinstance(digest, str) for digest in run["files"].values()):
        raise UserError(f"{where}: its artifacts are not those that {RUN} lists")
    own = run["tags"].items()
    tags = {name.removeprefix(record.PREFIX): value for name, value in own if name.startswith(record.PREFIX)}
    for name in (*LISTS, *OBJECTS):
        json_tag(tags, name, where)
    for name in WHOLE:
        if not re.fullmatch(r"(-?[0-9]{1,18})?", tags.get(name, "")):
            raise UserError(f"{where}: the tag {name} is {_short(tags[name])}, expected a whole number")
    if lacking := missing(tags, members, where):
        raise UserError(
            f"{where} ({run['name']}) lists {listed(lacking)}, which the file does not hold: it was exported where "
            "they were missing; export it again from a store that has them"
        )
    return Exported(run, members)


def _check_text(value: Any, limit: int, where: str) -> None:
    if not isinstance(value, str) or len(value) > limit:
        raise UserError(f"{where}: expected a text of at most {limit} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: expected a text, found half of a character (a surrogate)") from None
    if "\0" in value:
        raise UserError(f"{where}: expected a text, found a null byte, which not every database takes")


def _check_metrics(points: list[Any], where: str) -> None:
    seen = set()
    for point in points:
        types = [type(x) for x in point] if isinstance(point, list) else []
        if types not in ([str, float, int, int], [str, int, int, int], [str, type(None), int, int]):
            raise UserError(
                f"{where}: metric {_short(point)}: expected a name, a number or null, milliseconds and a step"
            )
        name, value, time, step = point
        _check_text(name, KEY_LENGTH, f"{where}: metric {_short(name)}")
        if value is not None and not abs(value) <= sys.float_info.max:  # nan is not
            raise UserError(f"{where}: metric {_short(name)} has the value {_short(value)}, expected a finite number")
        if not 0 <= time <= LATEST or not -LARGEST_STEP <= step <= LARGEST_STEP:
            raise UserError(f"{where}: metric {_short(name)} has the time {_short(time)} and the step {_short(step)}")
        if (name, value, time, step) in seen:
            raise UserError(f"{where}: metric {_short(name)} has the same value at step {step} twice")
        seen.add((name, value, time, step))


def _kinds(kind: type | tuple[type, ...]) -> str:
    words = {str: "a text", int: "a whole number", type(None): "null", dict: "an object", list: "a list"}
    return " or ".join(words[one] for one in (kind if isinstance(kind, tuple) else (kind,)))


def _short(value: Any) -> str:
    """Return a value as a message shows it: in one line, never long."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= 80 else f"{text[:77]}…"
