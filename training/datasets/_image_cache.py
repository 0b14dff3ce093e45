"""Decoded images in the cache: one memory-mapped file of pixels, and one of what is known of each image.

The underscore marks what readers share. Many images are decoded in parts, each on the disk for good before the next, so
that a process that is killed goes on where it was.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from training import cache
from training.datasets import _mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.datasets._images import Cut

    Known = tuple[dict[str, NDArray[Any]], dict[int, str]]
    """What is known of each image that could be read, by the names of `ARRAYS`, and row → why of the others."""

log = logging.getLogger(__name__)

ARRAYS = ("kept", "how", "grey", "transparent", "range", "exposure", "perceptual", "content")
"""What is known of each image beside its pixels."""

_TYPES = {"kept": np.int64, "grey": np.bool_, "transparent": np.bool_, "perceptual": np.uint64}

BLACK, WHITE = "nearly black", "nearly white"
_DARK, _LIGHT = 16, 239
"""Of 0 … 255: where 99 % of the values are below, or above, there is hardly anything to see."""

SHAPE = (3, 64, 64)
_SIZE = 3 * 64 * 64

PART = 32_768
"""Images of a part: a process that is killed loses no more than these."""

_PIXELS = "images.npy"


class Kept(NamedTuple):
    """Images (m, 3, 64, 64) uint8, memory-mapped, what is known of each, and row → why of those without."""

    images: NDArray[np.uint8]
    known: dict[str, NDArray[Any]]
    failed: dict[int, str]


def collected(cuts: Iterable[Cut | str], first: int, keep: Callable[[int, NDArray[np.uint8]], None]) -> Known:
    """Return what is known of the images that can be read, and row → why of the others; rows count from `first`.

    `keep` is called with each image and its place among those that can be read.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ARRAYS}
    failed: dict[int, str] = {}
    for row, cut in enumerate(cuts, first):
        if isinstance(cut, str):
            failed[row] = cut
            continue
        keep(len(columns["kept"]), cut.image)
        low, high = np.percentile(cut.image, (1, 99))
        found = {**cut._asdict(), "kept": row, "exposure": BLACK if high < _DARK else WHITE if low > _LIGHT else ""}
        for name, values in columns.items():
            values.append(found[name])
    return {name: np.array(values, _TYPES.get(name, np.str_)) for name, values in columns.items()}, failed


def read(file: Path) -> Kept | None:
    """Return what `write` kept under the name `file`; None where it is missing or damaged."""
    try:
        images = np.load(file.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if (found := _read_known(file)) is None:
        return None
    known, failed = found
    if images.dtype != np.uint8 or images.shape != (len(known["kept"]) + len(failed), *SHAPE):
        return None
    return Kept(images[: len(known["kept"])], known, failed)


def write(file: Path, count: int, cuts: Callable[[int], Iterator[Cut | str]]) -> Kept | None:
    """Decode `count` images into the cache and return them from there; None where it cannot be written.

    file : an .npz; the pixels lie beside it in an .npy.  cuts : from a row to the images from there on, or why one
    cannot be read.
    """
    place = file.with_suffix(".parts")
    try:
        place.mkdir(exist_ok=True)
        with (place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes one decodes, and the others wait for it
            if (found := read(file)) is not None:
                return found
            known, failed = _write_parts(place, count, cuts)
            # the pixels first: where the other file is there, they are complete
            os.replace(place / _PIXELS, file.with_suffix(".npy"))
            _write_known(file, known, failed)
            shutil.rmtree(place)
    except OSError as error:
        if (found := read(file)) is not None:  # another process was done just here, and removed the folder
            return found
        # the disk is full, say: they are decoded into memory
        log.warning("images take %.1f GB of memory: the cache cannot be written (%s)", count * _SIZE / 1e9, error)
        return None
    return read(file)


def _write_parts(place: Path, count: int, cuts: Callable[[int], Iterator[Cut | str]]) -> Known:
    """Decode the images into one file in the folder `place`, from where a process that was killed here came to."""
    parts: list[Known] = []
    (place / _PIXELS).touch()
    # not through a map: the pages that it has written would count as the process's memory
    with (place / _PIXELS).open("r+b") as stream:
        _mapped.write_header(stream, (count, *SHAPE), np.uint8)
        end, there = stream.tell(), stream.seek(0, os.SEEK_END)
        while (part := _read_known(place / f"{len(parts)}.npz")) and end + len(part[0]["kept"]) * _SIZE <= there:
            end += len(part[0]["kept"]) * _SIZE
            parts.append(part)
        stream.seek(end)
        stream.truncate()
        start = len(parts) * PART
        left = iter(cuts(start)) if start < count else iter(())
        for first in range(start, count, PART):
            known, failed = collected(islice(left, PART), first, lambda _, image: _append(stream, image))
            stream.flush()
            os.fsync(stream.fileno())
            _write_known(place / f"{len(parts)}.npz", known, failed)
            parts.append((known, failed))
        # what could not be read leaves the end empty
        stream.truncate(stream.tell() + sum(len(failed) for _, failed in parts) * _SIZE)
    columns = {name: np.concatenate([known[name] for known, _ in parts]) for name in ARRAYS}
    return columns, {row: why for _, failed in parts for row, why in failed.items()}


def _append(stream: BinaryIO, image: NDArray[np.uint8]) -> None:
    stream.write(image.data)


def _read_known(file: Path) -> Known | None:
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as arrays:
            failed = dict(zip(arrays["failed_row"].tolist(), arrays["failed_why"].tolist(), strict=True))
            return {name: arrays[name] for name in ARRAYS}, failed
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_known(file: Path, known: dict[str, NDArray[Any]], failed: dict[int, str]) -> None:
    failures = {
        "failed_row": np.array([*failed], np.int64),
        "failed_why": np.array([*failed.values()], np.str_),
    }
    arrays: dict[str, Any] = {**known, **failures}
    with cache.whole(file) as part:
        np.savez(part, **arrays)
