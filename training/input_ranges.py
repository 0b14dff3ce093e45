"""The range of each input in train, kept beside a model, so that ``predict`` notices rows that are far from it.

A column is known by its lowest and highest value, an image or a mesh by the mean and the spread of its values: a file
in other units, in another scale or with images of 0 … 1 gives predictions that look like any others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from training import json_files, messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data import Block, Split
    from training.views import Inputs, View

FILE = "input_ranges.json"
OF_A_ROW = ("mean of its values", "spread of its values")
"""What is looked at in a row without columns: an image, a mesh."""

IMAGES, ROWS = 5_000, 500_000
"""Rows without columns, and with columns, that are looked at, at most: they are chosen evenly."""
CHUNK = 512
MARGIN = 0.1
"""Of the range in train, by which new rows may be outside it."""
SHARE = 0.2
"""Of new rows: fewer outside are no sign of other units, for some row is always the largest."""
SHOWN = 5


def write(folder: Path, split: Split) -> None:
    """Write the ranges of the train part into a model's folder."""
    ranges: dict[str, Any] = {}
    for name, view in split.train.inputs.items():
        names = split.blocks[name].columns or OF_A_ROW
        low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        for values in _values(view, split.blocks[name]):
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        if np.isfinite(low).all():
            ranges[name] = {"names": [*names], "low": low.tolist(), "high": high.tolist()}
    (folder / FILE).write_text(json.dumps(ranges), encoding="utf-8")


def compare(folder: Path, inputs: Inputs, blocks: Mapping[str, Block]) -> tuple[str, ...]:
    """Return sentences on what of new rows lies outside the ranges of a model's folder, or cannot be compared.

    None for a model of an earlier Affectory, which has no ranges.
    """
    file = folder / FILE
    if not file.is_file():
        return ()
    ranges = json_files.read(file)
    unlike: list[str] = []
    sentences: list[str] = []
    for name, view in inputs.items():
        names = tuple(blocks[name].columns or OF_A_ROW)
        if (reason := _incomparable(name, names, ranges)) is not None:
            unlike.append(reason)
            continue
        values = np.concatenate([*_values(view, blocks[name])])
        low, high = np.array(ranges[name]["low"]), np.array(ranges[name]["high"])
        # a column that was constant in train has a range of its own size
        margin = MARGIN * np.where(high > low, high - low, np.maximum(np.abs(high), 1e-9))
        outside = ((values < low - margin) | (values > high + margin)).sum(axis=0)
        for i in np.flatnonzero(outside >= max(1.0, SHARE * len(values))).tolist():
            what = names[i] if blocks[name].columns else f"{name}, {names[i]}"
            sentences.append(
                f"{what}: {outside[i]:,} of {len(values):,} rows lie outside what was seen in train "
                f"({low[i]:.4g} … {high[i]:.4g}; here {values[:, i].min():.4g} … {values[:, i].max():.4g}); "
                "is it in other units?"
            )
    rest = len(sentences) - SHOWN
    return (*unlike, *sentences[:SHOWN], *([f"and so do {rest} further columns"] if rest > 0 else []))


def _incomparable(name: str, names: tuple[str, ...], ranges: Mapping[str, Any]) -> str | None:
    """Return why a block's new rows are not compared with those of train, None where they are."""
    if name not in ranges:
        return f"{name}: not compared with what was seen in train, whose values were not all finite"
    known = tuple(ranges[name]["names"])
    if known == names:
        return None
    new, missing = ([one for one in a if one not in b] for a, b in ((names, known), (known, names)))
    differences = [
        *([f"only here: {messages.listed(new)}"] if new else []),
        *([f"only in train: {messages.listed(missing)}"] if missing else []),
    ]
    how = "; ".join(differences) or "they are in another order"
    return f"{name}: not compared with what was seen in train, because its columns differ ({how})"


def _values(view: View, block: Block) -> Iterator[NDArray[np.float64]]:
    """Yield (k, c) values of a few rows at a time: their columns, or mean and spread of rows without columns."""
    limit = (ROWS if block.columns else IMAGES) // (view.shape[1] if view.windowed else 1) + 1
    rows = np.linspace(0, len(view) - 1, min(limit, len(view))).astype(np.int64)
    for start in range(0, len(rows), CHUNK):
        values, mask = view[rows[start : start + CHUNK]]
        there = np.asarray(values[mask], np.float64)
        if not len(there):
            continue
        if not block.columns:
            flat = there.reshape(len(there), -1)
            there = np.column_stack([flat.mean(axis=1), flat.std(axis=1)])
        yield there
