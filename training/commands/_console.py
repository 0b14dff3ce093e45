"""The terminal that commands write to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console


def console() -> Console:
    """Return a console on stdout."""
    from rich.console import Console

    # where there is no terminal to measure (a log, a pipe), tables are not folded at 80 columns
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def warn(sentences: Iterable[str]) -> None:
    """Write sentences to stderr, one a line: stdout may be a table that another program reads."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
