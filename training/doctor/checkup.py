"""All checks of a store, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.doctor import files, runs, searches
from training.doctor.problem import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.doctor.problem import Problem
    from training.tracking.store import Store


def problems(store: Store, say: Callable[[str], None]) -> list[Problem]:
    """Return what is wrong with a store, in the order of `KINDS`; `say` is told what is looked at.

    Nothing is written. Workers may be at work meanwhile: what a live one has open is no problem.
    """
    say("reading the runs")
    infos, deleted = store.find({}), store.deleted()
    own = [info for info in infos if "kind" in info.tags]
    running = [info for info in own if runs.is_running(info)]
    dead = runs.dead_workers(store, running, say)
    found = [*runs.problems(store, own, dead), *runs.deleted(store, [info for info in deleted if "kind" in info.tags])]
    say("comparing the searches with their runs")
    found += searches.problems(store, own, deleted)
    say("reading the files")
    found += files.of_runs(store, own)
    found += files.leftovers(store, own)
    order = list(KINDS)
    return sorted(found, key=lambda problem: order.index(problem.kind))
