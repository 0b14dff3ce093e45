"""Frames of new recordings as readers share them: a folder of images for each recording."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from training.contract import IMAGES, Block, NewRows, UserError
from training.datasets import _images

if TYPE_CHECKING:
    from pathlib import Path


def read_frames(file: Path, blocks: tuple[str, ...], rate: float) -> NewRows:
    """Read frames to predict for: a folder of images (one recording), a folder of such folders, or one image.

    Images are faces already, as `_images.load` takes them with ``whole``. Where all names of a recording are numbers,
    as in 0000001.png, they are frame numbers at `rate` frames a second, and a missing one is a frame without a face;
    else images follow each other in the order of their names. What is no image is counted and named. UserError where
    there is no image, or one cannot be read.
    """
    if blocks != (IMAGES,):
        raise UserError(f"{file}: images serve as the block {IMAGES!r}, and the run's method takes {', '.join(blocks)}")
    if not file.exists():
        raise UserError(f"{file} does not exist: expected an image, a folder of images, or a folder of such folders")
    skipped: list[str] = []
    if file.is_dir():
        folders = sorted(path for path in file.iterdir() if path.is_dir() and not path.name.startswith("."))
        recordings = {folder.name: _images_in(folder, skipped) for folder in (file, *folders)}
    else:
        recordings = {file.stem: [file]}
    paths = [path for of in recordings.values() for path in of]
    if not paths:
        raise UserError(f"{file} holds no image: expected files {', '.join(_images.SUFFIXES)}")
    loaded = _images.load(paths, whole=True)
    for row, why in loaded.failed.items():
        raise UserError(f"{paths[row]}: expected an image, found {why}")
    sequence = np.array([name for name, of in recordings.items() for _ in of], np.str_)
    time = np.concatenate([_times(of, rate) for of in recordings.values()])
    names = {
        "recording": sequence,
        "time": time.astype(np.str_),
        "image": np.array([path.name for path in paths], np.str_),
        "face": loaded.how,
    }
    return NewRows({IMAGES: Block(loaded.images)}, names, sequence, time, tuple(skipped))


def _images_in(folder: Path, skipped: list[str]) -> list[Path]:
    """Return a folder's images in the order of their names; a sentence on its other files is added to `skipped`."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    images = [path for path in files if path.suffix.lower() in _images.SUFFIXES and not path.name.startswith(".")]
    if others := [path.name for path in files if path not in set(images)]:
        more = "" if len(others) <= 3 else " …"
        skipped.append(f"{folder}: {len(others)} files are no images and were skipped: {', '.join(others[:3])}{more}")
    return images


def _times(paths: list[Path], rate: float) -> np.ndarray:
    """Return the seconds (n,) of a recording's images, 0 for its first."""
    numbers = [int(path.stem) for path in paths if path.stem.isdecimal()]
    if len(numbers) < len(paths):
        numbers = list(range(len(paths)))
    elif twice := [number for number, count in Counter(numbers).items() if count > 1]:
        raise UserError(f"{paths[0].parent}: {Counter(numbers)[twice[0]]} images have the frame number {twice[0]}")
    first = min(numbers, default=0)
    return np.array([round((number - first) / rate, 6) for number in numbers], np.float64)
