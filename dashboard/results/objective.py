"""What a search optimises: one metric on validation or two, how targets are weighted, and all that in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affect import metrics, record
from dashboard.results import names
from dashboard.results.record import Record, decode

if TYPE_CHECKING:
    import pandas as pd

COSTS = {
    record.COST_SECONDS: "seconds to fit",
    record.COST_PARAMETERS: "trained parameters",
    record.COST_PEAK_MB: "peak memory (MB)",
}
MEANS = (record.ALL, record.PICTURE, record.WEIGHED)
"""Targets under which a trial's figures stand for several values at once."""


def _decoded(run: Record | pd.Series) -> Record:
    return run if isinstance(run, Record) else decode(str(run.name), dict(run))


def objectives(run: Record | pd.Series) -> list[str]:
    """Return the full names of the metrics whose values are the search's: one, or two."""
    return list(_decoded(run).objectives)


def weights(run: Record | pd.Series) -> dict[str, float]:
    """Return target → weight of what the search optimises; empty where it is the targets' mean."""
    return dict(_decoded(run).weights)


def metric(run: Record | pd.Series) -> str:
    """Return the full name of the search's value as one number; of two objectives it is their weighted sum."""
    found = objectives(run)
    return found[0] if len(found) == 1 else found[0].rpartition("/")[0] + f"/{record.WEIGHED}"


def parts(run: Record | pd.Series) -> list[str]:
    """Return the full names of the metrics that the search's value weighs; empty where it is one of them."""
    weighed = weights(run)
    stem = metric(run).rpartition("/")[0]
    return [f"{stem}/{target}" for target in weighed] if len(weighed) > 1 else []


def on(part: str, full: str) -> str:
    """Return a metric's full name on another part: ``test/mse/picture`` for ``val/mse/picture``."""
    taken = record.parse_metric(full)
    return full if taken is None else record.metric(part, taken.metric, taken.target)


def name(full: str, weighed: bool = False) -> str:
    """Return what a metric is called without its part: ``MSE``, or ``MSE, reconstructed picture``.

    The mean over all targets is named where other means stand beside it: where the objective is `weighed`.
    """
    taken = record.parse_metric(full)
    if taken is None:
        return COSTS.get(full, full)
    # the name may be anybody's, and stands in places that know markup
    called = names.metric(taken.metric) if taken.metric.isidentifier() else "objective"
    return called if taken.target == record.ALL and not weighed else f"{called}, {names.target(taken.target)}"


def label(full: str, weighed: bool = False) -> str:
    """Return what a metric's or cost's full name is called on an axis, with its part or unit; see `name`."""
    taken, called = record.parse_metric(full), name(full, weighed)
    if taken is None:
        return called
    return f"{called}, on {taken.part}" if "," in called else f"{called} on {taken.part}"


def direction(full: str) -> str:
    """Return whether less or more of a figure is better; of a cost, less."""
    taken = record.parse_metric(full)
    return "minimize" if taken is None else metrics.DIRECTION.get(taken.metric, "minimize")


def folds(run: Record) -> str:
    """Return ``5 folds by person``; empty where one validation part scored the trials."""
    return f"{run.search_folds} folds by {run.group_kind}" if run.search_folds else ""


def scored_on(run: Record) -> str:
    """Return what scored each trial of a search: its validation part, or folds."""
    return f"mean over {folds(run)}, of train and validation" if run.search_folds else "one validation part"


def words(run: Record | pd.Series) -> str:
    """Return in words what the search optimises, empty where it is the mean over all targets as usual."""
    run = _decoded(run)
    found, weighed = objectives(run), weights(run)
    if len(found) == 1 and not weighed:
        return ""
    taken = record.parse_metric(found[0])
    called = names.metric(taken.metric) if taken is not None else "the objective"
    does = "maximises" if run.direction == "maximize" else "minimises"
    of = {target: _of(run, target) for target in weighed}
    total = " + ".join(f"{weight:g} × {called} of {of[target]}" for target, weight in weighed.items())
    if len(found) == 1:
        sole = next(iter(weighed.items()))
        if len(weighed) == 1 and sole[1] == 1:
            total = f"{called} of {of[sole[0]]}"
        return f"The search {does} {total}, on validation."
    both = " and ".join(name(full).partition(",")[0] + f" of {_of(run, _target(full))}" for full in found)
    text = (
        f"The search {does} two figures on validation, {both}, and prunes no trial. Its best trial is, of those that "
        "no other beats in both, the one with the smallest sum of ranks among all."
    )
    return text + (f" Where one number is shown it is {total}." if total else "")


def _target(full: str) -> str:
    taken = record.parse_metric(full)
    return record.ALL if taken is None else taken.target


def _of(run: Record, target: str) -> str:
    """Return what a weighed target is: the targets themselves where it is their mean."""
    if target != record.ALL:
        return "the " + names.target(target)
    return f"{names.target_list(run.targets)}{' (mean)' if len(run.targets) > 1 else ''}"
