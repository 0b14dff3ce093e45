"""A zip file from anybody: whatever is odd in it is refused in one sentence, and nothing of it is taken in."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affect import record
from training.contract import UserError
from training.tracking import exported

RUN = "a" * 32
FILES = {"log.txt": b"a log\n", "model/net.safetensors": b"weights"}
DESCRIPTION: dict[str, Any] = {
    **{"id": RUN, "experiment": "lma", "name": "final", "user": "ada", "status": "FINISHED", "start": 1, "end": None},
    "tags": {"affectory.kind": "final", "affectory.artifacts": '["log.txt","model"]'},
    "params": {"lr": "0.1"},
    "metrics": [["test/mae/all", 0.25, 5, 0], ["test/mae/all", None, 6, 1]],
    "files": dict.fromkeys(FILES, "hash"),
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an exported run with other members, or another text or other fields of run.json."""

    def make(text: str = "", members: dict[str, bytes] | None = None, **fields: Any) -> Path:
        file = tmp_path / "runs.zip"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("affectory.json", json.dumps({"format": 1, "record": 2, "runs": [RUN]}))
            zipped.writestr(f"{RUN}/run.json", text or json.dumps({**DESCRIPTION, **fields}))
            for name, content in {**FILES, **(members or {})}.items():
                zipped.writestr(f"{RUN}/artifacts/{name}", content)
        return file

    return make


def read(file: Path, limit: float = exported.LIMIT) -> list[exported.Exported]:
    with exported.opened(file) as zipped:
        return exported.runs(zipped, file, limit)


def test_what_export_writes_is_read(write: Write):
    (one,) = read(write())
    assert one.run == DESCRIPTION
    assert set(one.members) == set(FILES)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": 10**18}, "has start 1000000000000000000, expected milliseconds"),
        ({"end": -1}, "has end -1"),
        ({"start": True}, "has start True, expected a whole number"),
        ({"start": 1.0}, r"has start 1\.0"),
        ({"name": "x" * 251}, "name: expected a text of at most 250"),
        ({"name": "\ud800"}, "half of a character"),
        ({"user": "a\0b"}, "a null byte"),
        ({"tags": {"affectory.note": "\udfff"}}, r"tags 'affectory\.note': expected a text, found half"),
        ({"tags": {"x" * 251: ""}}, "a name in tags: expected a text of at most 250"),
        ({"tags": {"affectory.settings": "5"}}, r"the tag settings is '5', expected a JSON object"),
        ({"tags": {"affectory.groups": "[1]"}}, r"the tag groups is '\[1\]', expected a JSON object"),
        ({"tags": {"affectory.machine": "[" * 3900 + "]" * 3900}}, "the tag machine is"),
        ({"tags": {"affectory.targets": "[[1]]"}}, "expected a JSON list of names"),
        ({"tags": {"affectory.artifacts": "{"}}, "the tag artifacts is '{'"),
        ({"tags": {"affectory.seed": "many"}}, "the tag seed is 'many', expected a whole number"),
        ({"tags": {"affectory.trial": "9" * 5000}}, "the tag trial is"),
        ({"metrics": [["m", 10**400, 0, 0]]}, "expected a finite number"),
        ({"metrics": [["m", float("nan"), 0, 0]]}, "has the value nan"),
        ({"metrics": [["m", 0.5, 10**20, 0]]}, "has the time 100000000000000000000"),
        ({"metrics": [["m", 0.5, 0, 2**63]]}, "the step 9223372036854775808"),
        ({"metrics": [["m", 0.5, 0, 0]] * 2}, "has the same value at step 0 twice"),
        ({"metrics": [["m", True, 0, 0]]}, "expected a name, a number or null"),
        ({"metrics": [["\ud800", 1.0, 0, 0]]}, "half of a character"),
        ({"files": {**DESCRIPTION["files"], "log.txt": 5}}, "not those that"),
    ],
)
def test_a_record_that_no_command_could_read_is_refused(write: Write, fields: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message) as caught:
        read(write(**fields))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "brackets within brackets"),
        ('{"id": ' + "9" * 5000 + "}", "is not JSON"),
        ('{"id": "a", "id": "b"}', "the key 'id' is there twice"),
        ("\ufeff{}", "is not JSON"),
        ('"x"', "expected a JSON object"),
    ],
)
def test_json_that_cannot_be_read_is_refused(write: Write, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read(write(text))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x" * 300: b""}, "longer than a file system takes"),
        ({"log.txt/more": b""}, r"log\.txt' is a file and a folder"),
        ({"a//b": b""}, "is no artifact's name"),
    ],
)
def test_a_name_that_no_disk_takes_is_refused(write: Write, members: dict[str, bytes], message: str):
    with pytest.raises(UserError, match=message):
        read(write(members=members))


def test_a_member_or_a_run_that_is_there_twice_is_refused(write: Write):
    file = write()
    with zipfile.ZipFile(file, "a") as zipped, pytest.warns(UserWarning, match="Duplicate name"):
        zipped.writestr(f"{RUN}/artifacts/log.txt", b"another")
    with pytest.raises(UserError, match=r"log\.txt' is there twice"):
        read(file)
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("affectory.json", json.dumps({"format": 1, "record": 2, "runs": [RUN, RUN]}))
    with pytest.raises(UserError, match=f"has the run {RUN} twice"):
        read(file)


def change_headers(file: Path, offset: int, value: int) -> None:
    """Write a number of two bytes into the central directory's entry of every member."""
    content = bytearray(file.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at != -1:
        struct.pack_into("<H", content, at + offset, value)
        at = content.find(b"PK\x01\x02", at + 1)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("offset", "value", "message"), [(8, 1, "is encrypted"), (10, 99, "packed in a way"), (6, 99, "zip file version")]
)
def test_encrypted_and_unknown_packing_is_refused(write: Write, offset: int, value: int, message: str):
    file = write()
    change_headers(file, offset, value)
    with pytest.raises(UserError, match=message):
        read(file)


def test_the_limit_is_said_with_the_way_round_it(write: Write):
    file = write(members={"more.txt": bytes(3_000_000)}, files={**DESCRIPTION["files"], "more.txt": "hash"})
    with pytest.raises(UserError, match=r"unpacks to 3\.0 MB, more than the limit of 0\.001 GB; --limit 1 allows it"):
        read(file, 0.001)
    assert read(file, 1)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.zip")
    for file, message in (
        ("pipe.zip", "expected a zip file"),
        ("none.zip", "no such file"),
        ("x" * 300, "no such file"),
    ):
        with pytest.raises(UserError, match=message):
            read(tmp_path / file)


def test_the_tags_that_are_checked_are_those_of_the_record():
    assert {name for name, about in record.TAGS.items() if "JSON list" in about} == set(exported.LISTS)
    assert {name for name, about in record.TAGS.items() if "JSON object" in about or "JSON {" in about} == set(
        exported.OBJECTS
    )
    assert set(exported.WHOLE) <= set(record.TAGS)
