"""XGBoost's binary models (UBJ), read by its parser only after another process has read them.

The parser reads out of bounds on damaged files and can end the process. What this machine has written or read before is
known by its content and read at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

from training import cache
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READ = "import sys, xgboost\nfor file in sys.argv[1:]: xgboost.Booster(model_file=file)"
SECONDS = 120


def written(files: Sequence[Path]) -> None:
    """Remember files that XGBoost wrote in this process."""
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
        _known(files).parent.mkdir(parents=True, exist_ok=True)
        _known(files).touch()


def check(files: Sequence[Path]) -> None:
    """Raise UserError where XGBoost cannot read the files, or its parser ends its process."""
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: the model's file is missing")
    with contextlib.suppress(OSError):
        if _known(files).exists():
            return
    command = [sys.executable, "-c", READ, *map(str, files)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{files[0].parent}: the model was not read within {SECONDS} s; it is damaged") from None
    if done.returncode:
        reason = "XGBoost's reader ended on it" if done.returncode < 0 else _last_line(done.stderr)
        raise UserError(f"{files[0].parent}: the model's files are damaged ({reason}); restore them from a copy")
    written(files)


def _known(files: Sequence[Path]) -> Path:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return cache.folder() / "models" / digest.hexdigest()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "Error" in line or "Check failed" in line]
    return (lines or ["it cannot be read"])[-1][:200]
