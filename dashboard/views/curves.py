"""Training curves of all chosen runs in a grid, the objective first, and their numbers in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.record import Kind
from dashboard.figures import curves as figures
from dashboard.figures import folds
from dashboard.results import curves, objective, selected_on_test, trial_folds
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice, Row
from dashboard.views.items import Item, Message, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = 6
"""Curves that are drawn where nobody chose."""
THIN = "A thin line is one seed; the thick line is the mean over the seeds that reached an epoch."
THIN_FOLDS = "A thin line is one search fold; the thick line is their mean, as far as the fold that stopped first."
BY_FOLD = (
    "A trial of a search on folds is fitted once for each fold, without its groups, and scored on them. The bar is the "
    "mean, which is the trial's value; the whiskers end at the least and the most."
)
SEEN = (
    "Fitted on train and validation together (--refit all){which}: curves on validation are of samples that the fit "
    "has seen, and say nothing of new ones."
)
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
        rows, owners, parts = _folds_apart(choice.read.curves(list(owners)), owners)
        if rows.empty:
            yield Message("These runs have no curves by epoch: their methods do not learn in steps.")
            return
        yield from seen_in_training(choice)
        having = {owners[str(run)].name for run in rows["run_id"].unique()}
        if without := [row.name for row in choice.rows if row.name not in having]:
            yield Message(
                f"Without curves by epoch, because their methods do not learn in steps: {', '.join(without)}."
            )
        if rows["metric"].astype(str).str.startswith(record.SELECTED_ON_TEST).any():
            yield Section(text=f"{selected_on_test.LABEL}: {selected_on_test.HOW}")
        yield from scores_by_fold(choice, rows, parts)
        rows = rows[~rows["metric"].astype(str).str.startswith(record.FOLDS)]
        if rows.empty:
            return
        yield from drawn(choice, ask, page, rows, owners, parts)
        yield from in_numbers(choice, ask, page, rows, owners, parts)

    return make


def _folds_apart(
    rows: pd.DataFrame, owners: Mapping[str, Row]
) -> tuple[pd.DataFrame, dict[str, Row], dict[str, tuple[str, int]]]:
    """Return curves with those of search folds as if each fold were a run: rows, id → row, id → run id and fold (or 0).

    The id of a fold is made up; its curves have the names that they have in any fit.
    """
    inside = trial_folds.by_fold(rows)
    parts = {str(run_id): (str(run_id), 0) for run_id in owners}
    if len(inside):
        ids = inside["run_id"].astype(str) + " fold " + inside["fold"].astype(str)
        pairs = zip(ids, inside["run_id"].astype(str), inside["fold"], strict=True)
        parts |= {one: (run_id, int(fold)) for one, run_id, fold in dict.fromkeys(pairs)}
        inside = inside.assign(run_id=ids).drop(columns="fold")
        others = rows.drop(inside.index).astype({"run_id": str, "metric": str})
        rows = pd.concat([others, inside], ignore_index=True)
    return rows, {one: owners[run_id] for one, (run_id, _) in parts.items()}, parts


def _what(choice: Choice, part: tuple[str, int]) -> str:
    run_id, fold = part
    return choice.index.record(run_id).what + (f", search fold {fold}" if fold else "")


def seen_in_training(choice: Choice) -> Iterator[Item]:
    """Say of which runs the validation part was fitted on as well: their curves on it are no scores of a model."""
    of_row = {row.name: row.finals[0] if row.finals else row.record for row in choice.rows}
    seen = [name for name, run in of_row.items() if run.kind == Kind.FINAL and run.refit == "all"]
    if seen:
        which = "" if len(seen) == len(of_row) else f" ({', '.join(seen)})"
        yield Section(text=SEEN.format(which=which))


def scores_by_fold(choice: Choice, rows: pd.DataFrame, parts: Mapping[str, tuple[str, int]]) -> Iterator[Item]:
    """Show what the chosen trials scored on each of their search folds; nothing where there is none."""
    found = []
    for row in choice.rows:
        curve = record.objective_curve(row.record.objectives)
        values = trial_folds.values(rows, curve)
        named = pd.DataFrame({"run_id": [row.run_id], "trial": [row.name], "state": [row.record.state]})
        found.append(folds.spread(values, named, row.record.direction))
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if table.empty:
        return
    wanted = {row.record.search_folds for row in choice.rows if row.record.search_folds}
    scored = "" if set(table["folds"]) == wanted else " Not every fold has been scored: the trial was pruned, or runs."
    label = objective.label(objective.metric(choice.rows[0].record))
    figure = folds.draw_spread(table, label, what="run")
    yield Section("Score on each fold", BY_FOLD + scored, figure, table.rename(columns={"trial": "run"}), "by_fold")


def drawn(
    choice: Choice,
    ask: Ask,
    page: str,
    rows: pd.DataFrame,
    owners: Mapping[str, Row],
    parts: Mapping[str, tuple[str, int]],
) -> Iterator[Item]:
    """Draw the objective's curve and others beside it; what is drawn, and how, is asked."""
    objective = choice.rows[0].record.objective
    known = curves.in_order(rows["metric"].unique(), objective)
    x = ask.one("By", [figures.EPOCH, figures.SECONDS], f"{page} curves by", fixed=True)
    smoothing = ask.one("Smoothing", list(figures.SMOOTHING), f"{page} smoothing", fixed=True)
    log = ask.switch("Logarithmic", f"{page} log axis", help="Values of 0 and below are not drawn.")
    several = f"the objective and {FIRST - 1} more" if len(known) > FIRST else "all"
    chosen = ask.many("Curves", known, f"{page} curves", curves.named, several)
    began = {one: start for one, part in parts.items() if (start := choice.index.record(part[0]).start) is not None}
    called = {one: _what(choice, part) for one, part in parts.items()}
    of_folds = {owners[one].name for one, (_, fold) in parts.items() if fold}
    owner = {run_id: row.name for run_id, row in owners.items()}
    if any(len(row.finals) > 1 for row in choice.rows):
        yield Section(text=THIN)
    if of_folds:
        yield Section(text=THIN_FOLDS)
    for number, metric in enumerate(chosen or known[:FIRST]):
        with choice.guard(metric):
            of = rows[rows["metric"] == metric]
            table = figures.curves(of, owner, began, x, figures.SMOOTHING[smoothing], of_folds)
            fig = figures.draw_curves(table, curves.named(metric), x, choice.looks(), called, log, of_folds)
            yield Section(curves.named(metric), "", fig, table, f"curve_{number}", across=2)


def in_numbers(
    choice: Choice,
    ask: Ask,
    page: str,
    rows: pd.DataFrame,
    owners: Mapping[str, Row],
    parts: Mapping[str, tuple[str, int]],
) -> Iterator[Item]:
    """Show min, mean and standard deviation of each curve; of 1 − CCC beside what was published."""
    several = len(choice.rows) > 1
    whats = {one: _what(choice, part) for one, part in parts.items()}
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
