"""One row of `make bench`: what ours took, what the peer took for the same work in the same run, and the target."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Row:
    """A measured comparison.

    Parameters
    ----------
    topic : what is measured, such as "reading · run table, cold, 10k runs".
    name : the peer and how it was used, such as "mlflow.search_runs".
    ours_s, peer_s : medians in seconds (or in whatever `unit` says, the same for both).
    ratio : how the two are compared: ours / peer, or peer / ours where `better` is "higher".
    target : what the ratio is to reach, such as "<= 0.8" or ">= 30"; empty where nothing is promised.
    better : whether a lower or a higher ratio is better.
    met : whether the target was reached; True where there is none.
    note : what bounds it, or on what it was measured.
    """

    topic: str
    name: str
    ours_s: float
    peer_s: float
    ratio: float
    target: str
    better: Literal["lower", "higher"]
    met: bool
    note: str = ""
    unit: str = "s"


def row(
    topic: str,
    name: str,
    ours: float,
    peer: float,
    target: str = "",
    better: Literal["lower", "higher"] | None = None,
    note: str = "",
    unit: str = "s",
) -> Row:
    """Make a row from two figures, lower is better for both: the ratio is peer / ours where the target is ``>=``.

    ``row("networks", "DataLoader", 0.7, 1.0, "<= 0.8")`` has ratio 0.7 and is met.
    """
    sign, _, bound = target.partition(" ")
    if target and sign not in COMPARE:
        raise ValueError(f"a target is one of {', '.join(COMPARE)} and a number, not {target!r}")
    better = better or ("higher" if sign.startswith(">") else "lower")
    ratio = ours / peer if better == "lower" else peer / ours
    met = bool(COMPARE[sign](ratio, float(bound))) if target else True
    return Row(topic, name, ours, peer, ratio, target, better, met, note, unit)


def in_turn(*works: Callable[[], object], rounds: int = 5, warm: int = 1) -> list[float]:
    """Time the works in turn, `rounds` times round, after `warm` rounds that are not counted; medians in seconds.

    In turn, so that a machine that slows down on the way slows both down.
    """
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(warm + rounds):
        for times, work in zip(taken, works, strict=True):
            start = time.perf_counter()
            work()
            if turn >= warm:
                times.append(time.perf_counter() - start)
    return [median(times) for times in taken]
