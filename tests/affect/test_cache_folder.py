from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from affect import cache_folder


def test_the_cache_is_where_the_environment_says_and_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "a" / "b"))
    assert cache_folder.folder() == tmp_path / "a" / "b"
    assert cache_folder.folder().is_dir()
    monkeypatch.setenv("AFFECTORY_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder.folder() == tmp_path / ".cache" / "affectory"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder in which temporary files are; what the cache remembers of it is forgotten afterwards."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    cache_folder._temporary.cache_clear()
    yield tmp_path / "tmp"
    cache_folder._temporary.cache_clear()


def test_a_cache_that_cannot_be_written_is_said_and_lies_among_the_temporary_files(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("AFFECTORY_CACHE", "/proc/none")
    assert cache_folder.folder() == cache_folder.folder() == elsewhere / f"affectory-{os.getuid()}"
    assert cache_folder.folder().stat().st_mode & 0o777 == 0o700
    (said,) = caplog.messages
    assert said.startswith("AFFECTORY_CACHE=/proc/none is not used (")


def test_a_user_without_a_home_has_a_cache_that_nobody_else_can_write(elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("AFFECTORY_CACHE", "")
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(Path, "home", no_home)
    (elsewhere / "mine").mkdir()
    (elsewhere / f"affectory-{os.getuid()}").symlink_to(elsewhere / "mine")  # as another user may have left it
    assert cache_folder.folder().parent == elsewhere
    assert not cache_folder.folder().is_symlink()
    assert list((elsewhere / "mine").iterdir()) == []
    cache_folder.give_home()
    assert os.environ["HOME"] == str(cache_folder.folder())
