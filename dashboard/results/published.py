"""What was published for a run's data: one join of the published scores for every page, and whether they compare.

Published scores stand next to measured ones as facts. They are never ranked with them, and almost never comparable:
`Published.why` says why not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import published as source
from affect import record as names_of
from affect.published import RESULT, settings_of
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.results.record import Record

OVERALL = ("all", "all features", "mean of both axes")
"""What publications call the mean over all targets. Their "combined" is a sum."""
OWN_TASK = "alignment"
"""The one of the published tasks (`evaluation`) that is of the method's own predictions."""
_PART = {"train": "it is of training samples", "val": "it is of validation samples"}


@dataclass(frozen=True)
class Published:
    """One published score and what to know about it."""

    method: str
    """The method's name without its family."""
    settings: str
    """As published: ``features=all;latent_size=1``, a subset of a run's settings."""
    value: float
    split: str
    bound: str
    """Such as "about"; empty where the source states a plain number."""
    extra: str
    note: str
    source: str
    why: str
    """Why it cannot be compared with measured scores; empty where it can."""

    @property
    def settings_text(self) -> str:
        """The settings as people read them."""
        return self.settings.replace(";", " · ").replace("=", " ").replace("_", " ")

    @property
    def caveats(self) -> str:
        """All that is known about the score, in one line."""
        split = f"split {self.split}" if self.split else ""
        return "; ".join(part for part in (self.bound, self.extra, split, self.note, self.source) if part)


@lru_cache(maxsize=1)
def table() -> pd.DataFrame:
    """Return `affect.published.published()`, read once."""
    return source.published()


@lru_cache(maxsize=256)
def _known(dataset: str, method: str) -> pd.DataFrame:
    return matching(table(), dataset, method)


def matching(
    paper: pd.DataFrame, dataset: str = "", method: str = "", settings: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Return the published results on a data set, of a method, and of settings that are all among the run's.

    An empty `dataset` or `method`, or no `settings`, asks for any. `method` may be the full path.
    """
    rows = paper[paper["role"] == RESULT]
    if dataset:
        rows = rows[rows["dataset"] == dataset]
    if method:
        rows = rows[rows["method"] == names.method(method)]
    if settings is not None:
        own = {key: str(value) for key, value in settings.items()}
        among = [all(own.get(k) == v for k, v in settings_of(text).items()) for text in rows["settings"]]
        rows = rows[pd.Series(among, index=rows.index, dtype=bool)]
    return rows


def scores(
    run: Record, metric: str, target: str = names_of.ALL, *, of: str = "run", paper: pd.DataFrame | None = None
) -> list[Published]:
    """Return what was published on a run's data of one metric and target.

    The mean over all targets is the published one, or, where only single targets were published, their mean: `extra`
    says so. What was published of predictors that were fitted on codes is no score of the method itself.

    Parameters
    ----------
    of : ``run`` for the run's method with its settings, ``method`` for its method with any, ``data`` for all methods.
    paper : the published table, `table()` by default.
    """
    method, settings = (run.method if of != "data" else ""), (run.settings if of == "run" else None)
    if not run.dataset or (of != "data" and not method):
        return []
    rows = _known(run.dataset, method) if paper is None else matching(paper, run.dataset, method)
    if rows.empty:
        return []
    if settings is not None:
        rows = matching(rows, settings=settings)
    rows = rows[(rows["metric"] == metric) & rows["evaluation"].map(_own_predictions).astype(bool)]
    found = []
    for (name, text), group in rows.groupby(["method", "settings"], sort=True):
        one = _score(group, target, run.targets)
        if one is not None:
            value, first, extra = one
            about = {key: str(first[key]) for key in ("split", "bound", "note", "source")}
            why = why_not(about["split"], run.protocol)
            found.append(Published(str(name), str(text), value, extra=extra, why=why, **about))
    return found


def why_not(split: str, protocol: str) -> str:
    """Return why a score of this published split cannot be compared with those of a protocol; empty where it can."""
    if split in ("", "not stated"):
        return "its split is not stated"
    if split in _PART:
        return _PART[split]
    return "" if "published" in protocol else "its test samples are others"


def _own_predictions(evaluation: str) -> bool:
    return settings_of(evaluation).get("task", OWN_TASK) == OWN_TASK


def _score(group: pd.DataFrame, target: str, targets: Sequence[str]) -> tuple[float, pd.Series, str] | None:
    wanted = group[group["target"].isin(OVERALL) if target == names_of.ALL else group["target"] == target]
    extra = ""
    if wanted.empty and target == names_of.ALL and targets and set(targets) <= set(group["target"]):
        wanted = group[group["target"].isin(targets)]
        extra = f"mean of {len(targets)} published scores" if len(targets) > 1 else ""
    return None if wanted.empty else (float(wanted["value"].mean()), wanted.iloc[0], extra)
