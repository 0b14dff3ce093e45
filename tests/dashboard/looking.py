"""What a page shows of some runs, without a browser and without Streamlit: the items of its views."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.results.index import Index
from dashboard.store import Source, Store
from dashboard.views import view as views
from dashboard.views.ask import Defaults
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section


@dataclass(frozen=True)
class Shown:
    """The items of one view, and what a test wants to know of them."""

    items: list[Item]
    ask: Defaults

    @property
    def sections(self) -> list[Section]:
        return [item for item in self.items if isinstance(item, Section)]

    @property
    def figures(self) -> list[dict[str, Any]]:
        return [json.loads(section.fig.to_json()) for section in self.sections if section.fig is not None]

    @property
    def tables(self) -> list[pd.DataFrame]:
        return [section.frame for section in self.sections if section.frame is not None]

    @property
    def headings(self) -> list[str]:
        return [section.heading for section in self.sections if section.heading]

    def messages(self, *levels: str) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Message) and item.level in levels]

    @property
    def said(self) -> str:
        return "\n".join(text for item in self.items for text in texts(item))


def texts(value: Any) -> list[str]:
    """Return all texts in an item, those of its parts among them."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [text for part in value for text in texts(part)]
    if is_dataclass(value) and not isinstance(value, type):
        return [text for field in fields(value) for text in texts(getattr(value, field.name))]
    return []


def index_of(folder: Path) -> tuple[Index, Store]:
    store = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    return Index(store.runs()), store


def look(folder: Path, page: str, *names: str, view: str = "", top: bool = False, **answers: Any) -> Shown:
    """Return what a page's view (its first by default; what stands above the views with `top`) shows of some runs."""
    index, store = index_of(folder)
    ids, unknown = index.asked(names)
    assert not unknown, unknown
    items: list[Item] = []
    choice = Choice(index, store, ids, items.append)
    loaded = views.load(page)
    ask = Defaults(answers)
    if top:
        make = loaded.top
        assert make is not None
    else:
        offered = {one.name: one for one in loaded.offered(choice)}
        chosen = offered[view] if view else next(iter(offered.values()))
        choice, make = choice.only([row for row in choice.rows if chosen.shows(row)]), chosen.make
    for item in make(choice, ask):
        items.append(item)
    return Shown(items, ask)


def offered(folder: Path, page: str, *names: str) -> list[str]:
    """Return the names of the views that a page offers for some runs."""
    index, store = index_of(folder)
    return [one.name for one in views.load(page).offered(Choice(index, store, index.asked(names)[0]))]
