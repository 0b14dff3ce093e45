"""What every page is drawn with: its head, figures with tables and downloads, links, messages.

A name from the store is text, never markup: it goes through `escape` before it meets Markdown, or is shown by widgets
that know no Markdown (tables, select boxes, `st.text`, `st.code`). Nothing here allows HTML.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from dashboard import cached
from dashboard.figures import theme
from dashboard.results import tables
from dashboard.views.items import Link

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PAGES = "pages_"
URL = "AFFECTORY_URL"
"""Names the public address of the dashboard."""
PAGE_ROWS = 50
ACTIVATE = "source .venv/bin/activate"
TALL = 20
ASSETS = Path(__file__).resolve().parent / "assets"
SCRIPTS = ("history.js", "rows.js", "zoom.js", "sidebar.js", "copy.js", "sign_in.js")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&:=^])")
_LINKED_LATE = re.compile(r"(:|@|www)", re.IGNORECASE)
_STYLE = """<style>
[data-testid="stWidgetLabelRequired"] { display: none; }
[data-testid="stMainBlockContainer"] { max-width: 76rem; padding-top: 3.6rem; }
[data-testid="stMain"] h2 { font-size: 1.35rem; padding: 1rem 0 .25rem; }
[data-testid="stMain"] h3 { font-size: 1.05rem; padding: .5rem 0 0; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: .8; }
[data-testid="stCaptionContainer"] * { color: inherit; }
[data-testid="stPageLink-NavLink"] p, [data-testid="stBaseButton-tertiary"] p {
  text-decoration: underline; text-underline-offset: .2em; text-decoration-thickness: 1px;
}
[data-tag] { color: light-dark(#FFFFFF, #12161C); }
[data-link-below] {
  font: inherit; font-size: .93rem; color: inherit; background: none; white-space: nowrap; cursor: pointer;
  border: 1px solid light-dark(#C9D1DB, #3A4654); border-radius: .5rem; padding: .3rem .75rem;
}
[data-link-below]:hover { border-color: currentColor; }
[data-link-below]:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
[data-testid="stSidebarNavLink"]:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
</style>"""
"""Ours alone: no text from the store ever goes into it."""
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "toImage"]}
_MODEBAR = {"bgcolor": "rgba(0,0,0,0)", "color": "rgba(135,147,163,0.7)", "activecolor": "#2E7EBF"}


def escape(text: object) -> str:
    """Return `text` such that Markdown shows it letter by letter: no emphasis, link, emoji, formula or colour.

    Emoji codes and bare addresses are looked for after parsing, where a backslash no longer helps: an invisible
    word joiner breaks those. Line breaks become spaces.
    """
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", _LINKED_LATE.sub("\\1\u2060", flat))


def style() -> None:
    """Give the page its look, and the scripts: rows open, zooms stay, links are copied, Back goes back one step."""
    st.html(_STYLE)
    st.html(f"<script>{_scripts()}</script>", unsafe_allow_javascript=True)


@lru_cache
def _scripts() -> str:
    """Return our own scripts, into which no text from the store ever goes."""
    return "\n".join((ASSETS / name).read_text("utf-8") for name in SCRIPTS)


def head(title: str, how_to_read: str, tab: str = "") -> None:
    """Write a page's title, the browser's title, and the sentence that says how to read the page."""
    st.set_page_config(page_title=f"{tab or title} – Affectory")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(title), anchor=False)
        _copy_link(os.environ.get(URL, ""))
    st.caption(escape(how_to_read))
    if notice := cached.notice():
        st.info(escape(notice))


def _copy_link(base: str) -> None:
    """Offer a button that copies the address of what is shown (assets/copy.js), below `base` where there is one."""
    where = html.escape(base, quote=True)
    st.html(f'<button type="button" aria-live="polite" data-link-below="{where}">Copy link</button>', width="content")


def empty(command: str, why: str) -> None:
    """Say that there is nothing, and which command fills it."""
    with st.container(border=True):
        st.markdown(f"**{escape(why)}** This command fills the page:")
        st.code(f"{ACTIVATE}\n{command}", language=None)


def link(to: Link) -> None:
    """Write a link to a page of the dashboard with a query."""
    st.page_link(f"{PAGES}/{to.page}.py", label=escape(to.label), query_params=dict(to.query))


# ------------------------------------------------------------------------------------------- figures and tables


def plot(fig: go.Figure, key: str, alt: str, picks: Callable[[Any], None] | None = None) -> None:
    """Show a figure. `alt` says in words what it shows; `picks` gets what a person clicks or circles in it."""
    name = f"{key}_figure"
    # a copy: a file that is shared or downloaded has colours of its own
    shown = theme.inked(fig, INK.get(st.context.theme.type or "light", INK["light"]), modebar=_MODEBAR)
    _chart(shown, name, alt, picks)


INK = {"light": "#4A5565", "dark": "#B8C2CF"}
"""Colour of axis texts: Streamlit's own is too pale to read."""


def _chart(fig: go.Figure, name: str, alt: str, picks: Callable[[Any], None] | None) -> None:
    if picks is None:
        st.plotly_chart(fig, key=name, theme="streamlit", config=_CONFIG, alt=alt or None)
        return
    st.plotly_chart(
        fig,
        key=name,
        theme="streamlit",
        config={**_CONFIG, "modeBarButtonsToRemove": ["autoScale2d", "toImage"]},
        on_select=lambda: picks(st.session_state[name]["selection"]),
        selection_mode=("points", "box", "lasso"),
        alt=alt or None,
    )


def table(
    frame: pd.DataFrame,
    key: str,
    formats: Mapping[str, str] | None = None,
    fig: go.Figure | None = None,
    opens: Sequence[Link | None] = (),
    height: int | Literal["auto"] = "auto",
    latex: Callable[[], str] | None = None,
) -> None:
    """Show a table with its downloads. `opens` names the page that each row opens.

    Of a long table the browser is sent only the rows in view; a long one whose rows open pages is shown in pages, whose
    number stands in the address.
    """
    frame = _one_type(tables.dated(frame))
    configured = _column_formats(frame, formats or {})
    if any(opens):
        _opening(frame, key, configured, opens, height)
    else:
        st.dataframe(
            frame,
            key=f"{key}_table",
            lazy=True,
            height=height,
            hide_index=True,
            placeholder="–",
            column_config=configured,
        )
    downloads(frame, key, fig, latex)


@st.fragment
def _opening(
    frame: pd.DataFrame,
    key: str,
    configured: dict[str, Any],
    opens: Sequence[Link | None],
    height: int | Literal["auto"],
) -> None:
    """Show a table whose selected row has a link below it; a click or Enter follows the link (assets/rows.js)."""
    pages = -(-len(frame) // PAGE_ROWS)
    place = st.container(key=f"rows_{key}")  # the page's number is asked for first, and stands below
    under = st.container(key=f"open_{key}")
    number = st.pagination(pages, key=f"{key}_page", bind="query-params") if pages > 1 else 1
    first = (number - 1) * PAGE_ROWS
    shown = frame.iloc[first : first + PAGE_ROWS]
    event = place.dataframe(
        shown,
        key=f"{key}_table",
        on_select="rerun",
        selection_mode="single-cell",
        height=height if height != "auto" or len(shown) > TALL else "content",
        hide_index=True,
        placeholder="–",
        column_config=configured,
    )
    cells = event.selection.get("cells") or []
    row = first + cells[0][0] if cells and cells[0][0] < len(shown) else None
    if row is not None and (to := opens[row]) is not None:
        with under:
            link(to)


def _one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns hold one type each, as Arrow wants it: numbers beside words become words."""
    words = [c for c, dtype in frame.dtypes.items() if dtype.kind == "O"]
    mixed = [c for c in words if len({type(value) for value in frame[c].dropna()}) > 1]
    return frame.assign(**{str(c): frame[c].map(str, na_action="ignore") for c in mixed}) if mixed else frame


def _column_formats(frame: pd.DataFrame, formats: Mapping[str, str]) -> dict[str, Any]:
    """Give each column of numbers one number of digits, so that they stand under each other, and times no seconds."""
    found: dict[str, Any] = {}
    for column in frame.columns[[dtype.kind == "f" for dtype in frame.dtypes]]:
        largest, whole = frame[column].abs().max(), (frame[column].dropna() % 1 == 0).all()
        shape = "%d" if whole and largest < 1e6 else "%.4f" if 1e-4 <= largest < 1e4 else "%.4g"
        found[str(column)] = st.column_config.NumberColumn(format=formats.get(str(column), shape))
    for column in frame.columns[[dtype.kind == "M" for dtype in frame.dtypes]]:
        found[str(column)] = st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")
    return found


def downloads(
    frame: pd.DataFrame, key: str, fig: go.Figure | None = None, latex: Callable[[], str] | None = None
) -> None:
    """Offer a table as CSV and LaTeX, and a figure as SVG and PDF. Each is made when it is asked for."""
    with st.container(horizontal=True, gap="small"):
        _download("CSV", lambda: tables.csv(frame), f"{key}.csv", "text/csv", key)
        _download("LaTeX", latex or (lambda: tables.latex(frame)), f"{key}.tex", "application/x-tex", key)
        if fig is not None and (reason := theme.export_impossible()) is None:
            _download("SVG", lambda: theme.export(fig, "svg"), f"{key}.svg", "image/svg+xml", key)
            _download("PDF", lambda: theme.export(fig, "pdf"), f"{key}.pdf", "application/pdf", key)
    if fig is not None and reason is not None:
        st.caption(reason)


def _download(label: str, make: Callable[[], str | bytes], file: str, mime: str, key: str) -> None:
    st.download_button(label, make, file_name=file, mime=mime, key=f"{key}_{label}", on_click="ignore", type="tertiary")


def share_button(make: Callable[[], str], file: str, key: str = "share") -> None:
    """Offer what the page shows as one HTML file that opens offline."""
    st.download_button("Share as one file", make, file_name=file, mime="text/html", key=key, on_click="ignore")


def commands(shown: Sequence[tuple[str, str]], note: str = "") -> None:
    """Offer commands to copy, each below what it does: the dashboard itself never writes."""
    with st.popover("Commands"):
        for what, command in shown:
            st.caption(escape(what))
            st.code(command, language=None, wrap_lines=True)
        if note:
            st.caption(escape(note))
