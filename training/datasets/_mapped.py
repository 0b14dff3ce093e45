"""Large arrays that lie in a file of the cache, mapped into memory: read where they are looked at, never as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def array(name: str, shape: tuple[int, ...], dtype: Any, blocks: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the array ``<cache>/<name>.npy``, read-only and memory-mapped; made of `blocks` where it is not there yet.

    Parameters
    ----------
    name : path in the cache without its ending. It must name the content, its version included.
    shape, dtype : of the whole array.
    blocks : successive blocks of its rows. They are asked for only when the file is made, and written one by one.

    The file appears atomically; one that is damaged or of another shape is made again. Where the cache cannot be
    written the array lies in memory.
    """
    try:
        file = cache.folder() / f"{name}.npy"
        if (found := _read(file, shape, dtype)) is not None:
            return found
        file.parent.mkdir(parents=True, exist_ok=True)
        with cache.whole(file) as part:
            mapped = np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
            _fill(mapped, blocks)
            mapped.flush()
            del mapped
    except OSError:  # a cache that cannot be written costs memory, nothing else
        made = np.empty(shape, dtype)
        _fill(made, blocks)
        made.flags.writeable = False
        return made
    return np.load(file, mmap_mode="r")  # type: ignore[no-any-return]


def _read(file: Any, shape: tuple[int, ...], dtype: Any) -> NDArray[Any] | None:
    try:
        found = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # missing, or damaged: it is made again
        return None
    return found if found.shape == shape and found.dtype == dtype else None


def _fill(made: NDArray[Any], blocks: Iterable[NDArray[Any]]) -> None:
    start = 0
    for block in blocks:
        made[start : start + len(block)] = block
        start += len(block)
    if start != len(made):
        raise ValueError(f"expected blocks of {len(made)} rows together, found {start}")
