"""Videos of faces: which sequences are of one recording, and which frames of a video have a face. Shared by readers.

A folder ``<video>/0000001.png …`` holds the faces of a video by frame number, from 1. Frames without a face are not
there. Where two people are in a video, ``<video>_left`` and ``<video>_right`` are two sequences of one recording
(further people are ``<video>_face3`` …), and so are ``<video>_1``, ``<video>_2`` …, its parts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import image_files
from training.contract import UserError
from training.datasets._table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Frames = NDArray[np.int64]

FACE = re.compile(r"_(left|right|face\d+)$")
_SEQUENCE = re.compile(r"(?P<recording>.*?\d.*?)(_\d+)?(_(left|right|face\d+))?")

MOST = 10**7
"""Frames of one video, more than four days of it: a larger number is none of a frame."""


def recording(name: str) -> str:
    """Return the recording that a sequence is of: its name without the face and the number of the part.

    >>> [recording(name) for name in ("video55_left", "video45_1", "video10_1_right", "105", "anna")]
    ['video55', 'video45', 'video10', '105', 'anna']
    """
    match = _SEQUENCE.fullmatch(name)
    return match["recording"] if match else FACE.sub("", name)


def shared(names: Iterable[str]) -> dict[str, list[str]]:
    """Return recording → its sequences, of those recordings that have several."""
    of: dict[str, list[str]] = {}
    for name in names:
        of.setdefault(recording(name), []).append(name)
    return {one: sequences for one, sequences in of.items() if len(sequences) > 1}


def in_order(name: str) -> tuple[tuple[int, str], ...]:
    """Return the key that sorts names as people do: video2 before video10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if i % 2 and len(part) < 19 else (0, part) for i, part in enumerate(parts))


def lost(frames: Frames) -> int:
    """Return how many frames have no face, from 1 to the last one that has; `frames` (n,) are those with a face."""
    return int(frames.max(initial=0)) - len(frames)


def images(folder: Path, skipped: dict[str, list[str]]) -> tuple[Frames, list[Path]]:
    """Return the numbers (n,) of the frames in a folder, rising, and their files; others are named in `skipped`.

    UserError where two images are of one frame.
    """
    found: dict[int, Path] = {}
    for path in _inside(folder):
        name = f"{folder.name}/{path.name}"
        if not image_files.is_image(path):
            skipped.setdefault(image_files.OTHER, []).append(name)
        elif not (path.stem.isascii() and path.stem.isdigit() and 0 < int(path.stem[:19]) <= MOST):
            skipped.setdefault("images whose name is no frame number from 1", []).append(name)
        elif (number := int(path.stem)) in found:
            raise UserError(
                f"{path}: expected one image of each frame, found frame {number} in {found[number].name} too"
            )
        else:
            found[number] = path
    numbers = sorted(found)
    return np.array(numbers, np.int64), [found[number] for number in numbers]


def folders(root: Path) -> list[Path]:
    """Return the folders in a folder, in the order of their names; hidden ones and the system's are not."""
    return sorted((path for path in _inside(root) if path.is_dir()), key=lambda path: in_order(path.name))


def files(root: Path) -> list[Path]:
    """Return what else is in a folder, by name; hidden files and the system's are not."""
    return sorted(path for path in _inside(root) if not path.is_dir())


def _inside(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not image_files.is_system(path)]
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {(error.strerror or str(error)).lower()}") from error


def with_face(source: Path, skipped: dict[str, list[str]]) -> dict[str, Frames]:
    """Return sequence → numbers (n,) of its frames with a face, rising.

    `source` is a folder of folders of images, one folder of images, or a CSV of runs: video, first_frame and
    last_frame, both inclusive; files that are no frame are named in `skipped`. UserError where it is none of these.
    """
    if source.is_file():
        return _runs(source)
    if not source.is_dir():
        raise UserError(
            f"{source} does not exist: expected the folders of a video's faces, or a CSV of video, first_frame, "
            "last_frame"
        )
    found = {folder.name: images(folder, skipped)[0] for folder in folders(source)} or {
        source.name: images(source, skipped)[0]
    }
    if not any(map(len, found.values())):
        raise UserError(f"{source}: expected images of frames such as video1/0000001.png, found none")
    return found


def _runs(file: Path) -> dict[str, Frames]:
    table = Table(file)
    numbers, texts = table.read(["first_frame", "last_frame"], ["video"])
    first, last, video = numbers["first_frame"], numbers["last_frame"], texts["video"]
    for column, values, least in (("first_frame", first, np.ones(len(first))), ("last_frame", last, first)):
        wrong = np.flatnonzero((values % 1 != 0) | (values < least) | (values > MOST))
        if len(wrong):
            row = int(wrong[0])
            raise table.refuse(row, column, f"a frame number from {least[row]:g}", len(wrong) - 1)
    found: dict[str, Frames] = {}
    for name in sorted(np.unique(video).tolist(), key=in_order):
        rows = np.flatnonzero(video == name)
        rows = rows[np.argsort(first[rows], kind="stable")]
        again = np.flatnonzero(first[rows][1:] <= last[rows][:-1])
        if len(again):
            raise table.refuse(int(rows[again[0] + 1]), "first_frame", f"a run that no other run of {name} overlaps")
        found[name] = np.concatenate(
            [np.arange(int(first[row]), int(last[row]) + 1, dtype=np.int64) for row in rows.tolist()]
        )
    return found
