"""A protocol: data, split and targets. Results are compared and ranked only within one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import metrics
from affect import record as names_of
from affect.record import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dashboard.results.index import Index
    from dashboard.results.record import Record


class Protocol:
    """One protocol of an index, and the studies that have it, newest first, archived ones among them."""

    def __init__(self, index: Index, label: str, name: str, protocol_id: str, studies: tuple[str, ...]) -> None:
        self.index, self.label, self.name, self.protocol_id, self.studies = index, label, name, protocol_id, studies

    @property
    def record(self) -> Record:
        """The newest study's record: data, split and targets are the same in all of them."""
        return self.index.record(self.studies[0])

    def shown(self, archived: bool = False) -> list[Record]:
        """Return the records of its studies, newest first; archived ones only where asked for."""
        return [run for run in self.index.records(self.studies) if archived or not run.archived]

    def scores(self, metric: str, target: str = names_of.ALL, aspect: str = "", part: str = "test") -> pd.Series:
        """Return a metric of each of its studies (index: run ids, newest first), nan where a study has none."""
        values = self.index.values(names_of.metric(part, metric, target, aspect))
        return pd.Series(values[self._places], index=list(self.studies), dtype=float)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """The places of its studies in the run table."""
        return np.asarray(self.index.runs.index.get_indexer(pd.Index(self.studies)), np.int64)

    @cached_property
    def _tested(self) -> list[names_of.MetricName]:
        """The test scores that any of its studies has."""
        there = self.index.metrics.table(self._places, pd.Index(self.studies)).columns
        taken = [names_of.parse_metric(str(name)) for name in there if str(name).startswith("test/")]
        return [one for one in taken if one is not None and one.target != names_of.WEIGHED]

    @cached_property
    def metric_names(self) -> list[str]:
        """The metrics that its studies have test scores of, in the order of `affect.metrics`, unknown ones last."""
        there = {one.metric for one in self._tested}
        known = [m for m in (*metrics.REGRESSION, *metrics.CLASSIFICATION) if m in there]
        return known + sorted(there - set(known))

    @cached_property
    def targets(self) -> list[str]:
        """The targets with test scores: the mean over all of them first, then the data's own order."""
        there = {one.target for one in self._tested}
        order = dict.fromkeys(target for run in self.shown(archived=True) for target in run.targets)
        rest = sorted(there - set(order) - {names_of.ALL})
        return [t for t in (names_of.ALL, *order, *rest) if t in there]

    def targets_of(self, metric: str) -> list[str]:
        """Return the targets that its studies have test scores of this metric for."""
        there = {one.target for one in self._tested if one.metric == metric}
        return [target for target in self.targets if target in there]

    def different(self, targets: Sequence[str]) -> list[str]:
        """Return `targets` without the one of the data where it has but one: the mean over all is the same score."""
        own = {target for run in self.shown(archived=True) for target in run.targets}
        return [t for t in targets if len(own) > 1 or t not in own or names_of.ALL not in targets]

    def from_predictions(self, target: str) -> bool:
        """Return whether a target has a score of each sample, not of an evaluation alone (such as rotated meshes)."""
        own = {name for run in self.shown(archived=True) for name in run.targets}
        return target in (names_of.ALL, names_of.PICTURE) or target in own

    @cached_property
    def objective(self) -> str | None:
        """The metric that its newest study optimised, or None."""
        return next((run.objective for run in self.shown(archived=True) if run.objective), None)

    @property
    def times_scored(self) -> int:
        """How many studies have scored its test samples, in this protocol or another of the same split."""
        return self.index.times_scored.get(self.record.split or self.protocol_id, 0)

    @property
    def group_kind(self) -> str:
        """What its split keeps together: clip, person, video."""
        return self.record.group_kind

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The rows of its studies and their finals in the run table, archived ones too."""
        index = self.index
        rows = [self._places, *(index.children(study, Kind.FINAL) for study in self.studies)]
        return index.with_metrics(np.concatenate(rows))
