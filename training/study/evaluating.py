"""Runs every evaluation that applies to a method. Each is a file of its own in ``training/evaluation/``."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from affect.record import Artifact
from training import registry
from training.contract import Findings
from training.study import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from training.contract import Fitted, Method

log = logging.getLogger(__name__)


def applying(method: Method) -> list[str]:
    """Return the names of the evaluations that apply to `method`, in the order in which they are computed."""
    names = [name for name in registry.evaluations() if registry.evaluation(name).applies(method)]
    return sorted(names, key=lambda name: registry.evaluation(name).last)


def prerequisites(method: Method) -> dict[str, str]:
    """Return name → method of all prerequisites of the evaluations of `method`."""
    return {name: path for one in applying(method) for name, path in registry.evaluation(one).prerequisites.items()}


class Tables(dict[str, "pd.DataFrame"]):
    """A final run's tables by artifact file name, each written by one author; samples.parquet is everybody's."""

    def __init__(self) -> None:
        self._authors: dict[str, str] = {}

    def add(self, author: str, tables: Mapping[str, pd.DataFrame]) -> None:
        """Add tables of the study, the method or an evaluation; ValueError for one that another author has written."""
        import pandas as pd

        for name, table in tables.items():
            if name in self and name == Artifact.SAMPLES:
                table = pd.concat([self[name], table], ignore_index=True)
            elif name in self:
                raise ValueError(f"{self._authors[name]} and {author} both write {name}; rename one of the tables")
            self[name], self._authors[name] = table, author


def evaluate(
    fitted: Fitted,
    tables: Tables,
    *,
    first: bool,
    load: Callable[[Mapping[str, str]], Mapping[str, Any]],
    say: Callable[[str], None],
) -> Findings:
    """Run the evaluations that apply, add their tables to `tables`, and return all that they found.

    `load` gives the fitted prerequisites of one. An evaluation that raises, or whose prerequisite cannot be fitted,
    must not cost the run, whose scores are already taken: `say` tells so, its traceback goes to the run's log, and its
    tables are missing. Two authors of one table are a mistake in the code and raise ValueError.
    """
    written: set[str] = set()
    metrics: dict[str, float] = {}
    codes = dict(fitted.outcome.embeddings)
    for name in applying(fitted.method):
        evaluation = registry.evaluation(name)
        if evaluation.once:
            if not first:
                continue
            say(f"evaluating {name}, once a study")
        try:
            job = replace(fitted.job, prerequisites={**fitted.job.prerequisites, **load(evaluation.prerequisites)})
            outcome = replace(fitted.outcome, embeddings=codes)
            findings = evaluation.evaluate(replace(fitted, job=job, outcome=outcome))
        except Exception as error:
            stopping.check()
            say(f"evaluation {name} failed: {type(error).__name__}: {error}; its traceback is in the run's log")
            log.error("evaluation %s failed\n%s", name, traceback.format_exc())
            continue
        tables.add(f"the evaluation {name}", findings.tables)
        written |= set(findings.tables)
        metrics.update(findings.metrics)
        codes = {**codes, **findings.embeddings}
    return Findings({name: tables[name] for name in tables if name in written}, metrics, codes)
