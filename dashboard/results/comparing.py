"""Which studies of a protocol a paired test over groups can tell apart: one family, one correction, on every page.

A family is all studies of a protocol that have a score and that nobody archived, best first. The best of each rank is
compared with all after it, p adjusted after Holm. What cannot be tested has no rank, "–", and a reason.

Results are kept by the contents of the files that they are computed from (their stamps). A failure to read is never
kept: a repaired file counts at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pandas as pd

from affect import metrics, record, statistics
from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.keeping import Kept
from dashboard.results import names
from dashboard.results.stacks import Stack, differ, of_images, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dashboard.results.index import Index
    from dashboard.results.protocol import Protocol as Studies

TESTED = 20
"""Studies, best first, that are tested in pairs."""
ALPHA = 0.05
NO_RANK = "–"
DETECTABLE = "can be told"
PAIRS = ("first", "second", "difference", "95 % low", "95 % high", "p", "p (Holm)", DETECTABLE, "groups", "answer")
"""Columns of a table of pairs."""
POWER = (
    f"“{DETECTABLE[0].upper()}{DETECTABLE[1:]}” is the smallest difference that these groups would tell apart four "
    "times in five, at p < .05 before correction: a true difference below it is missed more often."
)
"""What the column says."""


class Reader(Protocol):
    """Reads artifacts: a `dashboard.store.Store`, or the pages' cache of one."""

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a run's table; Damaged where it cannot be read."""

    def stamp(self, run_id: str, name: str) -> Hashable:
        """Return a value that changes when the file does; Damaged where there is none."""


class Untestable(ValueError):
    """Why a study or a pair cannot be tested."""


class Pair(NamedTuple):
    """How far study a is from study b: difference a − b in the metric's unit, its 95 % interval, p and adjusted p.

    Where the pair was not tested all numbers are nan and `reason` says why. `adjusted` is p after Holm within the
    protocol's family, nan for a pair that is not part of it.
    """

    a: str
    b: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    adjusted: float = math.nan
    groups: int = 0
    reason: str = ""

    @property
    def told_apart(self) -> bool:
        """Whether the test tells them apart."""
        return (self.p if math.isnan(self.adjusted) else self.adjusted) < ALPHA

    @property
    def detectable(self) -> float:
        """The smallest difference that the groups tell from 0 four times in five: see `affect.statistics`."""
        return statistics.detectable(self.low, self.high, self.groups)

    def turned(self) -> Pair:
        """Return the same test of b against a."""
        return self._replace(a=self.b, b=self.a, difference=-self.difference, low=-self.high, high=-self.low)


def pairs_table(index: Index, pairs: Iterable[Pair]) -> pd.DataFrame:
    """Return a row for each pair of studies, of which the first has the better score: see `PAIRS`."""
    rows = [
        (
            index.title(pair.a),
            index.title(pair.b),
            pair.difference,
            pair.low,
            pair.high,
            pair.p,
            pair.adjusted,
            pair.detectable,
            pair.groups,
            pair.reason or (f"{index.title(pair.a)} is better" if pair.told_apart else "cannot be told apart"),
        )
        for pair in pairs
    ]
    return pd.DataFrame(rows, columns=list(PAIRS))


class Rank(NamedTuple):
    """A study's rank: ``1 =`` where it shares it, ``–`` and a reason where it has none."""

    text: str
    place: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Family:
    """The studies of a protocol by rank, and the pairs that were tested: (best of a rank, study after it)."""

    order: tuple[str, ...]
    ranks: Mapping[str, Rank]
    pairs: Mapping[tuple[str, str], Pair]
    reason: str = ""
    """Why no study has a rank; empty where some have."""

    @property
    def first(self) -> str:
        """The best study that has a rank, with which all others are compared; empty where nobody has one."""
        return next((study for study in self.order if self.ranks[study].place == 1), "")

    def pair(self, a: str, b: str) -> Pair | None:
        """Return the test of two studies where the family has it, as a − b."""
        if (a, b) in self.pairs:
            return self.pairs[a, b]
        if (b, a) in self.pairs:
            return self.pairs[b, a].turned()
        return None

    def table(self, index: Index) -> pd.DataFrame:
        """Return the tested pairs, one row each: the two studies, difference first − second, interval, p and answer.

        These are the comparisons behind the ranks, so that a table of pairs and a ranking never disagree.
        """
        return pairs_table(index, self.pairs.values())

    def unranked(self) -> dict[str, list[str]]:
        """Return reason → the studies that have no rank because of it."""
        found: dict[str, list[str]] = {}
        for study in self.order:
            if self.ranks[study].place is None:
                found.setdefault(self.ranks[study].reason, []).append(study)
        return found


_stacks: Kept[Stack] = Kept(256 * 2**20)
_tests: Kept[statistics.Paired] = Kept(20_000)
_families: Kept[Family] = Kept(200)


# ------------------------------------------------------------------------------------------------------ the family


def family(read: Reader, protocol: Studies, metric: str, target: str = record.ALL) -> Family:
    """Return the ranks of a protocol's studies by one metric and target, best first."""
    index = protocol.index
    scores = protocol.scores(metric, target).dropna()
    scores = scores[[not index.record(str(run)).archived for run in scores.index]]
    rising = metrics.DIRECTION.get(metric) != "maximize"
    order = [str(run) for run in scores.sort_values(ascending=rising, kind="stable").index]
    if not order:
        return Family((), {}, {})
    if reason := _no_test(protocol, metric, target):
        return Family(tuple(order), {s: Rank(NO_RANK, None, reason) for s in order}, {}, reason)
    reasons = _versions(index, order) | {s: f"only the best {TESTED} studies are tested" for s in order[TESTED:]}
    kept: dict[str, tuple[Stack, Hashable]] = {}
    failed = False
    for study in order:
        if study not in reasons:
            try:
                kept[study] = _stack(read, index, study, metric, target)
            except Untestable as why:
                reasons[study], failed = str(why), True

    def make() -> Family:
        return _ranked(order, kept, metric, reasons, protocol.group_kind)

    if failed:  # a file that cannot be read now may be there the next time
        return make()
    stamps = tuple(stamp for _, stamp in kept.values())
    return _families.get((tuple(order), metric, target, tuple(reasons), stamps), make, lambda _: 1)


def _ranked(
    order: Sequence[str],
    kept: Mapping[str, tuple[Stack, Hashable]],
    metric: str,
    reasons: dict[str, str],
    kind: str,
) -> Family:
    """Return the family of `order`, of which those in `kept` have predictions and those in `reasons` have no rank."""
    tested, others = _alike({study: made for study, (made, _) in kept.items()})
    reasons = reasons | others
    if len(tested) > 1 and (reason := too_few(kept[tested[0]][0].groups, len(tested) - 1, kind)):
        ranks = {study: Rank(NO_RANK, None, reasons.get(study, reason)) for study in order}
        return Family(tuple(order), ranks, {}, reason)
    places, pairs = _places(tested, kept, metric)
    shared = Counter(places.values())
    ranks = {
        study: Rank(f"{places[study]} =" if shared[places[study]] > 1 else str(places[study]), places[study])
        if study in places
        else Rank(NO_RANK, None, reasons[study])
        for study in order
    }
    return Family(tuple(order), ranks, pairs, "" if places else "; ".join(dict.fromkeys(reasons.values())))


def _alike(stacks: Mapping[str, Stack]) -> tuple[list[str], dict[str, str]]:
    """Return the studies that have the same test samples and truth as most, best first, and why others do not."""
    sets: list[list[str]] = []
    for study, own in stacks.items():
        same = next((members for members in sets if not differ(stacks[members[0]], own)), None)
        if same is None:
            sets.append([study])
        else:
            same.append(study)
    largest = max(sets, key=len, default=[])
    lost = [study for members in sets if members is not largest for study in members]
    return largest, {
        study: f"not comparable with the ranked studies: {differ(stacks[largest[0]], stacks[study])}" for study in lost
    }


def _places(
    tested: Sequence[str], kept: Mapping[str, tuple[Stack, Hashable]], metric: str
) -> tuple[dict[str, int], dict[tuple[str, str], Pair]]:
    """Return study → rank, and the tests behind it."""
    places: dict[str, int] = {}
    pairs: dict[tuple[str, str], Pair] = {}
    left = list(tested)
    while left:
        best, *after = left
        place = places[best] = len(places) + 1
        tests = [_test(kept[best], kept[study], metric) for study in after]
        for study, test, adjusted in zip(after, tests, statistics.holm([t.p for t in tests]), strict=True):
            pairs[best, study] = _as_pair(best, study, test, float(adjusted))
        apart = next((i for i, study in enumerate(after) if pairs[best, study].told_apart), len(after))
        places |= dict.fromkeys(after[:apart], place)
        left = after[apart:]
    return places, pairs


def _as_pair(a: str, b: str, test: statistics.Paired, adjusted: float = math.nan) -> Pair:
    return Pair(a, b, test.difference, test.low, test.high, test.p, adjusted, test.groups)


def _no_test(protocol: Studies, metric: str, target: str) -> str:
    """Return why a metric and target can be tested for no study."""
    if metric not in (*metrics.REGRESSION, *metrics.CLASSIFICATION) or not protocol.from_predictions(target):
        return "this metric has no score of each sample, so no paired test is possible"
    return ""


def _versions(index: Index, order: Sequence[str]) -> dict[str, str]:
    """Return study → reason for those that were scored by an earlier version of the metrics than others."""
    versions = {study: index.record(study).metric_version for study in order}
    newest = max(versions.values())
    reason = f"scored by another version of the metrics (version {newest} is ranked)"
    return {study: reason for study, version in versions.items() if version != newest}


def too_few(groups: int, comparisons: int, kind: str) -> str:
    """Return why no test over so few groups can reach p < .05 in so many comparisons; empty where one can."""
    least = 2 / 2**groups if 2**groups <= statistics.SWAPS + 1 else 1 / (statistics.SWAPS + 1)
    if least * comparisons < ALPHA:
        return ""
    several = f" after correction for {comparisons} comparisons" if comparisons > 1 and least < ALPHA else ""
    return f"too few {names.plural(kind)} to rank: with {groups} no test can reach p < .05{several}"


# ---------------------------------------------------------------------------------------------------------- pairs


def pair(read: Reader, index: Index, a: str, b: str, metric: str, target: str = record.ALL) -> Pair:
    """Return the paired test of two studies (or finals), a − b, adjusted where their family compares them."""
    protocol = index.protocol_of(a)
    if protocol is None or protocol is not index.protocol_of(b):
        return Pair(a, b, reason="different protocols")
    if reason := _no_test(protocol, metric, target):
        return Pair(a, b, reason=reason)
    if index.record(a).metric_version != index.record(b).metric_version:
        return Pair(a, b, reason="scored by different versions of the metrics")
    try:
        first, second = (_stack(read, index, run, metric, target) for run in (a, b))
    except Untestable as why:
        return Pair(a, b, reason=str(why))
    if reason := differ(first[0], second[0]):
        return Pair(a, b, reason=reason)
    found = _as_pair(a, b, _test(first, second, metric))
    known = family(read, protocol, metric, target).pair(a, b)
    return found if known is None else found._replace(adjusted=known.adjusted)


def _test(a: tuple[Stack, Hashable], b: tuple[Stack, Hashable], metric: str) -> statistics.Paired:
    """Return the paired test of two stacks, computed once for the files that they came from."""
    (first, stamp_a), (second, stamp_b) = a, b
    return _tests.get(
        (stamp_a, stamp_b, metric),
        lambda: statistics.paired(first.true, first.pred, second.pred, first.group, metric),
        lambda _: 1,
    )


def _stack(read: Reader, index: Index, run_id: str, metric: str, target: str) -> tuple[Stack, Hashable]:
    """Return the predictions of a study's finals, and the stamps of their files. Untestable says what is wrong."""
    seeds = index.by_seed(run_id)
    if not seeds:
        raise Untestable("it has no complete final run")
    files = [Artifact.PREDICTIONS, *([Artifact.RECONSTRUCTIONS] if target == record.PICTURE else [])]
    try:
        stamp = (target, metric if target == record.PICTURE else "", *_stamps(read, chain.from_iterable(seeds), files))
        return _stacks.get(stamp, lambda: _read(read, seeds, metric, target), lambda made: made.size), stamp
    except (Damaged, ValueError) as problem:
        raise Untestable(f"its predictions cannot be compared: {problem}") from problem


def _stamps(read: Reader, finals: Iterable[str], files: Sequence[str]) -> Iterator[Hashable]:
    for run_id in finals:
        for name in files:
            yield run_id, read.stamp(run_id, name)


def _read(read: Reader, seeds: Sequence[Sequence[str]], metric: str, target: str) -> Stack:
    """Read the predictions of each seed; those of its folds, which have different test rows, become one table."""

    def one(run: str) -> pd.DataFrame:
        table = read.table(run, Artifact.PREDICTIONS)
        if target == record.PICTURE:
            table = of_images(table, read.table(run, Artifact.RECONSTRUCTIONS), metric)
        return table[table["part"] == "test"]

    return stack([pd.concat([one(run) for run in folds], ignore_index=True) for folds in seeds], target)


# ------------------------------------------------------------------------------------------------------- standing


def standing(read: Reader, index: Index, run_id: str) -> str:
    """Say where a run's study stands in its protocol, and whether the test tells it from the best other one.

    Empty for what is never ranked: trials, prerequisites, archived studies, and studies without a test score.
    """
    study, protocol = index.study_of(run_id), index.protocol_of(run_id)
    if study is None or protocol is None or not index.record(run_id).on_test:
        return ""
    metric = index.record(study).objective
    found = family(read, protocol, metric)
    if study not in found.order:
        return ""
    count = len(found.order)
    if count == 1:
        return "the only study of this protocol so far"
    if found.reason:
        return f"one of {count} studies of this protocol, not ranked: {found.reason}"
    rank = found.ranks[study]
    if rank.place is None:
        return f"one of {count} studies of this protocol, not ranked: {rank.reason}"
    best = found.order[0] if found.order[0] != study else next((s for s in found.order[1:] if found.pair(study, s)), "")
    place = f"rank {rank.text.rstrip(' =')} of {count} studies" + (", shared" if rank.text.endswith("=") else "")
    if not best or (test := found.pair(study, best)) is None:
        return place
    other = index.record(best)
    score = float(protocol.scores(metric)[best])
    which = "the next" if best != found.order[0] else "the best"
    sure = "differs from" if test.told_apart else "cannot be told apart from"
    ends = "" if math.isnan(test.low) else f", 95 % {test.low:+.4f} … {test.high:+.4f}"
    groups = names.count(test.groups, protocol.group_kind)
    least = test.detectable
    power = "" if math.isnan(least) else f"; they tell a difference of {least:.2g} in four cases of five"
    return (
        f"{place}; it {sure} {which}, {other.title} ({score:.4f}): "
        f"difference {test.difference:+.4f}{ends}, p = {p_text(test.adjusted)} over {groups}{power}"
    )


def p_text(p: float) -> str:
    """Return a p value as text: ``0.045``, ``0.001 or less``, empty where there is none."""
    if np.isnan(p):
        return ""
    return f"{p:.3f}" if p >= 0.001 else "0.001 or less"
