"""What pages show as one HTML file that opens offline: to send to somebody who has no access to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from dashboard.views import items
from dashboard.views.ask import Defaults
from dashboard.views.cards import card_of
from dashboard.views.choice import Choice, Reads, problem
from dashboard.views.document import document
from dashboard.views.items import Item

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.views.view import Page

Draw = Callable[[Item], None]


def page_file(index: Index, read: Reads, title: str, how: str, shown: Sequence[Item], ids: Sequence[str]) -> str:
    """Return the file of what a page shows, with the cards of the runs that do not stand on it anyway."""
    has_cards = any(isinstance(item, items.CardOf) for item in shown)
    cards = [] if has_cards else [card_of(index, read, run_id) for run_id in ids]
    return document(title, how, [*shown, *cards], _footer(index, ids))


def _footer(index: Index, ids: Sequence[str]) -> str:
    now = pd.Timestamp.now("UTC")
    parts = [f"Affectory, {now:%-d %B %Y %H:%M} UTC."]
    if ids:
        records = [index.record(run) for run in ids]
        parts.append(f"Run {', '.join(ids)}.")
        parts.append(f"Protocol {'; '.join(dict.fromkeys(record.protocol for record in records))}.")
        parts.append(f"Commit {', '.join(dict.fromkeys(record.code_text for record in records))}.")
    return " ".join(parts)


def views(page: Page, index: Index, read: Reads, ids: Sequence[str]) -> list[Item]:
    """Return all that a page shows of some runs where nobody chose anything: every view, one after the other."""
    shown: list[Item] = []
    choice = Choice(index, read, ids, shown.append)
    if page.looks_at == "runs":
        shown.append(items.data_badge(choice.records()))
    makes = [(page.title, page.top, choice)] if page.top is not None else []
    for view in page.offered(choice):
        if view.shared:
            rows = [row for row in choice.rows if view.shows(row)]
            makes.append((view.name, view.make, choice.only(rows)))
    for name, make, of in makes:
        try:
            made = list(make(of, Defaults()))
            for waiting in [item for item in made if isinstance(item, items.Waiting)]:
                while waiting.share() < 1.0:
                    time.sleep(0.1)
            if any(isinstance(item, items.Waiting) for item in made):
                made = list(make(of, Defaults()))
            shown += [_named(item, name) for item in made]
        except Exception as error:
            shown.append(problem(error, name))
    return shown


def _named(item: Item, view: str) -> Item:
    """Give a section without a heading its view's name: a file has no buttons that say it."""
    return replace(item, heading=view) if isinstance(item, items.Section) and not item.heading else item


def file(index: Index, read: Reads, pages: Sequence[Page], ids: Sequence[str]) -> str:
    """Return the file of some runs: all that several pages show of them."""
    shown: list[Item] = []
    for page in pages:
        found = views(page, index, read, ids)
        if shown:
            found = [item for item in found if not isinstance(item, items.Badges)]
        shown += found
    title = pages[0].title if not ids else index.title(ids[0]) if len(ids) == 1 else f"{len(ids)} runs"
    how = " ".join(page.how for page in pages) if len(pages) == 1 else ", ".join(page.title for page in pages)
    return page_file(index, read, title, how, shown, ids)
