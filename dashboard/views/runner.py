"""What shows a page: its heading, the view that is chosen, its items with tables and downloads, and the share button.

Whatever goes wrong with one run or one view is said in its place; the rest of the page is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import cached, share, widgets
from dashboard.damaged import Damaged
from dashboard.parts import runs as chosen_runs
from dashboard.views import items
from dashboard.views.asked import Widgets
from dashboard.views.choice import Choice, problem
from dashboard.views.drawing import Drawing
from dashboard.views.view import load

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dashboard.views.view import Page, View

DEMO = "python -m training demo"
FAMILIES = (
    "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10",
    "python -m training study faces/face_vae_continuous --dataset synthetic_faces --trials 10",
    "python -m training study meshes/dgcnn --dataset synthetic_meshes --trials 5",
    "python -m training study frames/cnn_rnn --dataset synthetic_frames --trials 5",
    "python -m training study fusion/fusion_concat --dataset synthetic_embeddings --trials 10",
)
"""A study of each family, for a store that has none."""
ANY_RUN = "RUN is the name of a study, or the first letters of a run's id."
EVERY = "4s"
"""How often a page is drawn again while what it shows is running."""


@contextmanager
def guard(what: str) -> Iterator[None]:
    """Say what went wrong in its place, and let the rest of the page go on."""
    try:
        yield
    except Exception as error:
        Drawing().draw(problem(error, what))


def show(name: str) -> None:
    """Show the page in ``pages_/<name>.py``."""
    page = load(name)
    with guard(f"The page {page.title}"):
        try:
            index = cached.index()
        except Damaged as error:
            widgets.head(page.title, page.how)
            Drawing().draw(unreadable(error))
            return
        # a page of the whole store has no choice of its own, and begins with what is chosen
        ids = chosen_runs.shown() if page.looks_at == "runs" else chosen_runs.current(index)
        choice = Choice(index, cached, ids)
        heading = page.heading(choice) if page.heading and choice.rows else page.title
        tab = page.tab(choice) if page.tab and choice.rows else heading
        widgets.head(heading, page.how, tab)
        if not choice.runs.empty and (nothing := _nothing(page, name, choice)):
            for item in nothing:
                Drawing().draw(item)
            return
        live = choice.runs.empty or (page.live is not None and page.live(choice))
        st.fragment(_body, run_every=EVERY if live else None)(page, name, ids, _version(page, choice))


def unreadable(error: Damaged) -> items.Message:
    """Return why no page can show anything, and what points to the store."""
    return items.Message(f"The store cannot be read: {error}. {cached.named_by()}", "error")


def _version(page: Page, choice: Choice) -> Hashable:
    """Return what changes when the whole page, and not its body alone, has to be drawn again."""
    return (choice.runs.empty, page.version(choice) if page.version else None)


def _of_empty_store(page: Page) -> list[items.Item]:
    """Return why the store has no runs and what changes that: the same on every page, with more on the first."""
    nothing = items.Message(cached.why_empty(), "empty", DEMO)
    if page.title != "Overview":
        return [nothing]
    text = "Each of these runs one study on synthetic data:"
    return [nothing, items.Section("Or one family at a time", text), items.Code("\n".join(FAMILIES))]


def _nothing(page: Page, name: str, choice: Choice) -> list[items.Item]:
    """Return why there is nothing to show, and what can be done about it; empty where there is something."""
    index = choice.index
    if page.looks_at == "store":
        return []
    others = chosen_runs.default(page, index)
    if not choice.rows:
        if not others:
            return [items.Message(page.empty, "empty", page.command)]
        return [items.Message("Choose a study or a run above.")]
    if any(page.shows(row) for row in choice.rows):
        return []
    names = ", ".join(row.name for row in choice.rows)
    said = items.Message(f"{page.title} cannot show {names}: {_why(choice)}", "warning")
    if not others:
        return [said, items.Message(page.empty, "empty", page.command)]
    fitting = [run for run in index.choices(page.needs()) if index.record(run).kind == "study"][:4]
    links = [items.Link(index.title(run), name, {"runs": chosen_runs.short(run, index)}) for run in fitting]
    return [said, items.Message("These studies can be shown:"), items.Links(links)]


def _why(choice: Choice) -> str:
    if all(not row.finals for row in choice.rows):
        return "no final run is complete yet."
    return "the final runs have no data for this page."


def _body(page: Page, name: str, ids: list[str], version: Hashable) -> None:
    """Show all below the heading; a page that is live draws this part again by itself."""
    with guard(f"The page {page.title}"):
        try:
            index = cached.index()
        except Damaged as error:
            Drawing().draw(unreadable(error))
            return
        gone = [run for run in ids if run not in index]
        if gone:
            Drawing().draw(items.Message(f"Deleted from the store meanwhile: {', '.join(gone)}.", "error"))
        drawing, shown = Drawing(), list[items.Item]()

        def draw(item: items.Item) -> None:
            ask.end_row()
            drawing.draw(item)
            shown.append(item)

        choice = Choice(index, cached, [run for run in ids if run not in gone], draw)
        if _version(page, choice) != version:
            st.rerun(scope="app")
        if choice.runs.empty:
            for item in _of_empty_store(page):
                drawing.draw(item)
            return
        ask = Widgets()
        if page.looks_at == "runs":
            if page.badges:
                draw(_badges(choice))
            _say_protocols(choice, draw)
        if page.top is not None:
            with guard(page.title):
                for item in page.top(choice, ask):
                    draw(item)
        title = page.title
        if page.stacked:
            for view in page.views:
                _view(view, choice, ask, draw)
        elif offered := page.offered(choice):
            former = {view.formerly: view.name for view in offered if view.formerly}
            picked = ask.view([view.name for view in offered], page.key, former)
            view = next(view for view in offered if view.name == picked)
            title = f"{page.title}: {view.name}"
            _view(view, choice, ask, draw)
        ask.end_row()
        with st.container(horizontal=True, vertical_alignment="center"):
            if any(isinstance(item, items.Section) for item in shown):
                make = partial(share.page_file, choice.index, cached, title, page.how, list(shown), ids)
                widgets.share_button(make, f"{name}.html")
            runs = [chosen_runs.short(run, index) for run in ids if run not in gone]
            widgets.commands(commands(name, runs), "" if runs else ANY_RUN)


def commands(name: str, runs: Sequence[str]) -> list[tuple[str, str]]:
    """Return what a person may want to do with what a page shows, and the commands that do it."""
    each, together = list(runs) or ["RUN"], " ".join(runs) or "RUN"
    return [
        ("Write a note", "\n".join(f'python -m training note {run} "…"' for run in each)),
        (
            "Write a tag, by which the leaderboard can be filtered",
            "\n".join(f"python -m training tag {run} …" for run in each),
        ),
        ("This page as one file", f"python -m dashboard share {together} --page {name}"),
        ("Its address", f"python -m dashboard link {together} --page {name}"),
    ]


def _view(view: View, choice: Choice, ask: Widgets, draw: share.Draw) -> None:
    with guard(view.name):
        left_out = [row for row in choice.rows if not view.shows(row)]
        if left_out:
            names = ", ".join(row.name for row in left_out)
            draw(items.Message(f"Not in this view, because there is no data for it: {names}."))
        kept = choice.only([row for row in choice.rows if row not in left_out]) if left_out else choice
        for item in view.make(kept, ask):
            draw(item)
    ask.end_row()


def _badges(choice: Choice) -> items.Badges:
    """Return what kind of data the chosen runs are of."""
    return items.data_badge(choice.records())


def _say_protocols(choice: Choice, draw: share.Draw) -> None:
    """Say where the chosen runs cannot be compared."""
    if len({(record.protocol, record.protocol_id) for record in choice.records()}) > 1:
        draw(
            items.Message(
                "These runs have different protocols (data, split or targets), so their scores are not comparable."
            )
        )
