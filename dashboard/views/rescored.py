"""A protocol's studies by scores that are made now: from their test predictions, and from their curves by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from affect import metrics
from affect.record import SELECTED_ON_TEST
from dashboard.results import curves, names, recomputed
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Link, Message, Section

if TYPE_CHECKING:
    from dashboard.results.protocol import Protocol

FROM_PREDICTIONS = (
    "Computed now from the test predictions of the final runs, so a metric that was added later needs no new training. "
    "Nothing is ranked here: the view Ranking has the tests. recorded is what the study logged itself."
)
FROM_CURVES = (
    "The best and the last value of each final run's curve, mean over seeds. A best value is picked from many, so it "
    "flatters: report the test score of the view Ranking. Curves are of train or validation, never of test."
)


def from_predictions(
    choice: Choice, ask: Ask, protocol: Protocol, target: str, studies: Sequence[str]
) -> Iterator[Item]:
    """Show the studies by any metric, over all samples or as the mean over recordings."""
    metric = ask.one("Metric", list(recomputed.known(protocol)), "computed", protocol.objective, names.metric)
    form = ask.one("Form", list(recomputed.FORMS), "form", fixed=True)
    rows, lost = recomputed.board(choice.read, protocol, studies, metric, target, form)
    for study, why in lost.items():
        yield Message(f"Without this score: {choice.index.title(study)}: {why}.")
    if rows.empty:
        return
    text = f"Test {names.metric(metric)} {form}, {names.target(target)} ({names.better(metric)}). {FROM_PREDICTIONS}"
    shown = rows.drop(columns="run_id")
    if not shown["recorded"].notna().any():
        shown = shown.drop(columns="recorded")
    links = [
        Link(f"Open {name}", "run", {"runs": str(run)}) for name, run in zip(rows["study"], rows["run_id"], strict=True)
    ]
    yield Section("", text, frame=shown, key="recomputed", opens=links)


def from_curves(choice: Choice, ask: Ask, protocol: Protocol, studies: Sequence[str]) -> Iterator[Item]:
    """Show the best and the last value of a curve of every study."""
    owner = {run: choice.index.title(study) for study in studies for run in choice.index.final_ids(study)}
    rows = choice.read.curves(list(owner))
    if rows.empty:
        yield Message("No study of this protocol has curves by epoch.")
        return
    offered = [name for name in rows["metric"].unique() if not str(name).startswith(SELECTED_ON_TEST)]
    known = curves.in_order(offered, protocol.objective or "")
    chosen = ask.one("Curve", known, "board_curve", known[0], curves.named)
    metric = next((part for part in chosen.split("/")[1:] if part in metrics.DIRECTION), "")
    rising = metrics.DIRECTION.get(metric) == "maximize"
    table = curves.best_and_last(rows[rows["metric"] == chosen], owner, rising)
    better = "highest" if rising else "lowest"
    yield Section("", f"{curves.named(chosen)}; best is the {better}. {FROM_CURVES}", frame=table, key="from_curves")
