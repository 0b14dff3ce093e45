"""The folder for what can be prepared again at a cost: the same for commands and pages."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import stat
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)


def folder() -> Path:
    """Return AFFECTORY_CACHE, or ~/.cache/affectory; made if missing.

    Where there is no home, or nothing can be written there, it is a folder of this user's own among the temporary
    files: what is kept there is prepared again after a restart, which costs time alone. OSError where not even that
    can be made.
    """
    named = os.environ.get("AFFECTORY_CACHE")
    try:
        path = Path(named) if named else Path.home() / ".cache" / "affectory"
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK | os.X_OK):
            return path
        reason = "it cannot be written"
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        reason = str(error)
    temporary = _temporary(os.getuid())
    if named:
        _say_once(f"AFFECTORY_CACHE={named} is not used ({reason}); {temporary} is used in its place")
    return temporary


def give_home() -> None:
    """Let this process take a temporary folder for its home where its user has none, as in a container.

    Some libraries cannot be imported without a home; MLflow is one.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(_temporary(os.getuid()))


@functools.cache
def _temporary(user: int) -> Path:
    """Return a folder that nobody but this user can write."""
    path = Path(tempfile.gettempdir()) / f"affectory-{user}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o022:
        return path
    return Path(tempfile.mkdtemp(prefix="affectory-"))  # another user has taken the name


@functools.cache
def _say_once(text: str) -> None:
    log.warning("%s", text)
