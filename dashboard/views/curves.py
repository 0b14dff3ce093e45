"""Training curves of all chosen runs: a figure a metric, and their numbers in tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from dashboard.figures import theme, truth
from dashboard.results import curves, names
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

NUMBERS = "Over the epochs of each run; sd is the standard deviation over them, not over seeds."
LOSSES = (
    "1 − CCC over the epochs of one training; min is the best epoch. The test part is scored once, after training, and "
    "has no curve."
)
BESIDE = (
    " Published rows are as their source has them: over the iterations of one training, and on test over batches of "
    "test frames during it. They are not comparable with rows of validation."
)


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show epoch curves, a figure a metric, and their numbers."""
    owners = {run.run_id: row for row in choice.rows for run in (row.finals or (row.record,))}
    rows = choice.read.curves(list(owners))
    if rows.empty:
        yield Message("These runs have no curves by epoch: their methods do not learn in steps.")
        return
    titles = {i: names.kind({"kind": owners[i].record.kind}) for i in owners}
    for run_id, row in owners.items():
        what = choice.index.record(run_id).what
        titles[run_id] = what if len(choice.rows) == 1 else f"{row.name} · {what}"
    methods = {run_id: row.record.method for run_id, row in owners.items()}
    looks = theme.of_methods(choice.index.methods, methods) if len(choice.rows) > 1 else None
    metric_names = sorted(rows["metric"].unique())
    objective = choice.rows[0].record.objective
    metric_names.sort(key=lambda name: (objective not in name, not name.startswith("val"), name))
    for number, metric in enumerate(metric_names):
        of = rows[rows["metric"] == metric]
        with choice.guard(metric):
            yield Section(
                curves.named(str(metric)),
                "",
                truth.draw_curves(of, titles, looks),
                of.assign(run_id=of["run_id"].map(titles)),
                f"curve_{number}",
                across=2,
            )
    order = {name: place for place, name in enumerate(metric_names)}
    yield from in_numbers(choice, ask, rows.sort_values("metric", key=lambda of: of.map(order), kind="stable"), titles)


def in_numbers(choice: Choice, ask: Ask, rows: pd.DataFrame, titles: dict[str, str]) -> Iterator[Item]:
    """Show min, mean and standard deviation of each curve; of 1 − CCC beside what was published."""
    losses = curves.losses(rows, titles)
    if len(losses):
        paper = _published(choice, ask)
        losses = pd.concat([losses, paper], ignore_index=True) if len(paper) else losses.drop(columns="note")
        yield Section("1 − CCC during training", LOSSES + (BESIDE if len(paper) else ""), frame=losses, key="losses")
    yield Section("Curves in numbers", NUMBERS, frame=curves.summary(rows, titles), key="curve_numbers")


def _published(choice: Choice, ask: Ask) -> pd.DataFrame:
    """Return what was published on the same data, and on other data only where a person asks for it."""
    paper = curves.published_losses(choice.records())
    same = paper["dataset"].isin({row.record.dataset for row in choice.rows})
    if others := " and ".join(sorted(set(paper.loc[~same, "dataset"]))):
        words = f"Also show results published on {others} (different data, not comparable)"
        if ask.switch(words, "published_losses"):
            same[:] = True
    return paper[same].drop(columns="dataset")
