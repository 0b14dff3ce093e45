"""The CCC of each recording by itself, beside that of all rows together.

A pooled CCC is raised by what tells recordings apart; the mean over recordings says how well changes within one are
followed. Where the label of a recording never changes there is nothing to follow: such recordings have no CCC, and
their number is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from affect import metrics, record
from affect.per_sequence import per_sequence
from training.contract import Evaluation, Findings, Fitted, Method

if TYPE_CHECKING:
    from training.data import Strings

(NAME,) = metrics.RECORDINGS


def applies(method: Method) -> bool:
    """Say whether the method predicts valence and arousal."""
    return method.targets == "va"


def evaluate(fitted: Fitted) -> Findings:
    """Return the mean CCC per recording of validation and test, for each axis and both, and the recordings without one.

    Nothing where the data has no recordings, and no score of an axis that changes in none of them.
    """
    found: dict[str, float] = {}
    for part, sample in _samples(fitted).items():
        sequence = _recordings(fitted, sample)
        true, pred = np.asarray(fitted.truth[part]), np.asarray(fitted.outcome.predictions[part])
        each = {}
        for i, target in enumerate(fitted.split.targets):
            scored = per_sequence("ccc", true[:, i], pred[:, i], sequence)
            constant = float(scored.table["constant"].sum())
            found[record.metric(part, NAME, target, record.N_UNDEFINED)] = constant
            if constant < len(scored.table):
                each[target] = found[record.metric(part, NAME, target)] = scored.changing
        if len(each) == len(fitted.split.targets):
            found[record.metric(part, NAME)] = float(np.mean([*each.values()]))
    return Findings(metrics=found)


def _samples(fitted: Fitted) -> dict[str, Strings]:
    """Return part → the samples' names in the data, of validation and test; nothing where there are no recordings."""
    if fitted.data.sequence is None:
        return {}
    parts = {"validation": fitted.split.validation.sample, "test": fitted.test_sample}
    return {part: sample for part, sample in parts.items() if part in fitted.outcome.predictions}


def _recordings(fitted: Fitted, sample: Strings) -> Strings:
    place = {name: i for i, name in enumerate(fitted.data.sample.tolist())}
    assert fitted.data.sequence is not None
    recordings: Strings = fitted.data.sequence[[place[name] for name in sample.tolist()]]
    return recordings


EVALUATION = Evaluation(applies, evaluate)
