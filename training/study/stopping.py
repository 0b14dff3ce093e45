"""Ctrl-C and SIGTERM: a study ends cleanly and can go on.

Python raises KeyboardInterrupt wherever it happens to be, and where that is a callback from a compiled library the
exception is printed and lost. So the wish to stop is kept, and `check` raises it again at the next safe place.
"""

from __future__ import annotations

import signal
from typing import Any, NoReturn

_wish = False


def install() -> None:
    """Turn SIGINT and SIGTERM into a kept wish to stop, and KeyboardInterrupt."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: Any) -> NoReturn:
    global _wish  # a process is asked to stop as a whole
    _wish = True
    raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt where the process was asked to stop."""
    if _wish:
        raise KeyboardInterrupt
