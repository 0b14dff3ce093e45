"""The runs that a page looks at, and their tables: read with care, so that one damaged run never hides the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dashboard.damaged import Damaged
from dashboard.figures import theme
from dashboard.views.items import Item, Message

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.results.index import Index
    from dashboard.results.record import Record

S = TypeVar("S")
T = TypeVar("T")
log = logging.getLogger(__name__)


class Reads(Protocol):
    """What reads a store: `dashboard.cached` on a page, `dashboard.store.Store` for a file."""

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return `Store.table`."""

    def json(self, run_id: str, name: str) -> Any:
        """Return `Store.json`."""

    def text(self, run_id: str, name: str) -> str:
        """Return `Store.text`."""

    def files(self, run_id: str) -> list[str]:
        """Return `Store.files`."""

    def curves(self, run_ids: Iterable[str]) -> pd.DataFrame:
        """Return `Store.curves`."""

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return `Store.stamp`."""

    def where(self) -> str:
        """Return `Store.where`."""


@dataclass(frozen=True)
class Row:
    """One chosen study or run under the name that pages show; `finals` are its final runs, lowest seed first."""

    name: str
    record: Record
    finals: tuple[Record, ...]

    @property
    def run_id(self) -> str:
        """The id that was chosen: of a study or of one run."""
        return self.record.run_id

    def having(self, artifact: str) -> list[Record]:
        """Return the final runs that have an artifact."""
        return [final for final in self.finals if artifact in final.artifacts]


def rows_of(index: Index, ids: Iterable[str]) -> list[Row]:
    """Return the rows of some runs, each once."""
    return [
        Row(index.title(run_id), index.record(run_id), tuple(index.finals(run_id))) for run_id in dict.fromkeys(ids)
    ]


@dataclass
class Choice:
    """The chosen runs, what reads them, and where messages about them go while a view is made."""

    index: Index
    read: Reads
    ids: Sequence[str]
    say: Callable[[Item], None] = field(default=lambda item: None)
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = rows_of(self.index, self.ids)

    @property
    def runs(self) -> pd.DataFrame:
        """The whole run table; nobody changes it."""
        return self.index.runs

    def only(self, rows: Sequence[Row]) -> Choice:
        """Return the choice of these rows alone."""
        return Choice(self.index, self.read, [row.run_id for row in rows], self.say)

    def records(self) -> list[Record]:
        """Return the record of each chosen study or run."""
        return [row.record for row in self.rows]

    def first(self, *artifacts: str) -> dict[str, Record]:
        """Return for each row the final run with the lowest seed that has the first of `artifacts`, else the next."""
        found: dict[str, Record] = {}
        for row in self.rows:
            having = [final for artifact in artifacts for final in row.having(artifact)]
            if having:
                found[row.name] = having[0]
        return found

    def tables(self, artifact: str) -> dict[str, pd.DataFrame]:
        """Return name → the table of the first final run that has it; a damaged one is named and left out."""
        found: dict[str, pd.DataFrame] = {}
        for name, record in self.first(artifact).items():
            with self.guard(name):
                found[name] = self.read.table(record.run_id, artifact)
        return found

    def all_tables(self, artifact: str) -> dict[str, list[pd.DataFrame]]:
        """Return name → the tables of all its final runs that have the artifact; a damaged one is named, left out."""
        found: dict[str, list[pd.DataFrame]] = {}
        for row in self.rows:
            for final in row.having(artifact):
                with self.guard(self.index.title(final.run_id)):
                    table = self.read.table(final.run_id, artifact)
                    found.setdefault(row.name, []).append(table)
        return found

    def map(self, things: Mapping[str, S], make: Callable[[str, S], T]) -> dict[str, T]:
        """Return name → what `make` makes of each run's thing; a run that raises is named and left out."""
        made: dict[str, T] = {}
        for name, thing in things.items():
            with self.guard(name):
                made[name] = make(name, thing)
        return made

    def looks(self) -> dict[str, theme.Look]:
        """Return how each row is drawn: in its method's colour, the same on every page."""
        return theme.of_methods(self.index.methods, {row.name: row.record.method for row in self.rows})

    def row(self, name: str) -> Row:
        """Return the row of a name. KeyError where there is none."""
        found = next((row for row in self.rows if row.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def which_seed(self, artifact: str) -> tuple[str, ...]:
        """Say which final run stands for a study, where a study is among the rows; else nothing."""
        several = any(len(row.having(artifact)) > 1 for row in self.rows)
        return ("For a study, the final run with the lowest seed is shown.",) if several else ()

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Name a run whose data is damaged or odd, and let the others go on."""
        try:
            yield
        except Exception as error:
            self.say(problem(error, name))


def problem(error: Exception, name: str) -> Message:
    """Return in one sentence what went wrong with a run or a view; what was not foreseen goes to the server's log."""
    if isinstance(error, Damaged):
        return Message(f"{name} cannot be read: {error}", "error")
    log.warning("%s could not be shown", name, exc_info=error)
    words = " ".join(str(error).split())[:300]
    return Message(
        f"{name} cannot be shown: its data is not as expected ({type(error).__name__}{': ' + words if words else ''}). "
        "The server's log has the details.",
        "error",
    )
