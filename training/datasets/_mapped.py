"""Large arrays that lie in a file of the cache, mapped into memory: read where they are looked at, never as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from training import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

log = logging.getLogger(__name__)


def array(name: str, shape: tuple[int, ...], dtype: Any, blocks: Callable[[], Iterable[NDArray[Any]]]) -> NDArray[Any]:
    """Return the array ``<cache>/<name>.npy``, read-only and memory-mapped; made of `blocks` where it is not there yet.

    Parameters
    ----------
    name : path in the cache without its ending. It must name the content, its version included.
    shape, dtype : of the whole array.
    blocks : called when the file is made; gives successive blocks of its rows, which are written one by one.

    The file appears atomically; one that is damaged or of another shape is made again. Where the cache cannot be
    written the array lies in memory, and a warning says so.
    """
    try:
        file = cache.folder() / f"{name}.npy"
        if (found := _read(file, shape, dtype)) is not None:
            return found
        file.parent.mkdir(parents=True, exist_ok=True)
        with cache.whole(file) as part, part.open("wb") as stream:
            # not through a map: the pages that it has written would count as the process's memory
            write_header(stream, shape, dtype)
            for _, block in _placed(blocks(), shape):
                stream.write(np.ascontiguousarray(block, dtype).data)
    except OSError as error:  # a cache that cannot be written costs memory, nothing else
        here: NDArray[Any] = np.empty(shape, dtype)
        log.warning("%s takes %.1f GB of memory: the cache cannot be written (%s)", name, here.nbytes / 1e9, error)
        for start, block in _placed(blocks(), shape):
            here[start : start + len(block)] = block
        here.flags.writeable = False
        return here
    return np.load(file, mmap_mode="r")  # type: ignore[no-any-return]


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: Any) -> None:
    """Write what stands before the values in an .npy file."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)


def _read(file: Any, shape: tuple[int, ...], dtype: Any) -> NDArray[Any] | None:
    try:
        found = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # missing, or damaged: it is made again
        return None
    return found if found.shape == shape and found.dtype == dtype else None


def _placed(blocks: Iterable[NDArray[Any]], shape: tuple[int, ...]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield each block and the row that it begins at; ValueError where they are not `shape` together."""
    start = 0
    for block in blocks:
        if block.shape[1:] != shape[1:]:
            raise ValueError(f"expected blocks of shape {('…', *shape[1:])}, found {block.shape}")
        yield start, block
        start += len(block)
    if start != shape[0]:
        raise ValueError(f"expected blocks of {shape[0]} rows together, found {start}")
