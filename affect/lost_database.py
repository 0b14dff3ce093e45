"""Whether the embedded store's MLflow database was lost while what belongs to it is still there.

Commands and pages ask here, so that neither takes such a store for an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OPTUNA_FILE = "optuna.db"


def sentence(file: Path) -> str:
    """Return in words that the database `file` is missing or empty but its runs left something; else empty."""
    if has_content(file):
        return ""
    left = [OPTUNA_FILE] if has_content(file.with_name(OPTUNA_FILE)) else []
    # a run's folder is artifacts/<experiment>/<run>
    left += ["artifacts/"] if next((file.parent / "artifacts").glob("*/*/"), None) else []
    if not left:
        return ""
    state = "is empty" if file.exists() else "is missing"
    verb = "are" if len(left) > 1 else "is"
    return f"{file} {state}, but {' and '.join(left)} of its runs {verb} there: the database was lost"


def has_content(file: Path) -> bool:
    """Return whether there is a file of more than no bytes, which is what a killed SQLite leaves at first."""
    return file.is_file() and file.stat().st_size > 0
