"""The runs that one looks at: chosen once for all pages, by id in the address, kept from page to page.

The address wins where it says something new (a link, a fresh browser, Back); else what a person chose last; else the
page's own default, which is written into the address but not taken along to other pages.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.results import differences
from dashboard.widgets import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dashboard.results.index import Index
    from dashboard.views.view import Page

KEY = "runs"
"""Word of the address, once for each chosen run."""
BOX, CHOSEN, SHOWN, LAST = "runs box", "runs chosen", "runs shown", "runs in the address"
LETTERS = 8
MOST = 12
"""Runs that can be shown at once."""


def choose(name: str, page: Page, index: Index) -> list[str]:
    """Show the box with the chosen runs on top of a page, and return their ids; none where nothing can be chosen."""
    options = index.choices()
    ids = _resolve(name, page, index)
    for run_id in ids:
        options.setdefault(run_id, index.title(run_id))
    if not options:
        return []
    st.session_state[BOX] = ids
    st.multiselect(
        "Runs shown",
        list(options),
        key=BOX,
        format_func=lambda run_id: options.get(run_id, run_id),
        placeholder="choose studies or single runs",
        max_selections=MOST,
        on_change=_take,
        args=(name,),
        help="Stays chosen on the other pages. A study is shown by its final runs.",
    )
    return ids


def _take(name: str) -> None:
    """Keep what a person chose in the box."""
    ids = list(st.session_state[BOX])
    st.session_state[CHOSEN] = ids
    st.session_state["runs emptied on"] = name if not ids else ""
    _write(name, ids)


def _resolve(name: str, page: Page, index: Index) -> list[str]:
    """Return the ids that the page shows, and write them into the address."""
    asked = _asked(page)
    chosen = current(index)
    if asked and (name, asked) != st.session_state.get(LAST):
        ids, unknown = index.asked(asked)
        if unknown:
            _say_unknown(unknown, index)
        if len(ids) > MOST:
            st.warning(f"This address asks for {len(ids)} runs; the first {MOST} are shown.")
            ids = ids[:MOST]
        if ids:
            chosen = st.session_state[CHOSEN] = ids
    ids = chosen
    if not ids and st.session_state.get("runs emptied on") != name:
        ids = default(page, index)
    _write(name, ids)
    for key in page.old_keys:
        st.query_params.pop(key, None)
    return ids


def _asked(page: Page) -> list[str]:
    """Return what the address asks for, under today's word or one of an earlier version."""
    return [word for key in (KEY, *page.old_keys) for word in st.query_params.get_all(key) if word]


def _say_unknown(unknown: Iterable[str], index: Index) -> None:
    for text in unknown:
        close = index.nearest(text)
        hint = f" Did you mean {' or '.join(escape(name) for name in close)}?" if close else ""
        st.warning(f"This address asks for {escape(text)}, which is not in this store.{hint}")


def default(page: Page, index: Index) -> list[str]:
    """Return the newest scored study of which the page shows something; of a page that shows any study, the newest."""
    studies = [run for run in index.choices(page.needs() if page.finals else ()) if index.record(run).kind == "study"]
    if page.finals:
        fitting: Iterator[str] = (run for run in studies if page.shows_any(index, [run]))
    elif page.live is None:  # a page of results prefers a study that has some
        fitting = (run for run in [*filter(index.final_ids, studies), *studies])
    else:
        fitting = iter(studies)
    first = list(islice(fitting, 1))
    return differences.peers(index, first[0], page.several) if first and page.several > 1 else first


def short(run_id: str, index: Index) -> str:
    """Return the first letters of a run id, as many as no other run of the store begins with, at least eight."""
    for length in range(LETTERS, len(run_id)):
        if int(index.runs.index.str.startswith(run_id[:length]).sum()) == 1:
            return run_id[:length]
    return run_id


def _write(name: str, ids: list[str]) -> None:
    from dashboard import cached

    index = cached.index()
    words = [short(run_id, index) for run_id in ids]
    if st.query_params.get_all(KEY) != words:
        if words:
            st.query_params[KEY] = words
        else:
            st.query_params.pop(KEY, None)
    st.session_state[LAST] = (name, words)
    st.session_state[SHOWN] = ids


def current(index: Index) -> list[str]:
    """Return the ids that a person chose on any page and that are still there."""
    return [run for run in st.session_state.get(CHOSEN, []) if run in index]


def shown() -> list[str]:
    """Return the ids that `choose` returned in this run of the page."""
    return list(st.session_state.get(SHOWN, []))
