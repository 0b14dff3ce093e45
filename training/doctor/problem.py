"""What `doctor` finds: one problem, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, str] = {
    "worker gone": "runs and trials that are still running, and whose worker is gone",
    "end not written": "runs that have ended, and that MLflow calls RUNNING",
    "scored twice": "final runs of one seed that were scored on test twice",
    "trial without run": "Optuna's trials whose run is not in MLflow",
    "run without trial": "runs of trials that the search does not have",
    "search without study": "searches whose study is not in MLflow",
    "study without search": "unfinished studies whose search is not in Optuna's storage",
    "deleted in MLflow": "runs that were deleted in MLflow and can be brought back",
    "artifact missing": "artifacts that a run lists and that are not there",
    "artifact damaged": "artifacts that are not as the run wrote them",
    "artifact foreign": "files in a run's folder that the run did not write",
    "earlier record": "unfinished studies of an earlier Affectory, which cannot go on",
    "leftover": "files that killed processes left behind",
}
"""Every kind of problem, in the order in which they are shown, and what it is."""


@dataclass(frozen=True)
class Problem:
    """One thing in a store that is not as it should be.

    Parameters
    ----------
    kind : one of `KINDS`.
    text : a sentence that names the run, trial or file and says what is wrong with it.
    remedy : what is done about it, or what a person can do where nothing is done.
    mend : does it; None where only a person can.
    deletes : `mend` deletes something, and is called with ``--delete`` alone.
    """

    kind: str
    text: str
    remedy: str
    mend: Callable[[], object] | None = None
    deletes: bool = False
