"""Views: rows of a block of measurements, looked at without copying them.

A part of a split, a window of frames before each sample, a recording of unequal length and the audio beside a video
frame are all the same thing: row numbers into an array that stays where it is, in memory or in a memory-mapped file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Block, Floats, Indices, Strings, Values

    Mask = NDArray[np.bool_]

PADDING = -1
"""The row number of a step that is not there."""

TOLERANCE_S = 1e-3
"""Seconds by which two times may differ and still count as equal: files round times to milliseconds."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Row numbers (n, T) of one window for each sample, worked out when they are asked for.

    Windows overlap: as a table, those of 4 s at 5 frames a second would take more memory than small features do.

    Parameters
    ----------
    stop : (n,) place behind the window's last row, in `order`.
    count : (n,) rows in the window; the T − count steps before them are `PADDING`.
    steps : T, the rows of the longest window.
    order : (m,) row numbers by recording and time; None where rows lie in that order.
    """

    stop: NDArray[np.int32]
    count: NDArray[np.int32]
    steps: int
    order: NDArray[np.int32] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, T)."""
        return len(self.stop), self.steps

    def __len__(self) -> int:
        return len(self.stop)

    def __getitem__(self, i: Any) -> Indices:
        """Return the row numbers (b, T) of the windows `i`, an index array, a mask or a slice."""
        before = np.arange(-self.steps, 0)
        place = self.stop[i][..., None].astype(np.int64) + before
        there = before >= -self.count[i][..., None]
        rows = place if self.order is None else self.order[np.where(there, place, 0)].astype(np.int64)
        return np.where(there, rows, PADDING)

    def take(self, i: Any) -> Windows:
        """Return the windows `i` alone."""
        return replace(self, stop=self.stop[i], count=self.count[i])

    def concatenate(self, other: Windows) -> Windows:
        """Return these windows and then others of the same rows; ValueError for windows of other rows."""
        if self.order is not other.order or self.steps != other.steps:
            raise ValueError("the windows are of other rows")
        stop, count = np.concatenate([self.stop, other.stop]), np.concatenate([self.count, other.count])
        return replace(self, stop=stop, count=count)


@dataclass(frozen=True, eq=False)
class View:
    """Rows of `values`, one or T for each sample.

    Parameters
    ----------
    values : (m, …) array or memory-mapped file: anything with shape, dtype and ``[row numbers]``.
    rows : (n,) row numbers, or (n, T) of windows in time order; `PADDING` where there is no row.

    ``view[i]`` copies the samples `i` (an index array, a mask or a slice): values (b, …) or (b, T, …), 0 where there is
    no row, and a mask, (b,) or (b, T), that is True where there is one. ``np.asarray(view)`` copies all.
    """

    values: Any
    rows: Indices | Windows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (n, …) or (n, T, …)."""
        return (*self.rows.shape, *self.values.shape[1:])

    @property
    def ndim(self) -> int:
        """Return the number of axes of `shape`."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the values."""
        kind: np.dtype[Any] = self.values.dtype
        return kind

    @property
    def windowed(self) -> bool:
        """Whether there are T rows for each sample."""
        return len(self.rows.shape) == 2

    def __getitem__(self, i: Any) -> tuple[Values, Mask]:
        rows = self.rows[i]
        mask = rows != PADDING
        if mask.all():
            return self.values[rows], mask
        values = self.values[np.where(mask, rows, 0)]
        values[~mask] = 0
        return values, mask

    def mask(self) -> Mask:
        """Return where there is a row: (n,), or (n, T)."""
        if isinstance(self.rows, Windows):
            return np.arange(-self.rows.steps, 0) >= -self.rows.count[:, None]
        there: Mask = self.rows != PADDING
        return there

    def take(self, i: Any) -> View:
        """Return the view of the samples `i`; no value is copied."""
        return View(self.values, self.rows.take(i) if isinstance(self.rows, Windows) else self.rows[i])

    def concatenate(self, other: View) -> View:
        """Return these samples and then others of the same values, uncopied; ValueError for a view of other values."""
        one, two = self.rows, other.rows
        if self.values is other.values and isinstance(one, Windows) and isinstance(two, Windows):
            return View(self.values, one.concatenate(two))
        if self.values is other.values and isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
            return View(self.values, np.concatenate([one, two]))
        raise ValueError("the views are of other values")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        values = self[:][0]
        return values if dtype is None else values.astype(dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Inputs(Mapping[str, View]):
    """What a model is given of some samples: a `View` of each block that its method takes, by the block's name.

    Parameters
    ----------
    views : block → View, all of n samples.
    sequence : (n,) the samples' recording, and time : (n,) seconds in it, where the data has time.
    """

    views: Mapping[str, View]
    sequence: Strings | None = None
    time: Floats | None = None

    def __getitem__(self, block: str) -> View:
        return self.views[block]

    def __iter__(self) -> Iterator[str]:
        return iter(self.views)

    def __len__(self) -> int:
        return len(self.views)

    @property
    def samples(self) -> int:
        """Return n, the number of samples."""
        return len(next(iter(self.views.values())))

    @property
    def x(self) -> View:
        """Return the only view; ValueError where there are several."""
        if len(self.views) != 1:
            raise ValueError(f"there are {len(self.views)} inputs ({', '.join(self.views)}): take them by name")
        return next(iter(self.views.values()))

    def take(self, i: Any) -> Inputs:
        """Return the inputs of the samples `i`, an index array, a mask or a slice; no value is copied."""
        return Inputs(
            {name: view.take(i) for name, view in self.views.items()},
            None if self.sequence is None else self.sequence[i],
            None if self.time is None else self.time[i],
        )

    def concatenate(self, other: Inputs) -> Inputs:
        """Return these samples and then others of the same data; no value is copied."""
        return Inputs(
            {name: view.concatenate(other[name]) for name, view in self.items()},
            None
            if self.sequence is None or other.sequence is None
            else np.concatenate([self.sequence, other.sequence]),
            None if self.time is None or other.time is None else np.concatenate([self.time, other.time]),
        )

    def replace(self, **values: Any) -> Inputs:
        """Return the same samples with other values (n, …) of some blocks, such as rotated meshes."""
        return Inputs({**self.views, **{name: whole(v) for name, v in values.items()}}, self.sequence, self.time)


def whole(values: Any) -> View:
    """Return the view of all rows of an array (n, …)."""
    return View(values, np.arange(len(values)))


def single(values: Any, block: str = "x") -> Inputs:
    """Return an array (n, …) as the only input of n samples."""
    return Inputs({block: whole(values)})


def inputs(
    blocks: Mapping[str, Block],
    names: tuple[str, ...],
    n: int,
    sequence: Strings | None = None,
    time: Floats | None = None,
    context: float | None = None,
) -> Inputs:
    """Return what a method that takes the blocks `names` is given of n samples.

    Parameters
    ----------
    blocks : the data's blocks. One that comes in several window lengths is named ``audio_1s``, ``audio_2s`` …; a
        method asks for ``audio`` and is given the one whose length is its context.
    sequence, time : (n,) recording and seconds of each sample, or None.
    context : seconds that a prediction may look back on; None for the sample's own row.

    A window of c seconds ends with the sample: it holds the rows of the same recording in (t − c, t], in time order.
    At the beginning of a recording it is shorter, and the steps before it are padding. A row of a stream counts
    from the end of the interval that it covers, so that nothing is seen before it was measured. Without a context
    a sample has its own row, and of a stream the last one that has ended.

    Raises ValueError where a block is not there, and where windows are asked for and the data has no time.
    """
    views = {}
    for name in names:
        block = find(blocks, name, context)
        if context is None and block.stream is None:
            views[name] = whole(_read_only(block.values))
            continue
        if sequence is None or time is None:
            raise ValueError(f"the block {name!r} is looked back on, and the samples have no recording and time")
        at = (sequence, time) if block.stream is None else (block.stream.sequence, block.stream.end)
        rows = look_back(sequence, time, *at, context)
        views[name] = View(_read_only(block.values), rows[:][:, 0] if context is None else rows)
    return Inputs(views, sequence, time)


def _read_only(values: Any) -> Any:
    """Return the same memory, not writable: trials share it, and none may change what the next one sees."""
    if not isinstance(values, np.ndarray):
        return values
    values = values.view()
    values.flags.writeable = False
    return values


def find(blocks: Mapping[str, Block], name: str, context: float | None) -> Block:
    """Return the block `name`, or the one of its window lengths that is the context; ValueError where there is none."""
    if name in blocks:
        return blocks[name]
    if context is not None and f"{name}_{context:g}s" in blocks:
        return blocks[f"{name}_{context:g}s"]
    raise ValueError(f"there is no block {name!r}; there are {', '.join(blocks)}")


def look_back(
    sequence: Strings, time: Floats, row_sequence: Strings, row_time: Floats, seconds: float | None
) -> Windows:
    """Return for each sample the rows of its recording in (time − seconds, time]; the last one where seconds is None.

    sequence, time : (n,) of the samples.  row_sequence, row_time : (m,) of the rows.
    """
    recordings, code = np.unique(np.concatenate([sequence, row_sequence]), return_inverse=True)
    of_sample, of_row = code[: len(sequence)], code[len(sequence) :]
    order = np.lexsort((row_time, of_row))
    in_order = bool((order == np.arange(len(order))).all())
    bounds = np.searchsorted(of_row[order], np.arange(len(recordings) + 1))
    stop, start = np.empty(len(of_sample), np.int32), np.empty(len(of_sample), np.int32)
    by_recording = np.argsort(of_sample, kind="stable")
    edges = np.searchsorted(of_sample[by_recording], np.arange(len(recordings) + 1))
    for k in range(len(recordings)):
        samples = by_recording[edges[k] : edges[k + 1]]
        times = row_time[order[bounds[k] : bounds[k + 1]]]
        stop[samples] = bounds[k] + np.searchsorted(times, time[samples] + TOLERANCE_S, side="right")
        if seconds is not None:
            first = np.searchsorted(times, time[samples] - seconds + TOLERANCE_S, side="right")
            start[samples] = bounds[k] + first
        else:
            start[samples] = np.maximum(stop[samples] - 1, bounds[k])
    count = (stop - start).astype(np.int32)
    steps = max(1, int(count.max(initial=1)))
    return Windows(stop, count, steps, None if in_order else order.astype(np.int32))
