"""What pages show as one HTML file that opens offline: to send to somebody who has no access to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact
from dashboard.views import items
from dashboard.views.ask import Defaults
from dashboard.views.cards import card_of
from dashboard.views.choice import Choice, Reads, problem
from dashboard.views.document import Chapter, document
from dashboard.views.items import Item

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.views.view import Page, View

Draw = Callable[[Item], None]


def page_file(index: Index, read: Reads, title: str, how: str, shown: Sequence[Item], ids: Sequence[str]) -> str:
    """Return the file of what a page shows, with the cards of the runs that do not stand on it anyway."""
    has_cards = any(isinstance(item, items.CardOf) for item in shown)
    cards = [] if has_cards else [card_of(index, read, run_id) for run_id in ids]
    return document(title, how, [Chapter(title, how, [*shown, *cards])], footer(index, ids))


def footer(index: Index, ids: Sequence[str]) -> str:
    """Return when the file was made, and of which runs, protocols and commits."""
    now = pd.Timestamp.now("UTC")
    parts = [f"Affectory, {now:%-d %B %Y %H:%M} UTC."]
    if ids:
        records = [index.record(run) for run in ids]
        parts.append(f"Run {', '.join(ids)}.")
        parts.append(f"Protocol {'; '.join(dict.fromkeys(record.protocol for record in records))}.")
        parts.append(f"Commit {', '.join(dict.fromkeys(record.code_text for record in records))}.")
    return " ".join(parts)


def views(
    page: Page,
    index: Index,
    read: Reads,
    ids: Sequence[str],
    answers: Mapping[str, str] | None = None,
    images: bool = False,
) -> list[Item]:
    """Return all that a page shows of some runs: every view, one after the other.

    Parameters
    ----------
    answers : what is chosen on the page, by its name in the address; what a page shows by itself where nothing is.
    images : whether views of images are among them.
    """
    shown: list[Item] = []
    choice = Choice(index, read, ids, shown.append)
    if page.looks_at == "runs":
        shown.append(items.data_badge(choice.records()))
    makes = [(page.title, page.top, choice)] if page.top is not None else []
    for view in page.offered(choice):
        if _goes(view, images):
            rows = [row for row in choice.rows if view.shows(row)] if page.looks_at == "runs" else choice.rows
            makes.append((view.name, view.make, choice.only(rows)))
    for name, make, of in makes:
        try:
            made = list(make(of, Defaults(answers)))
            for waiting in [item for item in made if isinstance(item, items.Waiting)]:
                while waiting.share() < 1.0:
                    time.sleep(0.1)
            if any(isinstance(item, items.Waiting) for item in made):
                made = list(make(of, Defaults(answers)))
            shown += _named(made, name)
        except Exception as error:
            shown.append(problem(error, name))
    return _once(shown)


def _goes(view: View, images: bool) -> bool:
    """Return whether a view goes into a file."""
    return view.shared or (images and Artifact.SAMPLES in view.artifacts)


def _once(shown: Sequence[Item]) -> list[Item]:
    """Leave out badges and messages that a view before has said in the same words."""
    said: list[Item] = []
    kept = []
    for item in shown:
        if isinstance(item, items.Badges | items.Message):
            if item in said:
                continue
            said.append(item)
        kept.append(item)
    return kept


def _named(made: Sequence[Item], view: str) -> list[Item]:
    """Give a view's first section its name, where that has no heading: a file has no buttons that say it."""
    first = next((place for place, item in enumerate(made) if isinstance(item, items.Section)), None)
    return [
        replace(item, heading=view) if place == first and isinstance(item, items.Section) and not item.heading else item
        for place, item in enumerate(made)
    ]


def file(index: Index, read: Reads, pages: Sequence[Page], ids: Sequence[str], images: bool = False) -> str:
    """Return the file of some runs: all that several pages show of them, a chapter each."""
    chapters: list[Chapter] = []
    for page in pages:
        shown = views(page, index, read, ids, images=images)
        if chapters:
            shown = [item for item in shown if not isinstance(item, items.Badges)]
        chapters.append(Chapter(page.title, page.how, shown))
    if not any(isinstance(item, items.CardOf) for chapter in chapters for item in chapter.shown):
        cards = [card_of(index, read, run_id) for run_id in ids]
        chapters[-1] = replace(chapters[-1], shown=[*chapters[-1].shown, *cards])
    title = index.title(ids[0]) if len(ids) == 1 else f"{len(ids)} runs" if ids else pages[0].title
    how = pages[0].how if len(pages) == 1 else ""
    return document(title, how, chapters, footer(index, ids), images)
