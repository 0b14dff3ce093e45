"""What selection on test would have scored, as some sources did: a diagnostic beside the honest score, never ranked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from affect.record import SELECTED_ON_TEST, Kind
from dashboard.results import names, objective
from dashboard.results.tables import number

if TYPE_CHECKING:
    from dashboard.results.index import Index

LABEL = "Diagnostic, never ranked"
HOW = (
    "Each final run was fitted once more and its best epoch chosen on the test part itself, as some sources did. Such "
    "a score is too good: it is no result, stands in no leaderboard and was used for no choice."
)


def text(index: Index, run_id: str) -> str:
    """Return the diagnostic in a sentence, of a study the mean over its final runs; empty where there is none.

    ``selected on test, as some sources did: Macro F1 0.83 at epoch 12; the honest test score is 0.79``
    """
    run = index.record(run_id)
    finals = index.final_ids(run_id) if run.kind == Kind.STUDY else [run_id] if run.kind == Kind.FINAL else []
    if not run.objective or not finals:
        return ""
    pairs = [
        (index.score(final, SELECTED_ON_TEST + run.objective), index.score(final, f"{SELECTED_ON_TEST}epoch"))
        for final in finals
    ]
    known = [(value, epoch) for value, epoch in pairs if not math.isnan(value)]
    if not known:
        return ""
    value, epoch = (float(one) for one in np.mean(known, axis=0))
    honest = index.score(run_id, objective.on("test", objective.metric(run)))
    over = f", mean over {names.count(len(known), 'final run')}" if len(known) > 1 else ""
    beside = "" if math.isnan(honest) else f"; the honest test score is {number(honest, 4)}"
    return (
        f"selected on test, as some sources did: {names.metric(run.objective)} {number(value, 4)} at epoch "
        f"{epoch:.4g}{over}{beside}"
    )
