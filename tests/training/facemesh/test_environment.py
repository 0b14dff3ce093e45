from __future__ import annotations

import sys

import pytest

from training.contract import UserError
from training.facemesh import environment


def test_one_that_is_there_is_used(console, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path))
    monkeypatch.setattr(environment, "_VERSION", (3, 11))
    made = []

    def run(command):
        made.append(command)

    monkeypatch.setattr(environment, "_run", run)
    first = environment.python(console)
    assert len(made) == 2
    assert made[0][:3] == [sys.executable, "-m", "venv"]
    assert str(environment.REQUIREMENTS) in made[1]
    assert environment.python(console) == first
    assert len(made) == 2, "once"
    assert [path.name for path in tmp_path.iterdir()] == [first.parent.parent.name]


def test_pips_last_words_are_told_and_nothing_is_left(console, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path))
    # pip itself is asked, and told that there is no index; a whole environment would take seconds
    monkeypatch.setattr(environment, "_VERSION", (3, 11))
    monkeypatch.setattr(environment, "_program", lambda folder: sys.executable)
    run = environment._run
    without_index = ("--no-index", "--dry-run")
    monkeypatch.setattr(environment, "_run", lambda of: None if "venv" in of else run([*of, *without_index]))
    with pytest.raises(UserError, match=r"pip needs a package index .* No matching distribution found for .*=="):
        environment.python(console)
    assert not list(tmp_path.iterdir())


def test_a_python_without_wheels_is_told(console, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path))
    monkeypatch.setattr(environment, "_VERSION", (3, 14))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"needs Python 3\.11 or 3\.12, and this is 3\.14; install one"):
        environment.python(console)
    (tmp_path / "python3.12").write_text("#!/bin/sh\n", "utf-8")
    (tmp_path / "python3.12").chmod(0o755)
    assert environment._base() == str(tmp_path / "python3.12")


def test_every_requirement_is_pinned():
    lines = [line for line in environment.REQUIREMENTS.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert "mediapipe==0.10.21" in lines
    assert all("==" in line for line in lines)
