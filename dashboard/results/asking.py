"""Which run a text means: an address, or a command's argument."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from dashboard.results.index import Index

SHORTEST = 4
"""Letters of a run id that name a run."""


def find(index: Index, text: str) -> str | None:
    """Return the run that a text names: its id, a study's title or name, a final's title, or an id's first letters.

    None where there is none, or the letters begin several ids. A name that two studies have is the first one's.
    """
    if text in index:
        return text
    named = {title: run_id for run_id, title in index.choices().items()}
    named |= {title: run_id for run_id, title in index.titles.items()}
    if text in named:
        return named[text]
    if len(text) < SHORTEST:
        return None
    begin = index.runs.index[index.runs.index.str.startswith(text)]
    return str(begin[0]) if len(begin) == 1 else None


def asked(index: Index, values: Iterable[str], having: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return the run ids that an address's values name, each once, and the texts that name none that can be shown.

    Several may stand in one value with commas between them. With `having`, a run that has none of these artifacts
    counts as unknown; a run that is no study or final (a trial) only where nothing is asked of its artifacts.
    """
    ids: list[str] = []
    unknown: list[str] = []
    for value in values:
        whole = find(index, value)
        for part in [value] if whole else [p.strip() for p in value.split(",") if p.strip()]:
            run_id = whole or find(index, part)
            if run_id is not None and having and not index.having(index.final_ids(run_id), having):
                run_id = None
            (unknown if run_id is None else ids).append(run_id or part)
    return list(dict.fromkeys(ids)), unknown


def nearest(index: Index, text: str, count: int = 3) -> list[str]:
    """Return titles and ids that resemble a text, those first that begin with it."""
    titles = list(index.choices().values())
    known = [*titles, *index.runs.index]
    begin = [name for name in known if text and name.startswith(text)]
    return (begin or difflib.get_close_matches(text, [*titles, *index.studies], n=count, cutoff=0.4))[:count]
