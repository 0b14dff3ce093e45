"""Near-duplicates: found by few bits, joined through others, and just as by comparing all pairs."""

from __future__ import annotations

import numpy as np

from training.datasets import _duplicates


def flipped(one: int, *bits: int) -> int:
    for bit in bits:
        one ^= 1 << bit
    return one


def test_few_bits_are_near_and_more_are_not():
    base = 0x0123456789ABCDEF
    # the worst case of near ones: the bits spread over all four bands
    near, far = flipped(base, 0, 1, 17, 18, 33, 50), flipped(base, 0, 1, 17, 18, 33, 34, 50)
    assert _duplicates.groups(np.array([base, near], np.uint64)).tolist() == [0, 0]
    assert _duplicates.groups(np.array([base, far], np.uint64)).tolist() == [0, 1]


def test_two_are_joined_by_a_third_and_named_after_the_first_row():
    a = 0xFFFF0000FFFF0000
    b, c = flipped(a, *range(0, 10, 2)), flipped(a, *range(0, 20, 2))
    other = 0x123456789
    assert _duplicates.groups(np.array([other, c, a, b, a], np.uint64)).tolist() == [0, 1, 1, 1, 1]


def test_it_finds_what_comparing_all_pairs_finds():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**64, 60, dtype=np.uint64)
    noise = np.array([sum(1 << int(b) for b in rng.choice(64, k, replace=False)) for k in range(10) for _ in range(60)])
    hashes = np.tile(base, 10) ^ noise.astype(np.uint64)
    near = np.bitwise_count(hashes[:, None] ^ hashes) <= _duplicates.NEAR
    while (wider := (near.astype(np.float32) @ near.astype(np.float32)) > 0).sum() > near.sum():
        near = wider
    assert np.array_equal(_duplicates.groups(hashes), near.argmax(axis=1))


def test_nothing_is_in_no_group():
    assert _duplicates.groups(np.empty(0, np.uint64)).tolist() == []
