"""Sentences of messages: the nearest valid names beside a wrong one, and plurals."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 5
"""Names that a message lists at most; it counts the others."""


def close(name: str, known: Iterable[str], *, count: int = 3, cutoff: float = 0.4) -> list[str]:
    """Return at most `count` of the known names that are most like `name`, in any case of letters; [] for none.

    `cutoff` is the least similarity: 0 takes everything, 1 nothing but the name itself.

    >>> close("frd", ["Fred", "anger"])
    ['Fred']
    """
    by_lower: dict[str, str] = {}
    for one in known:
        by_lower.setdefault(one.lower(), one)
    return [by_lower[lower] for lower in difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=cutoff)]


def nearest(name: str, known: Iterable[str], *, count: int = 3, cutoff: float = 0.4) -> str:
    """Return the end of a sentence that names what is most like `name`; "" where nothing is.

    >>> nearest("trian", ["train", "validation"])
    "; nearest: 'train'"
    """
    names = close(name, known, count=count, cutoff=cutoff)
    return f"; nearest: {', '.join(map(repr, names))}" if names else ""


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """Return the sentence on an unknown name: what was asked for, and the nearest valid choices.

    >>> unknown("medain", ["median", "none"], "pruner")
    "unknown pruner 'medain'; did you mean median?"
    """
    known, name = list(known), short(name)
    # a method's name without its family is nearest to the path that ends in it
    names = [one for one in known if one.rpartition("/")[2] == name] or close(name, known)
    hint = f"did you mean {' or '.join(names)}?" if names else f"known: {', '.join(known) or 'none'}"
    return f"unknown {what} {name!r}; {hint}"


def short(text: str, longest: int = 80) -> str:
    """Return a text as a message shows it: cut where it is longer than a line.

    >>> short("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def listed(names: Iterable[str], shown: int = SHOWN) -> str:
    """Return the first names of a list and how many more there are.

    >>> listed(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    names = list(names)
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def counted(count: int, kind: str) -> str:
    """Return a number and its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{count:,} {kind if count == 1 else plural(kind)}"


def plural(kind: str) -> str:
    """Return the plural of a noun; of several words, the first is it.

    >>> plural("clip"), plural("class"), plural("run of windows")
    ('clips', 'classes', 'runs of windows')
    """
    head, _, rest = kind.partition(" ")
    return f"{head}{'es' if head.endswith(('s', 'x', 'ch')) else 's'} {rest}".rstrip()


def size(count: int) -> str:
    """Return a number of bytes in the largest unit that leaves a digit before the point.

    >>> size(10), size(12_300_000)
    ('10 B', '12.3 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"
