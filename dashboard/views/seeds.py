"""Training curves of several runs: every seed thin and the mean over seeds thick, in a grid, the objective first."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.figures import compared
from dashboard.results import curves
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

FIRST = 6
"""Curves that are drawn where nobody chose."""


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the curves of every seed and their mean, by epoch or by time."""
    owners = {run.run_id: row for row in choice.rows for run in (row.finals or (row.record,))}
    rows = choice.read.curves(list(owners))
    if rows.empty:
        yield Message("These runs have no curves by epoch: their methods do not learn in steps.")
        return
    having = {owners[str(run)].name for run in rows["run_id"].unique()}
    if without := [row.name for row in choice.rows if row.name not in having]:
        yield Message(f"Without curves by epoch, because their methods do not learn in steps: {', '.join(without)}.")
    objective = choice.rows[0].record.objective
    known = sorted(map(str, rows["metric"].unique()))
    known.sort(key=lambda name: (objective not in name, not name.startswith("val"), name))
    x = ask.one("By", [compared.EPOCH, compared.SECONDS], "curves by", fixed=True)
    smoothing = ask.one("Smoothing", list(compared.SMOOTHING), "smoothing", fixed=True)
    log = ask.switch("Logarithmic", "log axis", help="Values of 0 and below are not drawn.")
    chosen = ask.many("Curves", known, "drawn curves", curves.named, f"the objective and {FIRST - 1} more")
    owner = {run_id: row.name for run_id, row in owners.items()}
    began = {run_id: start for run_id in owners if (start := choice.index.record(run_id).start) is not None}
    shown = chosen or known[:FIRST]
    yield Section(text="A thin line is one seed; the thick line is the mean over the seeds that reached an epoch.")
    for number, metric in enumerate(shown):
        with choice.guard(metric):
            of = rows[rows["metric"] == metric]
            table = compared.curves(of, owner, began, x, compared.SMOOTHING[smoothing])
            fig = compared.draw_curves(table, curves.named(metric), x, choice.looks(), log)
            yield Section(curves.named(metric), "", fig, table, f"seeds_{number}", across=2)
