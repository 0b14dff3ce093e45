"""Studies whose trials are scored on folds: the spread of each trial over its folds, and its epochs on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from affect.record import State
from dashboard.figures import folds as figures
from dashboard.figures import search
from dashboard.results import curves as called
from dashboard.results import objective, trial_folds
from dashboard.views.items import Item, Message, Section

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.results.study import Study
    from dashboard.views.ask import Ask

SPREAD = (
    "A dot is a fold, fitted without its {groups} and scored on them; the bar is the mean, which is the trial's value; "
    "the whiskers end at the least and the most. Trials whose whiskers overlap much may differ by chance alone. Folds "
    "share most of what they are fitted on, so the spread is no interval."
)
OWN_SEARCH = "Each test fold has a search with trials of its own. Choose a test fold above to see them."
MEANS = (
    "A line is the mean of a trial over its folds. It ends with the fold that stopped first: beyond it, the mean would "
    "be over other {groups}."
)
ONE = "A thin line is one fold, the thick line their mean; it ends with the fold that stopped first."


def spread(study: Study, table: pd.DataFrame, curves: pd.DataFrame, prefix: str) -> Iterator[Item]:
    """Yield every trial's score on each of its folds; nothing of a study without search folds."""
    if not study.record.search_folds:
        return
    heading = f"The {objective.folds(study.record)} of each trial"
    if study.folds:
        yield Section(heading, OWN_SEARCH)
        return
    found = figures.spread(trial_folds.values(curves, study.curve), table, study.record.direction)
    if found.empty:
        yield Section(heading, "No fold has been scored yet.")
        return
    text = SPREAD.format(groups=study.groups_word)
    shown, scored = found["trial"].nunique(), len(trial_folds.counts(curves, study.curve))
    if shown < scored:
        text = f"The best {shown} of {scored} trials. {text}"
    figure = figures.draw_spread(found, study.label, study.best_number)
    yield Section(heading, text, figure, found, f"{prefix}folds")


def about_pruned(study: Study) -> str:
    """Return how a trial is to be read that was pruned after some of its folds; empty where none was."""
    if not study.record.search_folds or not study.summary.counts[State.PRUNED]:
        return ""
    return (
        " A pruned trial stands at its mean over the folds that it was scored on; they are fewer, so it cannot be held "
        "against complete trials."
    )


def epochs(ask: Ask, study: Study, table: pd.DataFrame, curves: pd.DataFrame, prefix: str) -> Iterator[Item]:
    """Yield the epochs of every trial as means over its folds, and of one trial on each fold."""
    inside = trial_folds.by_fold(curves)
    known = called.in_order(inside["metric"].unique(), study.record.objective)
    if not known or inside["step"].nunique() < 2:
        yield Message("The trials of this method have no curves by epoch.")
        return
    best = study.best_number
    means = trial_folds.mean_over_folds(inside[inside["metric"] == study.curve])
    rows = search.curves(means, table, study.curve)
    if len(rows):
        text = MEANS.format(groups=study.groups_word)
        fig = search.draw_curves(rows, f"{study.label}, mean over folds", best)
        yield Section("All trials", text, fig, rows, f"{prefix}curves")
    numbers = dict(zip(table["run_id"].astype(str), table["trial"].astype(str), strict=True))
    having = {numbers[run]: run for run in inside["run_id"].astype(str).unique() if run in numbers}
    yield Section("One trial")
    trial = ask.one("Trial", list(having), f"{prefix}fold_trial", str(best))
    metric = ask.one("Curve", known, f"{prefix}fold_curve", known[0], called.named, fixed=True)
    of = inside[(inside["run_id"] == having[trial]) & (inside["metric"] == metric)]
    shown = figures.epochs(of, trial_folds.mean_over_folds(of))
    yield Section("", ONE, figures.draw_epochs(shown, called.named(metric)), shown, f"{prefix}fold_epochs")
