"""The scale that labels look like they are on, where it is not −1 … 1; the underscore marks what readers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ENOUGH = 20
"""Labels from which a scale is guessed at all."""

SCALES = {
    (0, 1): "2·v − 1",
    (1, 5): "(v − 3) / 2",
    (1, 7): "(v − 4) / 3",
    (1, 9): "(v − 5) / 4",
    (-4, 4): "v / 4",
    (-5, 5): "v / 5",
    (-10, 10): "v / 10",
    (0, 10): "(v − 5) / 5",
    (0, 100): "(v − 50) / 50",
    (-100, 100): "v / 100",
    (-1000, 1000): "v / 1000",
}
"""Lowest and highest value of scales that ratings are made on → how a value becomes one of −1 … 1."""


def hint(values: NDArray[np.float64], low: float, high: float) -> str:
    """Return the end of a sentence on values that are not in [low, high]: what scale they look like; "" for none.

    >>> hint(np.array([1.0, 5.5, 9.0]), -1, 1)
    '; the values lie in 1 … 9: if that is their scale, write (v − 5) / 4'
    """
    finite = values[np.isfinite(values)]
    if (low, high) != (-1, 1) or not len(finite):
        return ""
    scales = holding(finite)
    if not scales or not _filled(scales[0], float(np.ptp(finite))):
        return ""
    return f"; the values lie in {scales[0][0]} … {scales[0][1]}: if that is their scale, write {SCALES[scales[0]]}"


def notes(values: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    """Return sentences on columns (n, c) in [−1, 1] that look like a scale from 0 to 1, or use little of theirs."""
    sentences: list[str] = []
    if len(values) < ENOUGH:
        return sentences
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if not len(known):
            continue
        if known.min() >= 0 and known.max() > 0.5:
            sentences.append(
                f"{name} is never below 0 ({known.min():g} … {known.max():g}), and −1 … 1 is expected: if its scale is "
                f"0 … 1, write {SCALES[0, 1]}"
            )
        elif 0 < np.abs(known).max() <= 0.1:
            sentences.append(
                f"{name} lies in {known.min():g} … {known.max():g}, and −1 … 1 is expected: is it divided twice?"
            )
    return sentences


def steps(values: NDArray[np.float64]) -> list[str]:
    """Return a sentence on whole steps of −10 … 10 (n, c) that look like −1 … 1, or like 0 … 10."""
    known = values[np.isfinite(values)]
    if len(known) < ENOUGH:
        return []
    if np.abs(known).max() <= 1 and (known != 0).any():
        return ["no label is beyond −1 … 1, and whole steps of −10 … 10 are expected: are they divided already?"]
    if known.min() >= 0:
        return ["no label is below 0, and whole steps of −10 … 10 are expected: is their scale 0 … 10?"]
    return []


def holding(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the scales that hold all values, which are finite: first those that they fill by half, narrow ones first.

    >>> holding(np.array([-7.0, 2.0]))
    [(-10, 10), (-100, 100), (-1000, 1000)]
    """
    low, high = float(values.min()), float(values.max())
    scales = [scale for scale in SCALES if scale[0] <= low and high <= scale[1]]
    return sorted(scales, key=lambda scale: (not _filled(scale, high - low), scale[1] - scale[0]))


def _filled(scale: tuple[int, int], span: float) -> bool:
    return span >= (scale[1] - scale[0]) / 2
