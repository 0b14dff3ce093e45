"""XGBoost's own files are read by another process first: one that ends its reader must not end ours."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from training.contract import UserError
from training.models import guarded


@pytest.fixture
def model(tmp_path: Path) -> Path:
    data = xgb.DMatrix(np.arange(20.0)[:, None], np.arange(20.0))
    file = tmp_path / "000.ubj"
    xgb.train({"max_depth": 2, "nthread": 1}, data, 2).save_model(file)
    return file


def test_a_good_file_is_read_by_another_process_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.check([model])

    def none(*arguments: Any, **options: Any) -> None:
        raise AssertionError("it was read before")

    monkeypatch.setattr(subprocess, "run", none)
    guarded.check([model])


def test_a_file_that_this_machine_wrote_is_known(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.written([model])
    monkeypatch.setattr(subprocess, "run", None)
    guarded.check([model])


def test_a_truncated_file_is_damaged(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:60])
    with pytest.raises(UserError, match=r"the model's files are damaged \(.+\); restore them from a copy"):
        guarded.check([model])


def test_a_file_that_ends_its_reader_is_damaged(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.write_bytes(b"files that nobody has read")
    monkeypatch.setattr(guarded, "READ", f"import os; os.kill(os.getpid(), {signal.SIGSEGV.value})")
    with pytest.raises(UserError, match="XGBoost's reader ended on it"):
        guarded.check([model])


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"001\.ubj: the model's file is missing"):
        guarded.check([tmp_path / "001.ubj"])
