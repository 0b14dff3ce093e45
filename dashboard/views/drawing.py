"""Items drawn on a page with Streamlit, in the order in which a view gives them."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from dashboard import widgets
from dashboard.results import card
from dashboard.results.tables import number
from dashboard.views import items
from dashboard.widgets import escape

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


class Drawing:
    """Draws items; some stand side by side, and below each other on a phone."""

    def __init__(self) -> None:
        self._free: list[DeltaGenerator] = []

    def draw(self, item: items.Item) -> None:
        """Draw one item below the last."""
        across = getattr(item, "across", 1)
        if across == 1:
            self._free = []
            self._draw(item)
            return
        if not self._free:
            self._free = list(st.columns(across))
        with self._free.pop(0):
            self._draw(item)

    @singledispatchmethod
    def _draw(self, item: Any) -> None:
        raise TypeError(f"no item: {item!r}")

    @_draw.register
    def _section(self, item: items.Section) -> None:
        if item.heading and item.across > 1:
            st.markdown(f"**{escape(item.heading)}**")
        elif item.heading:
            st.header(escape(item.heading), anchor=False)
        if item.text:
            st.caption(escape(item.text))
        if item.fig is not None:
            widgets.plot(item.fig, item.key, ". ".join(part for part in (item.heading, item.text) if part), item.picks)
        if item.frame is not None:
            if item.fig is not None and item.folded:
                with st.expander("Table and downloads"):
                    self._table(item)
            else:
                self._table(item)
        elif item.fig is not None:
            raise ValueError(f"the figure {item.key} has no table")
        for note in item.notes:
            st.caption(escape(note))

    def _table(self, item: items.Section) -> None:
        assert item.frame is not None
        height: int | Literal["auto"] = item.height if item.height is not None else "auto"
        widgets.table(item.frame, item.key, item.formats, item.fig, item.opens, height, item.latex)

    @_draw.register
    def _message(self, item: items.Message) -> None:
        if item.level == "empty":
            widgets.empty(item.command, item.text)
            return
        {"info": st.info, "warning": st.warning, "error": st.error}[item.level](escape(item.text))
        if item.command:
            st.code(item.command, language=None, wrap_lines=True)

    @_draw.register
    def _badges(self, item: items.Badges) -> None:
        if item.words:
            with st.container(horizontal=True, gap="small"):
                for word, colour in item.words:
                    st.badge(escape(word), color=colour)  # type: ignore[arg-type]

    @_draw.register
    def _values(self, item: items.Values) -> None:
        with st.container(horizontal=True, gap="medium"):
            for value in item.values:
                help_text = escape(value.help) if value.help else None
                st.metric(escape(value.label), escape(value.value), help=help_text, width="content")

    @_draw.register
    def _links(self, item: items.Links) -> None:
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            for to in item.links:
                widgets.link(to)

    @_draw.register
    def _code(self, item: items.Code) -> None:
        if item.heading:
            st.header(escape(item.heading), anchor=False)
        height: int | Literal["content"] = item.height if item.height is not None else "content"
        st.code(item.text, language=None, wrap_lines=True, height=height)
        if item.note:
            st.caption(escape(item.note))

    @_draw.register
    def _json(self, item: items.Json) -> None:
        with st.expander(escape(item.heading or "As JSON")):
            st.json(item.value, expanded=2)

    @_draw.register
    def _images(self, item: items.Images) -> None:
        if item.heading:
            st.header(escape(item.heading), anchor=False)
        with st.container(horizontal=True):
            for png, caption in item.images:
                st.image(png, width=112, caption=escape(caption))

    @_draw.register
    def _progress(self, item: items.Progress) -> None:
        with st.container(border=True):
            st.markdown(f"**{escape(item.title)}**")
            if item.share is not None:
                st.progress(min(max(item.share, 0.0), 1.0))
            st.caption(escape(item.text))
            if item.warning:
                st.warning(escape(item.warning))
            if item.link is not None:
                widgets.link(item.link)

    @_draw.register
    def _waiting(self, item: items.Waiting) -> None:
        _wait(item)

    @_draw.register
    def _card(self, item: items.CardOf) -> None:
        made = item.card
        with st.container(border=True):
            if made.sentence:
                st.markdown(escape(made.sentence))
            comparable = [one for one in made.references if one.kind in (card.BASELINE, card.METHOD)]
            if made.known:
                with st.container(horizontal=True, gap="medium"):
                    st.metric(escape(made.headline_label), number(made.headline, 4), width="content")
                    for one in comparable:
                        note = escape(one.note) if one.note else None
                        st.metric(escape(one.label), number(one.value, 4), help=note, width="content")
                st.caption(escape(made.spread))
            if item.standing:
                st.markdown(f"**Standing**  \n{escape(item.standing)}")
            apart = [one for one in made.references if one not in comparable]
            for one in apart:
                st.caption(escape(reference(one)))
            if item.explained is not None and any(one.kind == card.PUBLISHED for one in apart):
                widgets.link(item.explained)
            if made.caveats:
                st.warning(f"**Read this first**  \n{escape(' '.join(made.caveats))}")
            columns = st.columns(2)
            for place, (what, text) in enumerate(made.facts):
                columns[place % 2].markdown(f"**{escape(what)}**  \n{escape(text)}")


def reference(one: card.Reference) -> str:
    """Return a score that stands apart from the measured ones, in a sentence."""
    about = "≈ " if "about" in one.note else ""
    text = f"{one.label[0].upper()}{one.label[1:]}: {about}{number(one.value)}"
    if one.why:
        return f"{text}, not comparable: {one.why}. {one.note}".strip()
    return f"{text}{f' ({one.note})' if one.note else ''}"


@st.fragment(run_every=1.0)
def _wait(item: items.Waiting) -> None:
    """Show how far a computation is, and the page anew when it is done."""
    done = item.share()
    st.progress(min(max(done, 0.0), 1.0), text=escape(item.text))
    if done >= 1.0:
        st.rerun()
