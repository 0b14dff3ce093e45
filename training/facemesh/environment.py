"""The environment in which FaceMesh runs: made on first use, in the cache, by Python's venv and pip."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training import cache
from training.contract import UserError

if TYPE_CHECKING:
    from rich.console import Console

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_VERSION = sys.version_info[:2]
_SUITABLE = ((3, 11), (3, 12))
"""The versions of Python that have all of the requirements."""


def python(console: Console) -> Path:
    """Return the Python that has MediaPipe; where there is none yet, make its environment, and say so.

    It is kept in the cache (AFFECTORY_CACHE, or ~/.cache/affectory) under a name that changes with its requirements.
    Raises UserError with pip's own last words where that fails, as without a network.
    """
    pins = REQUIREMENTS.read_bytes()
    name = f"facemesh-{hashlib.sha256(pins).hexdigest()[:12]}-py{_dotted(_VERSION)}"
    folder = cache.folder() / name
    if not folder.is_dir():
        _make(folder, console)
    return _program(folder)


def _make(folder: Path, console: Console) -> None:
    base = _base()
    # made elsewhere and then renamed: one that is there is complete, whoever else is making it
    unfinished = Path(tempfile.mkdtemp(prefix="facemesh-", dir=folder.parent))
    try:
        with console.status("making the environment for FaceMesh (once; MediaPipe is about 400 MB) …"):
            _run([base, "-m", "venv", str(unfinished)])
            # isolated (-I), as the worker is: what lies on a PYTHONPATH would count as installed
            pip = [str(_program(unfinished)), "-I", "-m", "pip"]
            _run([*pip, "install", "--quiet", "--no-deps", "-r", str(REQUIREMENTS)])
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _base() -> str:
    """Return a Python that MediaPipe was built for: this one, or else one that the machine has beside it."""
    if _VERSION in _SUITABLE:
        return sys.executable
    for version in _SUITABLE:
        if other := shutil.which(f"python{_dotted(version)}"):
            return other
    names = " or ".join(map(_dotted, _SUITABLE))
    raise UserError(
        f"FaceMesh (MediaPipe 0.10.21) needs Python {names}, and this is {_dotted(_VERSION)}; install one of them "
        "beside it, or export the meshes on another machine"
    )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _run(command: list[str]) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode:
        lines = [line.strip() for line in (ran.stderr + ran.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines[-3:]
        raise UserError(
            "the environment for FaceMesh could not be made: pip needs a package index the first time (its own "
            f"settings, such as PIP_INDEX_URL or PIP_FIND_LINKS, are heeded). {' '.join(errors)}"
        )


def _program(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
