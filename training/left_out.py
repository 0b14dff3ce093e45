"""What a reader leaves out, counted and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.messages import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMED = 50
"""Names of a reason that a summary lists; the count is of all."""


def sentences(skipped: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return a sentence for each reason, from reason (a plural) → names.

    >>> sentences({"files that are no image": ["notes.txt"]})
    ('left out, files that are no image: 1 (notes.txt)',)
    """
    return tuple(f"left out, {why}: {len(names):,} ({listed(names, 3)})" for why, names in skipped.items() if names)


def summary(skipped: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return what data_summary.json says of it: the count of all, and for each reason its count and first names."""
    return {
        "skipped": sum(map(len, skipped.values())),
        "skipped_rows": {why: {"count": len(names), "first": [*names[:NAMED]]} for why, names in skipped.items()},
    }


def add(skipped: dict[str, list[str]], more: Mapping[str, Sequence[str]]) -> None:
    """Add names to those of the same reasons."""
    for why, names in more.items():
        skipped.setdefault(why, []).extend(names)
