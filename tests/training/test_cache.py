from __future__ import annotations

from pathlib import Path

import pytest

from training import cache


def test_the_cache_is_where_the_environment_says_and_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "a" / "b"))
    assert cache.folder() == tmp_path / "a" / "b"
    assert cache.folder().is_dir()
    monkeypatch.setenv("AFFECTORY_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "affectory"
    monkeypatch.setenv("AFFECTORY_CACHE", "/proc/none")
    with pytest.raises(OSError, match="none"):
        cache.folder()
