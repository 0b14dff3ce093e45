"""Training curves of all chosen runs in a grid, the objective first, and their numbers in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from dashboard.figures import curves as figures
from dashboard.results import curves
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice, Row
from dashboard.views.items import Item, Message, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = 6
"""Curves that are drawn where nobody chose."""
THIN = "A thin line is one seed; the thick line is the mean over the seeds that reached an epoch."
NUMBERS = "Over the epochs of each run; sd is the standard deviation over them, not over seeds."
LOSSES = (
    "1 − CCC over the epochs of one training; min is the best epoch. The test part is scored once, after training, and "
    "has no curve."
)
BESIDE = (
    " Published rows are as their source has them: over the iterations of one training, and on test over batches of "
    "test frames during it. They are not comparable with rows of validation."
)


def view(page: str) -> Callable[[Choice, Ask], Iterator[Item]]:
    """Return the view of curves for a page, whose word begins the keys of its questions."""

    def make(choice: Choice, ask: Ask) -> Iterator[Item]:
        """Show the curves of every seed and their mean, by epoch or by time; and their numbers."""
        owners = {run.run_id: row for row in choice.rows for run in (row.finals or (row.record,))}
        rows = choice.read.curves(list(owners))
        if rows.empty:
            yield Message("These runs have no curves by epoch: their methods do not learn in steps.")
            return
        having = {owners[str(run)].name for run in rows["run_id"].unique()}
        if without := [row.name for row in choice.rows if row.name not in having]:
            yield Message(
                f"Without curves by epoch, because their methods do not learn in steps: {', '.join(without)}."
            )
        yield from drawn(choice, ask, page, rows, owners)
        yield from in_numbers(choice, ask, page, rows, owners)

    return make


def drawn(choice: Choice, ask: Ask, page: str, rows: pd.DataFrame, owners: Mapping[str, Row]) -> Iterator[Item]:
    """Draw the objective's curve and others beside it; what is drawn, and how, is asked."""
    objective = choice.rows[0].record.objective
    known = curves.in_order(rows["metric"].unique(), objective)
    x = ask.one("By", [figures.EPOCH, figures.SECONDS], f"{page} curves by", fixed=True)
    smoothing = ask.one("Smoothing", list(figures.SMOOTHING), f"{page} smoothing", fixed=True)
    log = ask.switch("Logarithmic", f"{page} log axis", help="Values of 0 and below are not drawn.")
    several = f"the objective and {FIRST - 1} more" if len(known) > FIRST else "all"
    chosen = ask.many("Curves", known, f"{page} curves", curves.named, several)
    began = {run_id: start for run_id in owners if (start := choice.index.record(run_id).start) is not None}
    called = {run_id: choice.index.record(run_id).what for run_id in owners}
    owner = {run_id: row.name for run_id, row in owners.items()}
    if any(len(row.finals) > 1 for row in choice.rows):
        yield Section(text=THIN)
    for number, metric in enumerate(chosen or known[:FIRST]):
        with choice.guard(metric):
            of = rows[rows["metric"] == metric]
            table = figures.curves(of, owner, began, x, figures.SMOOTHING[smoothing])
            fig = figures.draw_curves(table, curves.named(metric), x, choice.looks(), called, log)
            yield Section(curves.named(metric), "", fig, table, f"curve_{number}", across=2)


def in_numbers(choice: Choice, ask: Ask, page: str, rows: pd.DataFrame, owners: Mapping[str, Row]) -> Iterator[Item]:
    """Show min, mean and standard deviation of each curve; of 1 − CCC beside what was published."""
    several = len(choice.rows) > 1
    whats = {run_id: choice.index.record(run_id).what for run_id in owners}
    titles = {run_id: f"{row.name} · {whats[run_id]}" if several else whats[run_id] for run_id, row in owners.items()}
    losses = curves.losses(rows, titles)
    if len(losses):
        paper = _published(choice, ask, page)
        losses = pd.concat([losses, paper], ignore_index=True) if len(paper) else losses.drop(columns="note")
        yield Section("1 − CCC during training", LOSSES + (BESIDE if len(paper) else ""), frame=losses, key="losses")
    yield Section("Curves in numbers", NUMBERS, frame=curves.summary(rows, titles), key="curve_numbers")


def _published(choice: Choice, ask: Ask, page: str) -> pd.DataFrame:
    """Return what was published on the same data, and on other data only where a person asks for it."""
    paper = curves.published_losses(choice.records())
    same = paper["dataset"].isin({row.record.dataset for row in choice.rows})
    if others := " and ".join(sorted(set(paper.loc[~same, "dataset"]))):
        words = f"Also show results published on {others} (different data, not comparable)"
        if ask.switch(words, f"{page} published losses"):
            same[:] = True
    return paper[same].drop(columns="dataset")
