"""Questions that several views ask in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from affect import record
from dashboard.results import names

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.views.ask import Ask


def part(ask: Ask, tables: Iterable[pd.DataFrame], key: str) -> str:
    """Ask for a part of the split that the tables have, test first."""
    frames = list(tables)
    known = [name for name in reversed(record.PARTS) if any((frame["part"] == name).any() for frame in frames)]
    return ask.one("Part", known, key) if len(known) > 1 else (known or ["test"])[0]


def target(ask: Ask, targets: Sequence[str], key: str, label: str = "Target") -> str:
    """Ask for one of the targets."""
    return ask.one(label, list(targets), key, name=names.target, fixed=True) if len(targets) > 1 else targets[0]
