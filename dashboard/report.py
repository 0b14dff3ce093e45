"""A report of some studies as one HTML file: overview, then leaderboard, best runs, errors and data by protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from dashboard import share
from dashboard.results import board, comparing, names
from dashboard.views import items
from dashboard.views.document import Chapter, document
from dashboard.views.items import Item, Message, Section
from dashboard.views.view import load

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.results.protocol import Protocol
    from dashboard.results.record import Record
    from dashboard.views.choice import Reads
    from dashboard.views.view import Page

MOST = 4
"""Studies of a protocol whose cards and errors are in the report, best first."""


def file(index: Index, read: Reads, ids: Sequence[str], images: bool = False) -> str:
    """Return the report of some studies.

    A single run stands for its study. With `images` those of samples go into the file, people's only where the
    environment allows them.
    """
    studies = list(dict.fromkeys(index.study_of(run) or run for run in ids))
    protocols = list(dict.fromkeys(found for run in studies if (found := index.protocol_of(run)) is not None))
    chapters = [Chapter("Overview", "What this report is about.", list(_overview(index, read, studies, protocols)))]
    for protocol in protocols:
        of = f": {protocol.label}" if len(protocols) > 1 else ""
        for chapter in _of_protocol(index, read, protocol, studies, images):
            chapters.append(replace(chapter, title=f"{chapter.title}{of}"))
    title = index.title(studies[0]) if len(studies) == 1 else f"{len(studies)} studies"
    about = f"Report of {names.count(len(studies), 'study')}"
    return document(
        f"Report: {title}",
        f"{about}: {', '.join(map(index.title, studies))}.",
        chapters,
        share.footer(index, studies),
        images,
    )


def _overview(index: Index, read: Reads, studies: Sequence[str], protocols: Sequence[Protocol]) -> Iterator[Item]:
    records = index.records(studies)
    yield items.data_badge(records)
    if len(protocols) > 1:
        yield Message(
            f"These studies have {len(protocols)} protocols (data, split or targets). Only scores of one protocol are "
            "compared, each in chapters of its own."
        )
    for protocol in protocols:
        if protocol.objective:
            family = comparing.family(read, protocol, protocol.objective)
            scored = board.measured(protocol, protocol.objective)
            said = board.verdict(scored, family, protocol, protocol.objective)
            yield Section(protocol.label if len(protocols) > 1 else "", notes=(said,))
    rows = pd.DataFrame([_row(index, run) for run in records])
    yield Section("Studies", "The score is the mean over the final runs, on test.", frame=board.one_metric(rows))
    origin = [(index.title(run.run_id), run.run_id, run.protocol, run.code_text) for run in records]
    frame = pd.DataFrame(origin, columns=["study", "run id", "protocol", "commit"])
    yield Section("Where they come from", frame=frame)
    for run in records:
        if not index.finals(run.run_id):
            yield Message(f"{index.title(run.run_id)} has no final run yet, and so no score on test.", "warning")


def _row(index: Index, run: Record) -> dict[str, object]:
    """Return how far a study has come, its score on test, and that of its baseline."""

    def score(aspect: str = "") -> float:
        if not run.objective:
            return math.nan
        return index.score(run.run_id, record.metric("test", run.objective, record.ALL, aspect))

    summary = index.study(run.run_id).summary
    return {
        "study": index.title(run.run_id),
        "state": run.state,
        "trials": summary.done,
        "final runs": summary.seeds_text,
        "metric": f"test {names.metric(run.objective)}",
        "value": score(),
        "± sd": score(record.SD),
        "95 % low": score(record.LOW),
        "95 % high": score(record.HIGH),
        "baseline": score(record.MAJORITY if run.classes else record.MEAN),
    }


def _of_protocol(
    index: Index, read: Reads, protocol: Protocol, studies: Sequence[str], images: bool
) -> Iterator[Chapter]:
    leaderboard, run, errors, data = map(load, ("leaderboard", "run", "errors", "data"))

    def of_store(page: Page) -> Chapter:
        answers = {page.protocol_key: protocol.label}
        return Chapter(page.title, page.how, share.views(page, index, read, (), answers, images))

    yield of_store(leaderboard)
    if best := best_first(protocol, studies):
        cut = [Message(f"The best {MOST} of {len(best)} studies.")] if len(best) > MOST else []
        top = share.views(replace(run, views=()), index, read, best[:MOST], images=images)
        yield Chapter("Best runs", run.how, [*cut, *top])
        yield Chapter("Errors", errors.how, share.views(errors, index, read, best[:MOST], images=images))
    yield of_store(data)


def best_first(protocol: Protocol, studies: Sequence[str]) -> list[str]:
    """Return those of a protocol's studies that have a score on test, the best first."""
    if not protocol.objective:
        return []
    return [run for run in board.measured(protocol, protocol.objective, archived=True)["run_id"] if run in studies]
