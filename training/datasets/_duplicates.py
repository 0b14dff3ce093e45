"""Images that are nearly the same, by their perceptual hashes; the underscore marks what readers share.

Where persons are unknown, copies of one photograph (cut, scaled or compressed differently) must not be in two
parts of a split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR = 6
"""Bits of 64 by which the hashes of near-duplicates may differ. Those of unrelated images differ by about 32, of
two faces that fill their images alike by 10 or more, save a few: joining those two costs nothing."""

_BANDS, _BITS = 4, 16
_ONE_BIT_OFF = np.array([0, *(1 << bit for bit in range(_BITS))], np.uint16)


def groups(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each hash (n,) the row of the first image of its group (n,).

    Images whose hashes differ by `NEAR` bits or fewer are of one group, and so are two that a third one joins.
    Of 64 bits in four bands, two such hashes have at least one band that differs by one bit or none
    (6 < 4 × 2): only those pairs are looked at, not all n².
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, first, where = np.unique(hashes, return_index=True, return_inverse=True)
    n = len(distinct)
    pairs = [_pairs(distinct, band) for band in range(_BANDS)]
    one, other = np.concatenate(pairs, axis=1) if n else np.empty((2, 0), np.int64)
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
    component = connected_components(graph, directed=False)[1] if n else np.empty(0, np.int64)
    earliest = np.full(n, len(hashes), np.int64)
    np.minimum.at(earliest, component, first)
    group: NDArray[np.int64] = earliest[component][where]
    return group


def _pairs(hashes: NDArray[np.uint64], band: int) -> NDArray[np.int64]:
    """Return the rows (2, p) of near hashes that differ by one bit or none in `band`."""
    part = (hashes >> np.uint64(_BITS * band)).astype(np.uint16)
    order = np.argsort(part, kind="stable")
    part_sorted = part[order]
    found = []
    for off in _ONE_BIT_OFF:
        wanted = part ^ off
        start = np.searchsorted(part_sorted, wanted, side="left")
        count = np.searchsorted(part_sorted, wanted, side="right") - start
        one = np.repeat(np.arange(len(hashes)), count)
        # 0, 1, … within each run of candidates
        within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
        other = order[np.repeat(start, count) + within]
        near = (one < other) & (np.bitwise_count(hashes[one] ^ hashes[other]) <= NEAR)
        found.append(np.stack([one[near], other[near]]))
    return np.concatenate(found, axis=1)
