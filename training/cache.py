"""Files that appear completely or not at all, and the folder for what can be prepared again at a cost."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from affect.cache_folder import folder
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_new", "folder", "whole"]


def check_new(path: Path, option: str = "") -> None:
    """Raise UserError where the file `path` is there already, or its folder is not; `option` is what names it."""
    name = f"{option} {path}".lstrip()
    if path.exists():
        raise UserError(f"{name}: the file is there already")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{name}: there is no folder {path.absolute().parent}")


@contextlib.contextmanager
def whole(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Write `path` atomically: yield the path of a temporary file beside it, which takes its name when the block ends.

    Where the block raises, the temporary file is removed and `path` stays as it was. Other processes never see a part
    of the file. Its name begins with a dot and ends like `path`, so that a writer that looks at the ending is content.

    Parameters
    ----------
    sync : wait until the content is on the disk before the file takes its name, so that not even a power cut leaves
        a part of it. False for small files of a cache that are written by the thousand and checked when they are read.
    """
    temporary = path.with_name(f".{secrets.token_hex(6)}.{path.name[-200:]}")
    try:
        yield temporary
        if sync:
            _sync(temporary)
        os.replace(temporary, path)
        if sync:
            _sync(path.absolute().parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
