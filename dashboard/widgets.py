"""What every page is built of: header, choices that live in the address, figures with table and downloads, messages.

A name from the store is text, never markup: it goes through `escape` before it meets Markdown, or is shown by widgets
that know no Markdown (tables, select boxes, `st.text`, `st.code`). Nothing here allows HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import streamlit as st

from dashboard import cached
from dashboard.damaged import Damaged
from dashboard.figures import theme
from dashboard.results import tables

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PAGES = "pages_"
PAGE_ROWS = 50
TALL = 20

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&:=^])")
_LINKED_LATE = re.compile(r"(:|@|www)", re.IGNORECASE)
_STYLE = """<style>
[data-testid="stWidgetLabelRequired"] { display: none; }
[data-testid="stMainBlockContainer"] { max-width: 76rem; }
</style>"""
"""Ours alone: no text from the store ever goes into it."""
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "toImage"]}


def escape(text: object) -> str:
    """Return `text` such that Markdown shows it letter by letter: no emphasis, link, emoji, formula or colour.

    Emoji codes and bare addresses are looked for after parsing, where a backslash no longer helps: an invisible
    word joiner breaks those. Line breaks become spaces.
    """
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", _LINKED_LATE.sub("\\1\u2060", flat))


def header(title: str, how_to_read: str, synthetic: bool | Sequence[bool] | None = None) -> None:
    """Write a page's title, the sentence that says how to read it, and whether its data is REAL or SYNTHETIC."""
    st.html(_STYLE)
    st.html(f"<script>{_script()}</script>", unsafe_allow_javascript=True)
    st.title(escape(title), anchor=False)
    st.caption(escape(how_to_read))
    if notice := cached.notice():
        st.info(escape(notice))
    if synthetic is not None:
        data_badge(synthetic)


@lru_cache
def _script() -> str:
    """Return our own script, into which no text from the store ever goes."""
    return (Path(__file__).resolve().parent / "assets" / "history.js").read_text("utf-8")


def data_badge(synthetic: bool | Sequence[bool]) -> None:
    """Say in words whether the data shown is REAL, SYNTHETIC, or both."""
    kinds = {synthetic} if isinstance(synthetic, bool) else {bool(s) for s in synthetic}
    if kinds == {True}:
        st.badge("SYNTHETIC data", color="orange")
    elif kinds == {False}:
        st.badge("REAL data", color="green")
    elif kinds:
        st.badge("REAL and SYNTHETIC data", color="violet")


def empty(command: str, why: str = "Nothing to show yet.") -> None:
    """Say that there is nothing, and which command fills it."""
    with st.container(border=True):
        st.markdown(f"**{escape(why)}** This command fills the page:")
        st.code(command, language="bash")


@contextmanager
def guard() -> Iterator[None]:
    """Show a damaged file of the store as a message that names it, and let the rest of the page go on."""
    try:
        yield
    except Damaged as damage:
        st.error(f"Damaged: {escape(damage)}")


# ------------------------------------------------------------------------------------------- state in the address


def choose(
    label: str,
    options: Sequence[str],
    key: str,
    default: str | None = None,
    name: Callable[[str], str] = str,
    help: str | None = None,
    fixed: bool = False,
) -> str | None:
    """Let a person choose one option; the choice stands in the address as ``?key=``.

    Where the address has no choice, `default` (else the first option) is taken and written into the address at once,
    so that a link keeps its meaning when other options are added later. An address that asks for an option that there
    is not gets a warning. `name` gives the text shown and written; without options the result is None.

    Every value written at once is one more step back for the browser. Where what is offered is `fixed`, as the targets
    of a finished run are, and so is its default, the address needs no word of it.
    """
    if not options:
        return None
    _own(key)
    wanted = default if default is not None and default in options else options[0]
    if fixed:
        asked = st.query_params.get(key)
        if asked and asked not in [name(option) for option in options]:
            st.warning(f"This address asks for {escape(asked)}, which is not here. Another is shown.")
        place = list(options).index(wanted)
        return st.selectbox(
            label, options, index=place, key=key, format_func=name, help=help, required=True, bind="query-params"
        )
    _resolve(key, wanted, [name(option) for option in options], name(wanted))
    value = st.selectbox(
        label, options, index=None, key=key, format_func=name, help=help, required=True, bind="query-params"
    )
    if value is None:
        # the browser went back to before the choice was made; a value set in the next run is written into the address
        st.session_state[f"{key} is due"] = wanted
        st.rerun()
    return value


def _own(key: str) -> None:
    """Forget what another page chose under the same key: Streamlit would carry it over, and into this address."""
    owners, page = st.session_state.setdefault("owners", {}), st.session_state.get("current page")
    if owners.get(key, page) != page:
        st.session_state.pop(key, None)
    owners[key] = page


def _resolve(key: str, wanted: str, names: list[str], wanted_name: str) -> None:
    """Give a choice that nobody has made yet its value, here and in the address, before its widget is made."""
    if warning := st.session_state.pop(f"{key} warning", None):
        st.warning(warning)
    due = st.session_state.pop(f"{key} is due", None)
    if due is not None:
        st.session_state[key] = due
        return
    if st.session_state.get(key) is not None or (asked := st.query_params.get(key)) in names:
        return
    st.query_params[key] = wanted_name
    if asked:
        words = f"This address asks for {escape(asked)}, which is not in this store. Another is shown."
        st.session_state[f"{key} warning"] = words
        st.rerun()  # else the widget would read the old address and clear it
    st.session_state[key] = wanted


def choose_many(
    label: str, options: Sequence[str], key: str, name: Callable[[str], str] = str, placeholder: str = "all"
) -> list[str]:
    """Let a person choose any number of options; none chosen means all, and the address then says nothing."""
    _own(key)
    return st.multiselect(label, options, key=key, format_func=name, placeholder=placeholder, bind="query-params")


def switch(label: str, key: str, help: str | None = None) -> bool:
    """Return whether a switch is on; off is the default and leaves the address as it is."""
    _own(key)
    return st.toggle(label, key=key, help=help, bind="query-params")


def search(label: str, key: str, placeholder: str = "") -> str:
    """Let a person write what to look for; the words stand in the address."""
    _own(key)
    return st.text_input(label, key=key, placeholder=placeholder, bind="query-params") or ""


def view(label: str, options: Sequence[str], key: str) -> str:
    """Let a person choose one of a page's few views, by buttons side by side; the first is the default."""
    _own(key)
    value = st.segmented_control(
        label, options, default=options[0], key=key, label_visibility="collapsed", bind="query-params", required=True
    )
    return value or options[0]


def open_page(page: str, **query: str) -> NoReturn:
    """Go to the page in ``pages_/<page>.py`` with a query, such as ``open_page("run", run=run_id)``."""
    st.switch_page(f"{PAGES}/{page}.py", query_params=query)


def link(label: str, page: str, **query: str) -> None:
    """Write a link to a page of the dashboard with a query."""
    st.page_link(f"{PAGES}/{page}.py", label=escape(label), query_params=query)


# ------------------------------------------------------------------------------------------- figures and tables


def figure(fig: go.Figure, frame: pd.DataFrame, key: str, caption: str = "") -> None:
    """Show a figure, and folded up under it its table with CSV, LaTeX, SVG and PDF to download."""
    plot(fig, key)
    if caption:
        st.caption(escape(caption))
    with st.expander("Table and downloads"):
        table(frame, key, fig=fig)


def plot(fig: go.Figure, key: str) -> None:
    """Show a figure whose table stands on the page anyway."""
    st.plotly_chart(fig, key=f"{key}_figure", theme="streamlit", config=_CONFIG)


def circled(fig: go.Figure, key: str, told: Callable[[Any], None]) -> None:
    """Show a figure in which a person clicks a point or circles some; `told` gets what Streamlit says of it then."""
    config = {**_CONFIG, "modeBarButtonsToRemove": ["autoScale2d", "toImage"]}
    st.plotly_chart(
        fig,
        key=key,
        theme="streamlit",
        config=config,
        on_select=lambda: told(st.session_state[key]["selection"]),
        selection_mode=("points", "box", "lasso"),
    )


def table(
    frame: pd.DataFrame,
    key: str,
    columns: dict[str, Any] | None = None,
    fig: go.Figure | None = None,
    clickable: bool = False,
    height: int | Literal["auto"] = "auto",
) -> int | None:
    """Show a table with its downloads; where `clickable`, return the number of the row that was clicked.

    `columns` is Streamlit's column configuration. Of a long table the browser is sent only the rows in view; a long
    clickable one is shown in pages, whose number stands in the address.
    """
    configured = {**_column_formats(frame), **(columns or {})}
    row = None
    if clickable:
        pages = -(-len(frame) // PAGE_ROWS)
        place = st.container()  # the page's number is asked for first, and stands below
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
    downloads(frame, key, fig)
    return row


def _column_formats(frame: pd.DataFrame) -> dict[str, Any]:
    """Give each column of figures one number of digits, so that they stand under each other, and times no seconds."""
    found: dict[str, Any] = {}
    for column in frame.columns[[dtype.kind == "f" for dtype in frame.dtypes]]:
        largest, whole = frame[column].abs().max(), (frame[column].dropna() % 1 == 0).all()
        shape = "%d" if whole and largest < 1e6 else "%.4f" if 1e-4 <= largest < 1e4 else "%.4g"
        found[str(column)] = st.column_config.NumberColumn(format=shape)
    for column in frame.columns[[dtype.kind == "M" for dtype in frame.dtypes]]:
        found[str(column)] = st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")
    return found


def downloads(frame: pd.DataFrame, key: str, fig: go.Figure | None = None) -> None:
    """Offer a table as CSV and LaTeX, and a figure as SVG and PDF. Each is made when it is asked for."""
    with st.container(horizontal=True, gap="small"):
        _download("CSV", lambda: tables.csv(frame), f"{key}.csv", "text/csv", key)
        _download("LaTeX", lambda: tables.latex(frame), f"{key}.tex", "application/x-tex", key)
        if fig is not None and (reason := theme.export_impossible()) is None:
            _download("SVG", lambda: theme.export(fig, "svg"), f"{key}.svg", "image/svg+xml", key)
            _download("PDF", lambda: theme.export(fig, "pdf"), f"{key}.pdf", "application/pdf", key)
    if fig is not None and reason is not None:
        st.caption(reason)


def _download(label: str, make: Callable[[], str | bytes], file: str, mime: str, key: str) -> None:
    st.download_button(label, make, file_name=file, mime=mime, key=f"{key}_{label}", on_click="ignore", type="tertiary")


def share_button(make: Callable[[], str], file: str) -> None:
    """Offer what the page shows as one HTML file that opens offline."""
    st.download_button("Share as one file", make, file_name=file, mime="text/html", key="share", on_click="ignore")
