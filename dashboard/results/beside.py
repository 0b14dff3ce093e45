"""What a leaderboard can show beside the score: other scores, settings, hyperparameters, code and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dashboard.results import listing, names

if TYPE_CHECKING:
    from dashboard.results.protocol import Protocol

BEST_FIRST = "best first"
"""The order of a leaderboard that nobody sorted."""


def beside(protocol: Protocol, metric: str, target: str) -> pd.DataFrame:
    """Return further columns of a protocol's studies, a row a study by its run id; none that is empty.

    Scores are means over a study's final runs: the metric on validation, its other targets and the other metrics on
    test. Hyperparameters are those of the best trial.
    """
    studies = protocol.shown(archived=True)
    columns = {f"validation {names.metric(metric)}": protocol.scores(metric, target, part="validation")}
    for other in protocol.different(protocol.targets_of(metric)):
        if other != target:
            columns[f"test {names.metric(metric)}, {names.target(other)}"] = protocol.scores(metric, other)
    for other in protocol.metric_names:
        if other != metric and target in protocol.targets_of(other):
            columns[f"test {names.metric(other)}"] = protocol.scores(other, target)
    facts = [
        listing.parameters(protocol.index, run.run_id) | {"code": run.code_text, "hours": run.seconds / 3600}
        for run in studies
    ]
    found = pd.DataFrame(columns).join(pd.DataFrame(facts, index=[run.run_id for run in studies]), how="left")
    return found[[c for c in found if found[c].map(names.present).any()]]
