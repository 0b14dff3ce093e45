"""What a view returns: figures with their tables, messages, numbers, links, images and texts, none of them drawn yet.

The runner draws items on a page, `dashboard.share` writes the same items into a file, and a test reads them. Every
text in an item is plain: who draws it escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from dashboard.results.card import Card
    from dashboard.results.record import Record


@dataclass(frozen=True)
class Link:
    """A page of the dashboard with its query, such as ``Link("Its errors", "errors", {"runs": run_id})``."""

    label: str
    page: str
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A heading, how to read what is below it, a figure and its table; each may be missing.

    Parameters
    ----------
    key : name of the figure's widgets and of the files to download, unique on the page.
    folded : whether the table is folded up below its figure.
    across : how many such items stand in a row on a wide screen.
    notes : further sentences, below.
    formats : printf format of single columns of the table; the others get one that fits their values.
    opens : the page that each row of the table opens, None for a row that opens none.
    latex : what the LaTeX download is, where it is not the table as it stands.
    private : whether the figure holds images and stays out of shared files.
    picks : gets what a person clicked or circled in the figure (Streamlit's selection).
    """

    heading: str = ""
    text: str = ""
    fig: go.Figure | None = None
    frame: pd.DataFrame | None = None
    key: str = ""
    folded: bool = True
    across: int = 1
    notes: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    opens: Sequence[Link | None] = ()
    picks: Callable[[Any], None] | None = None
    height: int | None = None
    private: bool = False
    latex: Callable[[], str] | None = None


@dataclass(frozen=True)
class Message:
    """A sentence in a box. An ``empty`` one says that there is nothing, and which command fills the page."""

    text: str
    level: Literal["info", "warning", "error", "empty"] = "info"
    command: str = ""


@dataclass(frozen=True)
class Badges:
    """Short words in colour, such as what kind of data is shown."""

    words: Sequence[tuple[str, str]]
    """Word and colour: green, orange, violet, blue, gray, red or yellow."""


@dataclass(frozen=True)
class Value:
    """A number with its name and what to know about it."""

    label: str
    value: str
    help: str = ""


@dataclass(frozen=True)
class Values:
    """Numbers in a row."""

    values: Sequence[Value]


@dataclass(frozen=True)
class Links:
    """Links in a row."""

    links: Sequence[Link]


@dataclass(frozen=True)
class Code:
    """Text of fixed width: a command, a log, a traceback."""

    text: str
    heading: str = ""
    note: str = ""
    height: int | None = None


@dataclass(frozen=True)
class Json:
    """A value decoded from JSON, folded up."""

    value: Any
    heading: str = ""


@dataclass(frozen=True)
class Images:
    """PNG images in a row, each with a caption. They stay out of shared files."""

    images: Sequence[tuple[bytes, str]]
    heading: str = ""


@dataclass(frozen=True)
class Progress:
    """Something that runs: its name, the share that is done (None where unknown), and what to know about it."""

    title: str
    share: float | None
    text: str
    link: Link | None = None
    warning: str = ""


@dataclass(frozen=True)
class Waiting:
    """Something that is being computed; what stands below it is shown until then, and made again when it is done."""

    text: str
    share: Callable[[], float]
    """The share that is done, 1 when all is; asked about once a second."""


@dataclass(frozen=True)
class CardOf:
    """The card of a run; `explained` leads to why published scores cannot be compared with it."""

    card: Card
    standing: str = ""
    explained: Link | None = None


Item = Section | Message | Badges | Values | Links | Code | Json | Images | Progress | Waiting | CardOf


BADGES = {
    "REAL data": "green",
    "SYNTHETIC data": "orange",
    "REAL and SYNTHETIC data": "violet",
    "TRANSFERRED LABELS": "yellow",
    "persons unknown": "yellow",
    "copies across the split": "red",
    "code not committed": "yellow",
    "archived": "gray",
}
"""Marks of runs and their colours."""


def data_badge(records: Iterable[Record]) -> Badges:
    """Return in words whether runs are of REAL data, SYNTHETIC, or both, and what limits them: leaks in red first."""
    records = list(records)
    kinds = {record.synthetic for record in records if record.synthetic is not None}
    words = {(True,): "SYNTHETIC data", (False,): "REAL data", (False, True): "REAL and SYNTHETIC data"}
    known = [words.get(tuple(sorted(kinds)), "")]
    if any(record.transferred for record in records):
        known.append("TRANSFERRED LABELS")
    leaks = [(text, "red") for text in dict.fromkeys(record.leak_text for record in records) if text]
    return Badges([*leaks, *((word, BADGES[word]) for word in known if word)])
