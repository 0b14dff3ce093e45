"""AffectNet: photographs from the web with face box, expression, valence and arousal (Mollahosseini et al. 2019).

The CSV's columns are ``subDirectory_filePath``, ``face_x``, ``face_y``, ``face_width``, ``face_height``,
``facial_landmarks`` (not used), ``expression`` 0 … 10, ``valence`` and ``arousal`` in [-1, 1], or −2 where they were
not rated. Persons are unknown; near-duplicate images are kept on one side of a split.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from training.contract import Reader, UserError
from training.datasets import _faces, _images
from training.datasets._table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Dataset, Settings

READER = Reader(
    title="AffectNet: photographs from the web, expression, valence and arousal",
    data="faces",
    blocks=("images", "va"),
    classes=True,
)
read_inputs = _images.read_inputs

EXPRESSIONS = (
    *("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
    *("none", "uncertain", "no face"),
)
"""Names of the expressions 0 … 10; the last three are no emotions, and their rows are skipped."""

EMOTIONS = 8
UNRATED = -2
PARTS = {"training.csv": "train", "validation.csv": "test"}
"""Files of a folder → part: the set's test part was never handed out, and its validation part serves."""

IMAGE, BOX = "subDirectory_filePath", ("face_x", "face_y", "face_width", "face_height")
FOLDERS = ("", "images", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
"""Where below the CSV's folder, or beside it, its images are looked for."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the CSV `root`, or training.csv and validation.csv of the folder `root`, which are then train and test.

    Rows that are no face or no emotion, rows that were not rated (−2), and images that are missing or damaged are
    known of this set: they are skipped and counted. UserError for any other cell that is not as the module says.
    """
    if root is None:
        raise UserError("the data set affectnet reads a CSV: give it with --root FILE.csv (or its folder)")
    files = _files(root)
    tables = [read_rows(file) for file in files]
    part = np.array(
        [PARTS.get(file.name, "train") for file, rows in zip(files, tables, strict=True) for _ in rows.path]
    )
    published = part.astype(np.str_) if {*part.tolist()} == {*PARTS.values()} else None
    return _faces.dataset("affectnet", _faces.joined(tables), skips=True, published=published)


def read_rows(root: Path | None) -> _faces.Rows:
    """Read what CSVs say of each image, with or without the images."""
    if root is None:
        raise UserError("the data set affectnet reads a CSV: give it with --root FILE.csv (or its folder)")
    if root.is_dir():
        return _faces.joined([read_rows(file) for file in _files(root)])
    table = Table(root)
    numbers, texts = table.read(["expression", *_images.VA], [IMAGE], list(BOX))
    where = np.array([f"{root}, line {line}" for line in table.lines()], np.str_)
    image = np.char.replace(texts[IMAGE], "\\", "/")
    code = numbers["expression"]
    if (wrong := ~np.isin(code, np.arange(len(EXPRESSIONS)))).any():
        row = int(np.flatnonzero(wrong)[0])
        raise table.refuse(row, "expression", f"a whole number 0 … {len(EXPRESSIONS) - 1}", int(wrong.sum()) - 1)
    va = np.column_stack([numbers[axis] for axis in _images.VA])
    skipped: dict[str, list[str]] = {}
    usable = np.ones(len(code), bool)
    no_emotion = code >= EMOTIONS
    for reason, rows in {
        **{f"expression {i} ({EXPRESSIONS[i]})": code == i for i in range(EMOTIONS, len(EXPRESSIONS))},
        f"not rated ({UNRATED})": (va == UNRATED).any(axis=1) & ~no_emotion,
    }.items():
        if rows.any():
            skipped[reason] = image[rows].tolist()
            usable &= ~rows
    kept = np.flatnonzero(usable)
    _faces.check_range(va[kept], where[kept].tolist())
    folder = _folder(root, image[kept[:100]].tolist())
    return _faces.Rows(
        path=[folder / name for name in image[kept].tolist()],
        sample=image[kept].tolist(),
        where=where[kept].tolist(),
        emotion=[EXPRESSIONS[int(of)] for of in code[kept].tolist()],
        va=va[kept],
        box=[_box([str(texts[edge][row]) for edge in BOX], where[row]) for row in kept.tolist()],
        skipped=skipped,
    )


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        return [root]
    files = [root / name for name in PARTS if (root / name).is_file()]
    if not files:
        raise UserError(f"{root} holds neither {' nor '.join(PARTS)}: give the CSV itself as --root")
    return files


def _folder(root: Path, image: list[str]) -> Path:
    """Return the folder under which the first images that are there lie; the CSV's own where none is."""
    folders = [base / name for base in (root.parent, root.parent.parent) for name in FOLDERS]
    return next((folder for name in image for folder in folders if (folder / name).is_file()), root.parent)


def _box(edges: list[str], where: str) -> _images.Box:
    """Return left, top, right, bottom of the cells x, y, width, height."""
    try:
        found = [float(edge) for edge in edges]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise UserError(f"{where}: expected {', '.join(BOX)} as numbers, found {', '.join(map(repr, edges))}")
    x, y, width, height = found
    return x, y, x + width, y + height
