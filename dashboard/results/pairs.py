"""Tests of pairs of studies that a page chooses itself, with the same answers as the Leaderboard gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from affect import metrics, record, statistics
from dashboard.results import comparing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.results.comparing import Pair, Reader
    from dashboard.results.index import Index


def adjusted(
    read: Reader, index: Index, studies: Iterable[tuple[str, str]], metric: str, target: str = record.ALL
) -> list[Pair]:
    """Return the test of each pair of studies, the better study first, each with an adjusted p.

    A pair that the Leaderboard tests has the same p here, and a study that it does not rank is not told apart here
    either: `Pair.reason` says why. All other pairs are adjusted together, after Holm.
    """
    found = [_ordered(read, index, a, b, metric, target) for a, b in studies]
    own = [i for i, one in enumerate(found) if math.isnan(one.adjusted) and not math.isnan(one.p) and not one.reason]
    for i, p in zip(own, statistics.holm([found[i].p for i in own]), strict=True):
        found[i] = found[i]._replace(adjusted=float(p))
    return found


def _ordered(read: Reader, index: Index, a: str, b: str, metric: str, target: str) -> Pair:
    """Return the test of two studies, the better one first, and the Leaderboard's reason where it does not test one."""
    pair = comparing.pair(read, index, a, b, metric, target)
    protocol = index.protocol_of(a)
    if pair.reason or protocol is None:
        return pair
    family = comparing.family(read, protocol, metric, target)
    if known := family.pairs.get((a, b)) or family.pairs.get((b, a)):
        return known
    ranks = [family.ranks[study] for study in (a, b) if study in family.ranks]
    pair = pair._replace(reason=next((rank.reason for rank in ranks if rank.place is None), ""))
    sign = -1 if metrics.DIRECTION.get(metric) == "maximize" else 1
    return pair.turned() if sign * pair.difference > 0 else pair
