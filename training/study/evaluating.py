"""Runs every evaluation that applies to a method. Each is a file of its own in ``training/evaluation/``."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training import registry
from training.contract import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from training.contract import Fitted, Method

log = logging.getLogger(__name__)


def applying(method: Method) -> list[str]:
    """Return the names of the evaluations that apply to `method`, in the order in which they are computed."""
    found = [name for name in registry.evaluations() if registry.evaluation(name).applies(method)]
    return sorted(found, key=lambda name: registry.evaluation(name).last)


def prerequisites(method: Method) -> dict[str, str]:
    """Return need → method of everything that the evaluations of `method` need."""
    return {need: path for name in applying(method) for need, path in registry.evaluation(name).prerequisites.items()}


def evaluate(
    fitted: Fitted,
    *,
    first: bool,
    lend: Callable[[Mapping[str, str]], Mapping[str, Any]],
    say: Callable[[str], None],
) -> Findings:
    """Run the evaluations that apply and return all they found; `lend` gives the fitted models that one needs.

    An evaluation that raises, or whose need cannot be fitted, must not cost the run, whose scores are already taken:
    `say` tells so, its traceback goes to the run's log, and its tables are missing.
    """
    tables: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    codes = dict(fitted.outcome.embeddings)
    for name in applying(fitted.method):
        evaluation = registry.evaluation(name)
        if evaluation.once:
            if not first:
                continue
            say(f"evaluating {name}, once a study")
        try:
            job = replace(fitted.job, prerequisites={**fitted.job.prerequisites, **lend(evaluation.prerequisites)})
            outcome = replace(fitted.outcome, embeddings=codes)
            found = evaluation.evaluate(replace(fitted, job=job, outcome=outcome))
        except Exception as error:
            say(f"evaluation {name} failed: {type(error).__name__}: {error}; its traceback is in the run's log")
            log.error("evaluation %s failed\n%s", name, traceback.format_exc())
            continue
        tables.update(found.tables)
        metrics.update(found.metrics)
        codes = {**codes, **found.embeddings}
    return Findings(tables, metrics, codes)
