"""Ctrl-C and SIGTERM: a study ends cleanly and can go on.

Python raises KeyboardInterrupt wherever it happens to be, and where that is a callback from a compiled library the
exception is printed and lost. So the wish to stop is kept, and `check` raises it again at the next safe place.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_wish = False
_cleaning = 0


def install() -> None:
    """Turn SIGINT and SIGTERM into a kept wish to stop, and KeyboardInterrupt."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: Any) -> None:
    global _wish  # a process is asked to stop as a whole
    _wish = True
    if not _cleaning:
        raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt where the process was asked to stop."""
    if _wish:
        raise KeyboardInterrupt


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """Let a second Ctrl-C or SIGTERM wait while the block runs, so that what was stopped is written down to its end."""
    global _cleaning  # of the process, as its signals are
    _cleaning += 1
    try:
        yield
    finally:
        _cleaning -= 1
