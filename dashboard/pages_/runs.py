"""The page Runs: every study, final run and trial of the store, searched, filtered and sorted by the address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dashboard.results import listing
from dashboard.views import items
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Link, Links, Message, Section
from dashboard.views.view import Page, View

COMMAND = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"
COMPARED = 6
"""Runs, from the top of the list, that the link to the page Compare takes along."""
MOST_COLUMNS = 6
"""Parameters that are shown where nobody chose."""
SEARCH = (
    "Words are sought in names, data, tags and notes. A condition names a column, setting or parameter, such as "
    "latent_size=2, depth>=4, tags=good or test<0.3; a row must fit all parts."
)


def view(choice: Choice, ask: Ask, kind: str) -> Iterator[Item]:
    """Show the runs of one kind."""
    table = listing.rows(choice.index, listing.KINDS[kind])
    if table.empty:
        yield Message(f"This store has no {kind} yet.", "empty", COMMAND)
        return
    yield items.data_badge(choice.index.records(table["id"]))
    text = ask.text("Find", "find_runs", "words, latent_size=2, tags=good …")
    others = [str(column) for column in table if column not in listing.FIXED]
    by = ask.one("Sort by", [c for c in map(str, table) if c not in ("id", "note")], "sort_runs", "started")
    rising = ask.switch("Smallest first", "rising_runs")
    chosen = ask.many("Parameters shown", others, "columns_runs", placeholder=f"the first {MOST_COLUMNS} that differ")
    found, said = listing.matching(table, text)
    for sentence in said:
        yield Message(sentence, "warning")
    found = listing.ordered(found, by, not rising)
    differ = [name for name in others if found[name].map(str).nunique() > 1]
    shown = listing.readable(found, chosen or differ[:MOST_COLUMNS])
    links = [
        Link(f"Open {run}", "run", {"runs": str(run_id)}) for run, run_id in zip(found["run"], found["id"], strict=True)
    ]
    sentence = f"{len(found)} of {len(table)} {kind}. {SEARCH} Click a row to open it."
    yield Section("", sentence, frame=shown, key="runs_list", opens=links)
    first = [str(run) for run in found["id"].head(COMPARED)]
    if len(first) > 1:
        yield Links([Link(f"Compare the first {len(first)}", "compare", {"runs": first})])


PAGE = Page(
    title="Runs",
    how="Every run of this store that is not archived, with the scores of its objective. Search, sorting and columns "
    "stand in the address.",
    views=tuple(View(kind.capitalize(), None, partial(view, kind=kind)) for kind in listing.KINDS),
    group="Results",
    place=25,
    looks_at="store",
    key="listed",
    command=COMMAND,
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("runs")
