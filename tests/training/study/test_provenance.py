from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from affect import record
from training.contract import UserError
from training.study import provenance


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, **who}
    )
    return done.stdout.strip()


def test_code_is_the_commit_and_whether_it_was_changed(checkout: Path) -> None:
    code = provenance.code.__wrapped__
    assert code() == "unknown"
    git(checkout, "init", "-q")
    (checkout / "a.py").write_text("1")
    git(checkout, "add", "a.py")
    git(checkout, "commit", "-qm", "first")
    commit = git(checkout, "rev-parse", "HEAD")
    assert code() == commit
    (checkout / "a.py").write_text("2")
    assert code() == commit + "+"


def test_new_files_of_code_are_a_change_and_others_are_none(checkout: Path) -> None:
    code = provenance.code.__wrapped__
    git(checkout, "init", "-q")
    (checkout / ".gitignore").write_text("*.pyc")
    git(checkout, "add", ".gitignore")
    git(checkout, "commit", "-qm", "first")
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "results.csv").write_text("1")
    method = checkout / "training" / "methods" / "motion" / "mine.py"
    method.parent.mkdir(parents=True)
    method.with_suffix(".pyc").write_text("")
    assert code() == commit
    method.write_text("1")
    assert code() == commit + "+"


def test_machine_fits_a_tag() -> None:
    machine = provenance.machine("cpu")
    assert machine["device"] == "cpu"
    assert "optuna" in machine["versions"]
    assert len(record.to_json(machine)) < record.TAG_LIMIT


def test_asked_device_is_taken_where_it_is_there_and_auto_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert provenance.device("cuda") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device cuda: torch finds no such device"):
        provenance.device("cuda")
    assert provenance.device("auto") in ("cpu", "cuda", "mps")
