"""A page as data: a title, a sentence, and a list of views, each a function from runs and answers to items."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dashboard.views.ask import Ask
from dashboard.views.choice import Choice, Row, rows_of
from dashboard.views.items import Item

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.results.record import Record

Make = Callable[[Choice, Ask], Iterable[Item]]
FIRST = "overview"
"""The page that opens where an address names none."""
PAGES = Path(__file__).resolve().parent.parent / "pages_"


@dataclass(frozen=True)
class View:
    """One thing that a page shows.

    Parameters
    ----------
    name : what stands on its button.
    needs : name of the artifact that a run must have, or several of which it must have one; None where the record alone
        is enough.
    make : from the chosen runs and the answers to what is shown. Items are drawn as they come, and what is asked stands
        where it is asked.
    where : whether a run with that artifact can be shown.
    shared : whether the view goes into a shared file.
    formerly : the name by which earlier addresses know the view.
    """

    name: str
    needs: str | tuple[str, ...] | None
    make: Make
    where: Callable[[Record], bool] = lambda record: True
    shared: bool = True
    formerly: str = ""

    def shows(self, row: Row) -> bool:
        """Return whether this view has something of a chosen study or run."""
        records = row.finals or (row.record,)
        having = [record for record in records if not self.artifacts or record.artifacts.intersection(self.artifacts)]
        return any(self.where(record) for record in having)

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The artifacts of which a run must have one; none where the record alone is enough."""
        return (self.needs,) if isinstance(self.needs, str) else self.needs or ()


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Parameters
    ----------
    title : what the sidebar and the page's heading say.
    how : one sentence or two on how to read the page.
    views : what can be chosen on it; those for which no chosen run has anything are not offered.
    group, place : heading in the sidebar and place below it.
    empty, command : what is said where the store has nothing for this page, and the command that changes that.
    looks_at : "runs" where the page shows the runs that are chosen on top of it, "store" where it shows all.
    key : name of the chosen view in the address.
    protocol_key : name of the chosen protocol in the address, of a page that shows one protocol of the store.
    top : what stands above the views.
    heading : the heading where it depends on what is shown; `tab` is the browser's title then.
    stacked : whether the views stand below each other instead of being chosen.
    badges : whether the kind of data stands below the heading; else the page says it itself.
    finals : whether only scored final runs can be shown; else any study and run.
    several : how many studies of one protocol are shown where nobody chose.
    live : whether what is shown may change by itself, and is drawn again every few seconds.
    version : when its value changes while the page is open, the whole page is drawn again.
    """

    title: str
    how: str
    views: Sequence[View]
    group: Literal["Results", "Look inside", "Data"]
    place: int
    empty: str = "Nothing to show yet."
    command: str = "python -m training demo"
    looks_at: Literal["runs", "store"] = "runs"
    key: str = "view"
    protocol_key: str = ""
    top: Make | None = None
    heading: Callable[[Choice], str] | None = None
    tab: Callable[[Choice], str] | None = None
    stacked: bool = False
    badges: bool = True
    finals: bool = True
    several: int = 1
    live: Callable[[Choice], bool] | None = None
    version: Callable[[Choice], Hashable] | None = None
    old_keys: Sequence[str] = ()
    """Names under which earlier addresses of this page hold the chosen runs."""

    def needs(self) -> tuple[str, ...]:
        """Return the artifacts of which a run must have one."""
        return tuple(dict.fromkeys(artifact for view in self.views for artifact in view.artifacts))

    def shows(self, row: Row) -> bool:
        """Return whether any view has something of a chosen study or run."""
        if self.finals and not row.finals:
            return False
        return not self.finals or any(view.shows(row) for view in self.views)

    def shows_any(self, index: Index, ids: Sequence[str]) -> bool:
        """Return whether any view has something of any of these runs."""
        return any(self.shows(row) for row in rows_of(index, ids))

    def query(self, index: Index, ids: Sequence[str]) -> dict[str, str | Sequence[str]]:
        """Return what the address says where the page is to show these runs; of a page of the store, their protocol."""
        if self.looks_at == "runs":
            return {"runs": list(ids)}
        protocol = next((found for run in ids if (found := index.protocol_of(run)) is not None), None)
        return {self.protocol_key: protocol.label} if self.protocol_key and protocol is not None else {}

    def offered(self, choice: Choice) -> list[View]:
        """Return the views that have something of any chosen run."""
        if self.looks_at == "store":
            return list(self.views)
        return [view for view in self.views if any(view.shows(row) for row in choice.rows)]


def load(name: str) -> Page:
    """Return the page in ``pages_/<name>.py``. KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    page = import_module(f"dashboard.pages_.{name}").PAGE
    assert isinstance(page, Page)
    return page


def names() -> list[str]:
    """Return the names of all pages, as their addresses have them."""
    return sorted(file.stem for file in PAGES.glob("*.py") if not file.stem.startswith("_"))
