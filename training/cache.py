"""The folder for what is costly to prepare and can be made again: nothing is lost with it."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """Return AFFECTORY_CACHE, or ~/.cache/affectory; made if missing, OSError where it cannot be."""
    found = Path(os.environ.get("AFFECTORY_CACHE") or Path.home() / ".cache" / "affectory")
    found.mkdir(parents=True, exist_ok=True)
    return found
