"""Answers by widgets whose values stand in the address, in a row above what they are about.

An address may ask for what is not there: that is said, and what is shown instead is written into the address. The key
of a widget is used by one page alone, for Streamlit drops from an address what a widget of another page is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.widgets import escape

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

WIDE, NARROW = 340, 220


class Widgets:
    """Asks by Streamlit's widgets. `Ask` says what each question means."""

    def __init__(self) -> None:
        self._row: DeltaGenerator | None = None

    def end_row(self) -> None:
        """Let the next question begin a row of its own, below what is drawn until then."""
        self._row = None

    def _place(self) -> DeltaGenerator:
        if self._row is None:
            self._row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
        return self._row

    def one(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        default: str | None = None,
        name: Callable[[str], str] = str,
        fixed: bool = False,
        help: str | None = None,
    ) -> str:
        """Return the option of a select box."""
        wanted = default if default is not None and default in options else options[0]
        names = [name(option) for option in options]
        _translate(key, names, dict(zip(options, names, strict=True)))
        if fixed:
            self._warn(key, [asked for asked in _asked(key) if asked not in names])
        else:
            _resolve(key, wanted, names, name(wanted))
            if warning := st.session_state.pop(f"{key} warning", None):
                st.warning(warning)
        value = self._place().selectbox(
            label,
            options,
            # what may be left out of the address is the widget's own default; else the state has the value by now
            index=list(options).index(wanted) if fixed else None,
            key=key,
            format_func=name,
            help=help,
            required=True,
            bind="query-params",
            width=WIDE if max(map(len, names)) > 22 else NARROW,
        )
        if value is None:
            # the browser went back to before the choice was made; a value set in the next run is written into the
            # address
            st.session_state[f"{key} is due"] = wanted
            st.rerun()
        return str(value)

    def many(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        name: Callable[[str], str] = str,
        placeholder: str = "all",
    ) -> list[str]:
        """Return the options of a multiselect box; none chosen leaves the address as it is."""
        names = [name(option) for option in options]
        _translate(key, names, dict(zip(options, names, strict=True)))
        self._warn(key, [asked for asked in _asked(key) if asked not in names])
        return self._place().multiselect(
            label, options, key=key, format_func=name, placeholder=placeholder, bind="query-params", width=WIDE
        )

    def switch(self, label: str, key: str, help: str | None = None) -> bool:
        """Return whether a switch is on; off leaves the address as it is."""
        self._warn(key, [asked for asked in _asked(key) if asked.lower() not in ("true", "false")])
        return self._place().toggle(label, key=key, help=help, bind="query-params")

    def text(self, label: str, key: str, placeholder: str = "") -> str:
        """Return the words in a box."""
        return self._place().text_input(label, key=key, placeholder=placeholder, bind="query-params", width=WIDE) or ""

    def range(self, label: str, low: float, high: float, key: str) -> tuple[float, float]:
        """Return the ends of a slider."""
        if not low < high:
            return low, high
        first, last = self._place().slider(label, low, high, (low, high), key=key, bind="query-params", width=WIDE)
        return float(first), float(last)

    def word(self, key: str) -> str:
        """Return a word of the address that no widget shows."""
        return st.query_params.get(key, "")

    def answer(self, key: str, value: str) -> None:
        """Write an answer where its widget or the address has it."""
        if key in st.session_state:
            st.session_state[key] = value
        elif value:
            st.query_params[key] = value
        else:
            st.query_params.pop(key, None)

    def clear(self, label: str, key: str) -> None:
        """Offer a button that takes an answer back."""
        self._place().button(label, key=f"clear {key}", on_click=self.answer, args=(key, ""))

    def view(self, options: Sequence[str], key: str, former: Mapping[str, str]) -> str:
        """Return the chosen one of a page's views: buttons in a row, the first is the default.

        `former` are names of earlier addresses and what they are called now.
        """
        if len(options) == 1:
            return options[0]
        _translate(key, options, former)
        in_address, written = st.query_params.get(key, ""), f"{key} written"
        # the address is another than this page wrote: it was opened, or the browser went back
        if key not in st.session_state or in_address != st.session_state.get(written, in_address):
            self._warn(key, [in_address] if in_address and in_address not in options else [])
            st.session_state[key] = in_address if in_address in options else options[0]
        value = st.segmented_control("View", options, key=key, label_visibility="collapsed", required=True)
        # written here and not bound to the widget: only what the server writes is a step that the browser can go back
        view = str(value or options[0])
        if view != (in_address or options[0]):
            st.query_params[key] = view
        st.session_state[written] = st.query_params.get(key, "")
        return view

    def _warn(self, key: str, gone: Sequence[str]) -> None:
        """Say which words of the address are no option here."""
        if gone:
            words = " and ".join(escape(word) for word in gone)
            st.warning(f"This address asks for {words} ({escape(key)}), which is not here. Another is shown.")


def _asked(key: str) -> list[str]:
    """Return what the address asks for under a key, before its widget is made for the first time."""
    if key in st.session_state:
        return []
    return [word for word in st.query_params.get_all(key) if word]


def _translate(key: str, names: Sequence[str], former: Mapping[str, str]) -> None:
    """Write into the address what options are called today, where it has a word of an earlier version."""
    low = {earlier.lower(): name for earlier, name in [*former.items(), *((name, name) for name in reversed(names))]}
    asked = _asked(key)
    today = [word if word in names else low.get(word.lower(), word) for word in asked]
    if today != asked:
        st.query_params[key] = today
        st.rerun()  # a widget reads the address as it was when the page was opened


def _resolve(key: str, wanted: str, names: Sequence[str], wanted_name: str) -> None:
    """Give a choice that nobody has made yet its value, here and in the address, before its widget is made."""
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
