from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from training import cache


def test_a_file_appears_when_it_is_complete_or_not_at_all(tmp_path: Path):
    file = tmp_path / "table.csv"
    file.write_text("old")
    with contextlib.suppress(ZeroDivisionError), cache.whole(file) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert file.read_text() == "old"
    with cache.whole(file) as part:
        part.write_text("new")
        assert part.suffix == ".csv", "np.save adds an ending where it misses its own"
        assert part.parent == file.parent, "a rename is atomic on one file system only"
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [*tmp_path.iterdir()] == [file]


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (steps.append("sync"), sync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("rename"), rename(*names)))
    with cache.whole(tmp_path / "a") as part:
        part.write_text("x")
    assert steps == ["sync", "rename", "sync"]
    steps.clear()
    with cache.whole(tmp_path / "b", sync=False) as part:
        part.write_text("x")
    assert steps == ["rename"]


def test_a_name_as_long_as_a_file_system_allows_can_be_written(tmp_path: Path):
    file = tmp_path / ("n" * 250 + ".csv")
    with cache.whole(file) as part:
        part.write_text("x")
    assert file.read_text() == "x"
