"""A run's card: one sentence, badges, what to read first, scores and references, and its standing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.results import card, comparing
from dashboard.views.items import CardOf, Link, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dashboard.results.index import Index
    from dashboard.results.record import Record
    from dashboard.views.choice import Reads


def card_of(index: Index, read: Reads, run_id: str) -> CardOf:
    """Return the card of a run with its standing in its protocol, and where published scores are explained."""
    finals = index.finals(run_id)
    shown = finals[0] if finals else index.record(run_id)
    made = card.make(index, run_id, pd.Timestamp.now("UTC"), _summary(read, shown.run_id, shown.artifacts))
    explained = None
    if Artifact.DIAGNOSTICS in shown.artifacts:
        explained = Link("Why: the diagnostics", "errors", {"runs": run_id, "section": "Diagnostics"})
    return CardOf(made, comparing.standing(read, index, run_id), explained)


def missing_files(read: Reads, records: Iterable[Record]) -> Iterator[Message]:
    """Yield a warning for each run whose record lists files that the store does not have."""
    for run in dict.fromkeys(records):
        # the model is a folder of files
        there = {name for file in read.files(run.run_id) for name in (file, file.partition("/")[0])}
        if missing := sorted(set(run.artifacts) - there):
            yield Message(
                f"{run.what[0].upper()}{run.what[1:]}: the record lists files that the store does not have: "
                f"{', '.join(missing)}. Copy the folder artifacts along with the database.",
                "warning",
            )


def _summary(read: Reads, run_id: str, artifacts: frozenset[str]) -> Any:
    """Return a run's data_summary.json, None where it has none that can be read."""
    if Artifact.DATA_SUMMARY not in artifacts:
        return None
    try:
        return read.json(run_id, Artifact.DATA_SUMMARY)
    except Damaged:
        return None
