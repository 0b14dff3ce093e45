"""The page Leaderboard: one protocol at a time, methods × settings, beside baselines and published values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.record import Artifact
from dashboard.figures import cells, ranking
from dashboard.results import beside, board, comparing, listing, names, pivot, tables
from dashboard.views import items, rescored
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Link, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.protocol import Protocol

HOW = (
    "Each row is a study: the mean over its final runs on test data that was used for no choice. Studies that a paired "
    "test over groups cannot tell apart share a rank. Click a row to open it."
)
CELLS = (
    "Test mean ± sd over seeds; * is the best of its protocol. If several studies match a cell, the most recent is "
    "shown. Published values are in brackets and never ranked."
)
BESIDE = " The score on validation stands before that on test; – where a study has none, as with --refit all."
PAIRS = (
    "These are the tests behind the ranks: the best study of each rank against every study after it, p corrected after "
    "Holm for their number. Filters do not change them."
)
SEEDS = (
    "Intervals tell how the score would change with other test groups. They average over seeds; the thick bars of the "
    "ranking show how it changes with the seed."
)
ONE = "one table"
COMPARED = 6
"""Studies, best first, that the link to the page Compare takes along."""
PUBLISHED = {"of these methods": "method", "all on this data": "data", "none": ""}
"""Which published rows are shown."""
RUN_ID = "run id"
COMMAND = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"


@dataclass(frozen=True)
class Asked:
    """What is shown: the protocol, metric, target, and the methods and tags that are left (none: all)."""

    protocol: Protocol
    metric: str
    target: str
    methods: tuple[str, ...]
    labels: tuple[str, ...]
    archived: bool
    published: str


def default_protocol(choice: Choice) -> str:
    """Return the protocol of the current run, else the one used last that has results, else the one used last."""
    protocols = choice.index.protocols
    for row in choice.rows:
        found = choice.index.protocol_of(row.run_id)
        if found is not None and found.metric_names:
            return found.label
    return next((label for label, protocol in protocols.items() if protocol.metric_names), next(iter(protocols)))


def questions(
    choice: Choice, ask: Ask, ranking: bool = True, metrics: bool = True, targets: bool = True
) -> tuple[list[Item], Asked | None]:
    """Ask what is to be shown; return what is to be said above it, and the answers where there is something to show.

    A view that has a question of its own for the metric or the target leaves it out here.
    """
    protocols = choice.index.protocols
    if not protocols:
        return [Message("No study has been made yet.", "empty", COMMAND)], None
    label = ask.one("Protocol", list(protocols), "protocol", default_protocol(choice))
    protocol = protocols[label]
    above: list[Item] = [items.data_badge([protocol.record])]
    if not protocol.metric_names:
        running = [run for run in protocol.shown() if run.state == "running"]
        if not running:
            return [*above, Message("No study of this protocol has test scores yet.", "empty", COMMAND)], None
        links = items.Links([Link(f"Watch {run.title}", "study", {"runs": run.run_id}) for run in running[:4]])
        return [*above, Message("This protocol has no test scores yet; its studies are still running."), links], None
    metric = protocol.objective if protocol.objective in protocol.metric_names else protocol.metric_names[0]
    if metrics:
        metric = ask.one("Metric", protocol.metric_names, "metric", metric, names.metric)
    target = record.ALL
    if targets:
        scored_targets = protocol.different(protocol.targets_of(metric))
        target = ask.one("Target", scored_targets, "target", name=names.target, fixed=True)
    known = sorted({run.method for run in protocol.shown(archived=True)})
    methods = ask.many("Methods", known, "method", names.method)
    written = sorted({label for run in protocol.shown(archived=True) for label in run.labels})
    labels = ask.many("Tags", written, "tag") if written else []
    archived = ask.switch("archived runs too", "archived")
    paper = ask.one("Published", list(PUBLISHED), "published", fixed=True) if ranking else "none"
    return above, Asked(protocol, metric, target, tuple(methods), tuple(labels), archived, PUBLISHED[paper])


def ranking_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the ranked rows of one protocol as figure and table; a filter by method leaves ranks as they are."""
    above, asked = questions(choice, ask)
    yield from above
    if asked is None:
        return
    protocol, metric, target = asked.protocol, asked.metric, asked.target
    rows = board.measured(protocol, metric, target, asked.archived, asked.methods, asked.labels)
    if rows.empty:
        yield Message("No study of this protocol has test scores of this kind yet.", "empty", COMMAND)
        return
    family = comparing.family(choice.read, protocol, metric, target)
    rows = board.ranked(rows, family)
    parts = [rows, board.baselines(protocol, metric, target)]
    if asked.published:
        parts.append(board.published(protocol, metric, target, asked.methods, of=asked.published))
    joined = board.board(parts, metric)
    if found := board.alarm(rows, board.published(protocol, metric, target, of="data"), metric):
        yield Message(found, "warning")
    spread = SEEDS if rows["low"].notna().any() else ""
    notes = [text for text in (ranking.cut(joined), scored(protocol), spread, *published_notes(joined)) if text]
    for reason, studies in family.unranked().items():
        if reason != family.reason:
            notes.append(f"Not ranked: {', '.join(choice.index.title(study) for study in studies)}: {reason}.")

    def thesis() -> str:
        frame, bold, caption = board.thesis(joined, protocol, metric, target)
        return tables.latex(frame, caption, bold=bold)

    shown, run_ids = arranged(joined, protocol, metric, target, ask)
    yield Section(
        "",
        f"{board.verdict(rows, family, protocol, metric)} Each mark is the mean over a study's final runs.".strip(),
        ranking.draw(joined, metric, target, protocol.group_kind, choice.index.methods),
        shown,
        "leaderboard",
        folded=False,
        notes=tuple(notes),
        opens=[Link(f"Open {choice.index.title(run)}", "run", {"runs": run}) if run else None for run in run_ids],
        latex=thesis,
    )
    best = [str(run) for run in rows["run_id"].head(COMPARED)]
    if len(best) > 1:
        yield items.Links([Link(f"Compare the first {len(best)}", "compare", {"runs": best})])
    explained = next((study for study in rows["run_id"] if has_diagnostics(choice, study)), None)
    if explained is not None and (joined["kind"] == board.PUBLISHED).any():
        yield items.Links(
            [Link("Why published scores differ", "errors", {"runs": explained, "section": "Diagnostics"})]
        )


def arranged(
    joined: pd.DataFrame, protocol: Protocol, metric: str, target: str, ask: Ask
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a board with the columns and in the order that the address asks for, and their run ids."""
    usual = board.readable(joined, metric, protocol.group_kind)
    run_ids = joined["run_id"].astype(str)
    more = beside.beside(protocol, metric, target).drop(columns=list(usual), errors="ignore")
    table = usual.assign(**{RUN_ID: run_ids}).join(more, on=RUN_ID)
    offered = [*usual, *map(str, more)]
    by = ask.one("Sort by", [beside.BEST_FIRST, *offered], "sort_board", fixed=True)
    if by != beside.BEST_FIRST:
        table = listing.ordered(table, by, not ask.switch("Smallest first", "rising_board"))
    wanted = ask.many("Columns", offered, "columns_board", placeholder=f"the usual {len(usual.columns)}")
    first = [name for name in ("rank", "method") if name not in wanted]
    return table[[*first, *wanted] if wanted else list(usual)], list(table[RUN_ID])


def pairs_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how far apart the studies are: the comparisons behind the ranks, each with its interval and p."""
    above, asked = questions(choice, ask, ranking=False)
    yield from above
    if asked is None:
        return
    protocol, metric = asked.protocol, asked.metric
    family = comparing.family(choice.read, protocol, metric, asked.target)
    for reason, studies in family.unranked().items():
        yield Message(f"Not compared: {', '.join(choice.index.title(study) for study in studies)}: {reason}.")
    table = family.table(choice.index)
    if table.empty:
        if len(family.order) < 2:
            yield Message("There is nothing to compare: fewer than two studies of this protocol have such a score.")
        return
    yield Section(
        "",
        "Difference of the first study from the second, with its 95 % interval over the same "
        f"{names.plural(protocol.group_kind)}. An interval that holds 0 says nothing for either. {PAIRS} "
        f"{comparing.POWER}",
        ranking.draw_pairs(table, metric),
        table.rename(columns={"groups": names.plural(protocol.group_kind)}),
        "pairs",
        folded=False,
        formats={"p": "%.4f", "p (Holm)": "%.4f", "difference": "%+.4f"},
        notes=(SEEDS,),
    )


def has_diagnostics(choice: Choice, study: str) -> bool:
    """Return whether a study has the scores that explain published ones."""
    return any(Artifact.DIAGNOSTICS in final.artifacts for final in choice.index.finals(study))


def published_notes(rows: pd.DataFrame) -> Iterator[str]:
    """Yield where published rows come from, and why they are not ranked."""
    paper = rows[rows["kind"] == board.PUBLISHED]
    for (source, why), of in paper.groupby(["source", "why"], sort=False):
        called = ", ".join((of["row"] + " " + of["settings"]).str.strip())
        yield f"Published, never ranked: {called}: {source}." + (f" Not comparable: {why}." if why else "")


def scored(protocol: Protocol) -> str:
    """Say how often the test set was used."""
    count = protocol.times_scored
    studies = "1 study was" if count == 1 else f"{count} studies were"
    return f"{studies} evaluated on this test set. The more there are, the more likely a small lead is luck."


def shown_studies(asked: Asked) -> list[str]:
    """Return the studies that the filters leave, newest first."""
    runs = asked.protocol.shown(asked.archived)
    runs = [run for run in runs if not asked.methods or run.method in asked.methods]
    return [run.run_id for run in runs if not asked.labels or set(asked.labels) & set(run.labels)]


def recomputed_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the studies by scores that are computed from their predictions."""
    above, asked = questions(choice, ask, ranking=False, metrics=False)
    yield from above
    if asked is not None:
        yield from rescored.from_predictions(choice, ask, asked.protocol, asked.target, shown_studies(asked))


def curves_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the studies by the best and last values of their curves."""
    above, asked = questions(choice, ask, ranking=False, metrics=False, targets=False)
    yield from above
    if asked is not None:
        yield from rescored.from_curves(choice, ask, asked.protocol, shown_studies(asked))


# ----------------------------------------------------------------------------------------------------- as a table


def table_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show any metric over any two of method, settings, target and protocol, published values beside the measured."""
    above, asked = questions(choice, ask, ranking=False)
    yield from above
    if asked is None:
        return
    metric = asked.metric
    others = [label for label in choice.index.protocols if label != asked.protocol.label]
    labels = [asked.protocol.label, *ask.many("More protocols as columns", others, "with", placeholder="none")]
    targets = asked.protocol.different(asked.protocol.targets_of(metric))
    rows = pd.concat(
        [
            pivot.rows(choice.index.protocols[label], metric, targets, asked.archived, asked.methods, asked.labels)
            for label in labels
        ],
        ignore_index=True,
    )
    if not (rows["kind"] == board.MEASURED).any():
        yield Message("No study of this protocol has test scores of this metric yet.", "empty", COMMAND)
        return
    axes = pivot.axes(rows)
    both = next((axis for axis in axes if pivot.BOTH in axis), None)
    down = ask.one("Rows", axes, "rows")
    across = ask.one("Columns", [axis for axis in axes if axis != down], "columns", both)
    free = [a for a in axes if not {down, across} & {a, *a.split(pivot.BOTH)} and pivot.BOTH not in a]
    each = ask.one("A table for each", [ONE, *free], "each", pivot.TARGET if record.ROTATED in targets else ONE)
    if pivot.TARGET not in (down, across, each):
        wanted = pivot.called(asked.target if asked.target in targets else record.ALL, targets)
        rows = rows[rows["target"] == wanted]
    beside = ask.switch("Validation beside test", "validation")
    yield Section(text=CELLS + (BESIDE if beside else ""))
    yield from each_table(rows, down, across, each, metric, len(labels) == 1, beside)
    sources = rows.loc[rows["kind"] == board.PUBLISHED, "source"]
    if len(sources):
        yield Section(notes=tuple(f"Published, never ranked: {source}." for source in dict.fromkeys(sources)))


def each_table(
    rows: pd.DataFrame, down: str, across: str, each: str, metric: str, alone: bool, beside: bool
) -> Iterator[Section]:
    """Yield a table for each value of an axis, or one; with its heat map where one protocol is shown (`alone`).

    `beside` : validation scores stand before those of test.
    """
    axis = "" if each == ONE else each
    laid = pivot.cells(rows, down, across, metric, axis)
    several = pivot.order(laid["each"], axis) if axis else [""]
    measured = rows.loc[rows["kind"] == board.MEASURED, "value"]
    span = float(measured.min()), float(measured.max())
    for number, value in enumerate(several):
        found = laid[laid["each"] == value] if axis else laid
        heat = alone and len(found) > 1  # one cell is no map
        yield Section(
            value,
            f"Test {names.metric(metric)}." if number == 0 else "",
            cells.draw(found, down, across, metric, span) if heat else None,
            pivot.wide(found, down, across, validation=beside),
            "cells" if number == 0 else f"cells_{number}",
            folded=False,
        )


PAGE = Page(
    title="Leaderboard",
    how=HOW,
    views=(
        View("Ranking", None, ranking_view, formerly="ranking"),
        View("Pairs", None, pairs_view),
        View("As a table", None, table_view, formerly="as table"),
        View("From predictions", None, recomputed_view),
        View("From curves", None, curves_view),
    ),
    group="Results",
    place=20,
    looks_at="store",
    key="layout",
    protocol_key="protocol",
    command=COMMAND,
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("leaderboard")
