"""Where a score comes from: the commit, the machine and the versions that a run was made with."""

from __future__ import annotations

import functools
import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from training.contract import UserError
from training.messages import unknown
from training.registry import CHECKOUT

CODE = ("affect", "search_spaces", "training")
"""Folders on which scores depend."""
DEVICES = ("auto", "cpu", "cuda", "mps")
PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "xgboost-cpu", "xgboost", "optuna", "mlflow")


@functools.cache
def code() -> str:
    """Return the checkout's commit, followed by + where the code differs from it; "unknown" without git.

    Files that git does not track differ too where they are code: a new method is two of them.
    """
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no").strip()
        new = _git("ls-files", "--others", "--exclude-standard", "--", *CODE).strip()
        return commit + ("+" if changed or new else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout


@functools.cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # either xgboost or xgboost-cpu is installed, never both
            continue
    return versions


def machine(used: str) -> dict[str, object]:
    """Return host, the `used` device, cores, Python, platform and versions of what scores depend on."""
    return {
        "host": socket.gethostname(),
        "device": used,
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": _versions(),
    }


def device(asked: str) -> str:
    """Turn ``--device`` into what is there: "auto" is the first GPU, else the CPU; UserError for one that is not there.

    torch is imported only where the machine shows signs of a GPU: most machines do not, and the import takes seconds.
    """
    if asked not in DEVICES:
        raise UserError(unknown(asked, DEVICES, "device"))
    if asked in ("cuda", "mps"):
        import torch

        there = torch.cuda.is_available() if asked == "cuda" else torch.backends.mps.is_available()
        if not there:
            raise UserError(f"--device {asked}: torch finds no such device on this machine; take cpu, or auto")
        return asked
    if asked == "cpu":
        return asked
    if sys.platform == "darwin" or Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if torch.backends.mps.is_available():
            return "mps"
    return "cpu"


def command() -> str:
    """Return the command line of this process as a person would type it again."""
    import shlex

    return shlex.join(["python", "-m", "training", *sys.argv[1:]])
