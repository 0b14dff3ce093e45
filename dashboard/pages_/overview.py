"""The page Overview: what is in the store, what is running now, what failed, what was scored last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from dashboard.results import board, differences, names, overview
from dashboard.views import items
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Link, Message, Progress, Section, Value, Values
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record

STUDY = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"
LISTED = 20
"""Rows of a list on this page."""


def counts(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how much the store holds."""
    yield items.data_badge(_studies(choice))
    yield Values([Value(what.capitalize(), f"{count:,}") for what, count in overview.counts(choice.index).items()])
    yield Section(notes=(f"Store: {choice.read.where()}",))
    if choice.index.problems:
        shown = choice.index.problems[:LISTED]
        text = f"{len(choice.index.problems)} runs have values that cannot be read; those count as missing."
        yield Message(f"{text} {' '.join(shown)}", "warning")


def _studies(choice: Choice) -> list[Record]:
    return choice.index.records(choice.index.studies)


def running(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the running studies."""
    yield Section("Running now")
    shown = overview.running(choice.index)
    if not shown:
        yield Section(notes=("No study is running.",))
    now = pd.Timestamp.now("UTC")
    for study in shown:
        with choice.guard(study.title):
            summary, silent = study.summary, study.silent_for(now)
            yield Progress(
                f"{study.record.title} on {study.record.protocol}",
                summary.done / summary.total if summary.total else 0.0,
                overview.progress_text(study, now),
                Link("Watch it", "study", {"runs": study.run_id}),
                f"No activity for {names.duration(silent)}. If the process has stopped, run the same command again to "
                "continue."
                if silent is not None
                else "",
            )


def attention(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the studies that failed, were stopped or are silent, with the reason."""
    table = overview.attention(choice.index, pd.Timestamp.now("UTC"))
    if table.empty:
        return
    links = [Link(f"Open {choice.index.title(run)}", "study", {"runs": run}) for run in table["run_id"].astype(str)]
    shown = table.drop(columns="run_id").head(LISTED)
    more = f" The first {LISTED} of {len(table)}." if len(table) > LISTED else ""
    text = f"Studies that failed, were stopped, or have failed final runs. Click one to open it.{more}"
    yield Section("Needs attention", text, frame=shown, key="attention", opens=links[:LISTED])


def newest(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the studies that were scored last."""
    table = board.newest(choice.index, pd.Timestamp.now("UTC"))
    if table.empty:
        yield Section("Newest results")
        yield Message("No study is finished.", "empty", STUDY)
        return
    links = [Link(f"Open {choice.index.title(run)}", "run", {"runs": run}) for run in table["run_id"].astype(str)]
    text = "Click a result to open its card."
    yield Section("Newest results", text, frame=table.drop(columns="run_id"), key="newest", opens=links)
    first = str(table["run_id"].iloc[0])
    peers = differences.peers(choice.index, first)
    if len(peers) > 1:
        yield items.Links([Link("Compare the newest with the best of its protocol", "compare", {"runs": peers})])


def protocols(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what can be compared with what."""
    table = overview.protocols(choice.index)
    links = [
        Link(f"Leaderboard of {name}", "leaderboard", {"protocol": name}) for name in table["protocol"].astype(str)
    ]
    text = (
        "Only results of one protocol can be compared: the same data, the same split, the same targets. Click a "
        "protocol to see its leaderboard."
    )
    yield Section("Protocols", text, frame=table, key="protocols", opens=links)


def finished(choice: Choice) -> int:
    """Return how many studies are no longer running: when it changes, the whole page is drawn again."""
    return overview.finished(choice.index)


PAGE = Page(
    title="Overview",
    how="What this store holds: studies that are running, results, and which of them can be compared.",
    views=(
        View("Store", None, counts),
        View("Running now", None, running),
        View("Needs attention", None, attention),
        View("Newest results", None, newest),
        View("Protocols", None, protocols),
    ),
    group="Results",
    place=10,
    looks_at="store",
    stacked=True,
    live=lambda choice: True,
    version=finished,
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("overview")
