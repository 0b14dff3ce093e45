"""Which rows each step of a fit sees: sources draw row numbers, and `Batches` fetches the rows.

A source gives the row numbers of one epoch, batch by batch; a number of −1 stands for padding::

    Shuffled(n, 32)                       (b,) rows in another order each epoch
    Sequences(sequence, time, 4)          (b, T) whole recordings, padded to the longest of the batch
    Chunks(sequence, time, 100, 4)        (b, 100) successive rows of a recording
    Scattered(sequence, 16, 4)            (b,) about 16 rows from all of each of 4 recordings

`Batches` fetches these rows from tensors, arrays and views, on the job's device. Small ones lie on the device and are
shuffled once an epoch, which takes a fifth less time than a gather for each batch; larger ones are gathered batch by
batch, so that images in a memory-mapped file may be larger than memory.
"""

from __future__ import annotations

import math
import mmap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeGuard

import numpy as np
import torch
from torch import Tensor

from training.views import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE_BYTES = 1 << 28
"""Inputs up to this size together lie on the device and are shuffled by one copy an epoch."""

MAPPED_BYTES = 1 << 27
"""After so many bytes have been read of a memory-mapped file its pages are given back to the system.

It maps some 64 kB around each page that is read: of small images drawn at random five times as much is held.
"""

Batch: TypeAlias = tuple[Any, ...]
"""One entry for each item of `Batches`: a tensor (b, …), or `Masked` for a view of windows."""


class Masked(NamedTuple):
    """Windows of a view: values (b, T, …), 0 where padded, and the mask (b, T) of what is there."""

    values: Tensor
    mask: Tensor


Item: TypeAlias = "Tensor | NDArray[Any] | View"


# -------------------------------------------------------------------------------------------------- row numbers


class Source(Protocol):
    """Draws the row numbers of an epoch."""

    def epoch(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers (b,), or (b, T) with −1 for padding, of each batch of one epoch."""
        ...


@dataclass(frozen=True)
class Shuffled:
    """All n rows in an order drawn anew for each epoch, `size` at a time.

    A remainder smaller than `smallest` rows (by default half a batch, and never less than 3) is spread over the other
    batches: batch norm is not defined for one row, and a correlation means nothing for two.
    """

    n: int
    size: int
    smallest: int | None = None

    def epoch(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers (b,) of each batch."""
        return list(torch.randperm(self.n, generator=generator).split(self.sizes()))

    def sizes(self) -> list[int]:
        """Return the number of rows of each batch."""
        whole, remainder = divmod(self.n, self.size)
        sizes = [self.size] * whole
        smallest = max(3, self.size // 2) if self.smallest is None else self.smallest
        if remainder and (remainder >= smallest or not whole):
            return [*sizes, remainder]
        # a remainder larger than the number of batches adds more than one row to each
        return [size + len(range(k, remainder, whole)) for k, size in enumerate(sizes)]


class Sequences:
    """Whole recordings, `size` of them at a time in an order drawn anew for each epoch, their rows in time order.

    sequence : (n,) the recording of each row.  time : (n,) seconds in it.
    """

    def __init__(self, sequence: NDArray[Any], time: NDArray[Any], size: int) -> None:
        self.rows, self.size = [torch.from_numpy(rows) for rows in in_time_order(sequence, time)], size

    def epoch(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers (b, T) of each batch, padded with −1 to the longest recording of the batch."""
        # one recording has rows enough for a batch of its own
        drawn = Shuffled(len(self.rows), self.size, smallest=1).epoch(generator)
        return [padded([self.rows[k] for k in chosen.tolist()]) for chosen in drawn]


class Chunks:
    """Chunks of `length` successive rows of a recording, `size` chunks at a time in an order drawn anew for each epoch.

    Recordings are cut at another place in each epoch, so that no pair of neighbours is always apart. The last chunk of
    a recording is padded. sequence, time : as for `Sequences`.
    """

    def __init__(self, sequence: NDArray[Any], time: NDArray[Any], length: int, size: int) -> None:
        self.rows, self.length, self.size = in_time_order(sequence, time), length, size

    def epoch(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers (b, length) of each batch, with −1 for padding."""
        firsts = torch.randint(1, self.length + 1, (len(self.rows),), generator=generator).tolist()
        chunks: list[Tensor] = []
        for rows, first in zip(self.rows, firsts, strict=True):
            cuts = range(first, len(rows), self.length)
            chunks += [torch.from_numpy(chunk) for chunk in np.split(rows, cuts)]
        # a remainder is spread over the other batches: alone it could be a chunk of one row
        drawn = Shuffled(len(chunks), self.size).epoch(generator)
        return [padded([chunks[k] for k in chosen.tolist()], self.length) for chosen in drawn]


class Scattered:
    """About `length` rows of a recording, drawn from all of it, `size` such groups at a time.

    For a loss of each recording by itself: successive rows have nearly the same values, and a correlation needs spread.
    Each epoch has every row once, in groups drawn anew; those of one recording differ by at most one row.
    sequence : (n,) the recording of each row.
    """

    def __init__(self, sequence: NDArray[Any], length: int, size: int) -> None:
        _, of_row = np.unique(sequence, return_inverse=True)
        order = np.argsort(of_row, kind="stable")
        self.rows = [torch.from_numpy(rows) for rows in np.split(order, np.flatnonzero(np.diff(of_row[order])) + 1)]
        self.length, self.size = length, size

    def epoch(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers (b,) of each batch, group after group."""
        groups: list[Tensor] = []
        for rows in self.rows:
            shuffled = rows[torch.randperm(len(rows), generator=generator)]
            groups += shuffled.tensor_split(max(1, round(len(rows) / self.length)))
        drawn = Shuffled(len(groups), self.size, smallest=1).epoch(generator)
        return [torch.cat([groups[k] for k in chosen.tolist()]) for chosen in drawn]


def in_time_order(sequence: NDArray[Any], time: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return the row numbers of each recording in time order; recordings in the order of their first rows."""
    order = np.lexsort((np.asarray(time), np.unique(sequence, return_inverse=True)[1])).astype(np.int64)
    names = np.asarray(sequence)[order]
    groups = np.split(order, np.flatnonzero(names[1:] != names[:-1]) + 1)
    return sorted(groups, key=lambda rows: int(rows.min()))


def padded(rows: Sequence[Tensor], length: int | None = None) -> Tensor:
    """Return row numbers of unequal length as (b, T), with −1 after the end of each."""
    table = torch.full((len(rows), length or max(map(len, rows))), -1)
    for row, numbers in zip(table, rows, strict=True):
        row[: len(numbers)] = numbers
    return table


# -------------------------------------------------------------------------------------------------------- rows


class Epochs(Protocol):
    """What a fit draws its batches from."""

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield one epoch of batches, in an order drawn from `generator` (on the CPU)."""
        ...


class Batches:
    """The rows of `items` that `source` asks for.

    Parameters
    ----------
    items : each with n rows: a tensor, an array (n, …), or a view. Row i of one goes with row i of the others.
    device : where batches are needed. Floats become float32; other types stay, so that images travel as bytes.

    A view of windows gives `Masked`, and any other view a tensor that is 0 where the view has no row. Of a source of
    sequences, (b, T), entries are (b, T, …), 0 where padded, and a mask (b, T) stands at the end of the batch.
    """

    def __init__(self, source: Source, items: Sequence[Item], device: str | torch.device) -> None:
        if len({len(item) for item in items}) != 1:
            raise ValueError(f"items have {', '.join(str(len(item)) for item in items)} rows, expected the same number")
        self.source, self.device = source, torch.device(device)
        self.items = placed(items, self.device)
        self.whole = _small(items) and all(isinstance(item, Tensor) for item in self.items)
        self.mapped = Mapped(items)

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield one epoch of batches, in an order drawn from `generator` (on the CPU)."""
        drawn = self.source.epoch(generator)
        if self.whole and drawn[0].dim() == 1:
            order = torch.cat(drawn).to(self.device)
            sizes = [len(rows) for rows in drawn]
            tensors: list[Any] = list(self.items)  # `whole` says that they are tensors
            yield from zip(*(item.index_select(0, order).split(sizes) for item in tensors), strict=True)
            return
        for rows in drawn:
            batch = gather(self.items, rows, self.device)
            self.mapped.release(batch)
            yield batch


@dataclass(frozen=True)
class Together:
    """Batches of two kinds side by side, such as labelled and unlabelled rows: a batch is a pair of batches.

    An epoch is one of the `first`; the `second` begin anew, in another order, whenever they are at their end.
    """

    first: Epochs
    second: Epochs

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield pairs of batches."""
        yield from zip(self.first.epoch(generator), endless(self.second, generator), strict=False)


def placed(items: Sequence[Item], device: torch.device) -> list[Item]:
    """Return the items on the device where all of them together are small, else where they lie.

    Arrays become tensors that share their memory, and small views without windows tensors of their rows.
    """
    small = _small(items)
    on_device: list[Item] = []
    for item in items:
        if _is_view(item):
            on_device.append(as_tensor(np.asarray(item)).to(device) if small and not item.windowed else item)
        else:
            on_device.append(as_tensor(item).to(device) if small else as_tensor(item))
    return on_device


def in_order(items: Sequence[Item], device: torch.device, at_once: int) -> Iterator[Batch]:
    """Yield all rows of the items in their order, `at_once` of them at a time: for predictions."""
    mapped = Mapped(items)
    shared = [item if _is_view(item) else as_tensor(item) for item in items]
    for rows in torch.arange(len(items[0])).split(at_once):
        batch = gather(shared, rows, device)
        mapped.release(batch)
        yield batch


def endless(batches: Epochs, generator: torch.Generator) -> Iterator[Batch]:
    """Yield batches epoch after epoch."""
    while True:
        yield from batches.epoch(generator)


def gather(items: Sequence[Item], rows: Tensor, device: torch.device) -> Batch:
    """Return the rows (b,), or (b, T) with −1 for padding, of each item on `device`; see `Batches`."""
    if rows.dim() == 1:
        return tuple(_rows(item, rows, device) for item in items)
    there = rows >= 0
    flat = rows.clamp_min(0).flatten()
    mask = there.to(device)
    batch: list[Any] = []
    for item in items:
        fetched = _rows(item, flat, device)
        if isinstance(fetched, Masked):
            batch.append(Masked(_unflatten(fetched.values, mask), _unflatten(fetched.mask, mask)))
        else:
            batch.append(_unflatten(fetched, mask))
    return (*batch, mask)


def _rows(item: Item, rows: Tensor, device: torch.device) -> Tensor | Masked:
    if isinstance(item, Tensor):
        return item.index_select(0, rows.to(item.device)).to(device)
    if isinstance(item, np.ndarray):
        return as_tensor(item[rows.numpy()]).to(device)
    values, mask = item[rows.numpy()]
    fetched = as_tensor(values).to(device)
    return Masked(fetched, torch.as_tensor(mask).to(device)) if item.windowed else fetched


def _small(items: Sequence[Item]) -> bool:
    return sum(map(_bytes, items)) <= WHOLE_BYTES


def _bytes(item: Item) -> int:
    size = item.element_size() if isinstance(item, Tensor) else item.dtype.itemsize
    return size * math.prod(item.shape)


def _unflatten(flat: Tensor, mask: Tensor) -> Tensor:
    """Return (b·T, …) as (b, T, …) with 0 where the mask (b, T) says that nothing is there."""
    values = flat.unflatten(0, mask.shape)
    return values.masked_fill(~mask.view(*mask.shape, *[1] * (values.dim() - 2)), 0)


def _is_view(item: Item) -> TypeGuard[View]:
    return isinstance(item, View)


def as_tensor(values: Any) -> Tensor:
    """Return an array as a tensor that shares its memory where it can; floats as float32, other types as they are."""
    with warnings.catch_warnings():
        # nothing here writes to inputs, so a read-only array need not be copied
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensor = torch.as_tensor(values)
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor


class Mapped:
    """The memory-mapped files behind items.

    Pages that were read count as the process's memory until they are given back; the system keeps what it has room for.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        arrays = [item if isinstance(item, np.ndarray) else getattr(item, "values", None) for item in items]
        maps = {id(mapped): mapped for mapped in map(_map, arrays) if mapped is not None}
        self.maps, self.read = list(maps.values()), 0

    def release(self, batch: Batch) -> None:
        """Count what the batch has read, and give pages back where it is enough."""
        if not self.maps:
            return
        for entry in batch:
            values = entry.values if isinstance(entry, Masked) else entry
            self.read += values.numel() * values.element_size()
        if self.read > MAPPED_BYTES:
            self.read = 0
            for one in self.maps:
                one.madvise(mmap.MADV_DONTNEED)


def _map(array: Any) -> mmap.mmap | None:
    """Return the map of the file that an array, or the array it is a view of, lies in; None where it lies in memory."""
    while array is not None:
        file = getattr(array, "_mmap", None)
        if file is not None and hasattr(mmap, "MADV_DONTNEED"):
            return file
        # an array is a view of its base; rows chosen of an array (`training.datasets._images.Chosen`) name their values
        array = getattr(array, "base", None) if isinstance(array, np.ndarray) else getattr(array, "values", None)
    return None
