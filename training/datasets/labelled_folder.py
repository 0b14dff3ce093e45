"""Photographs of faces with a CSV that names an emotion for each, and what else is known.

Columns, in any case: ``image`` (relative to the CSV's folder, or to ``images/`` in it), ``emotion``, and where known
``person``, ``valence`` and ``arousal`` in [-1, 1]. Where a column ``va_source`` says that valence and arousal were
transferred (``python -m training prepare transfer`` writes it), ``valence_discrete`` and ``arousal_discrete``
(−10 … 10) stand beside. Without valence and arousal they are transferred from the default ellipses
(`affect.circumplex`), and called so. With the setting ``labels=discrete`` they are tenths: discrete draws where they
are transferred, else rounded.
Any further column is left alone: a ``user.id``, say, is who annotated, not who is seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect import circumplex
from training import image_files
from training.contract import UserError
from training.data import Reader
from training.datasets import _faces, _images, _paths
from training.datasets._table import SUFFIXES, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import Dataset

READER = Reader(
    title="Photographs in a folder, their emotions in a CSV",
    data="faces",
    blocks=("images", "va"),
    settings={"labels": _faces.LABELS},
    classes=True,
)
read_inputs = _images.read_inputs

DISCRETE = ("valence_discrete", "arousal_discrete")
SOURCE = "va_source"
COLUMNS = ("image", "emotion", "person", *_images.VA, *DISCRETE, SOURCE)


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the CSV `root`, or the only one in the folder `root`, and the images that it names.

    A group is a person where they are known, else an image with its near-duplicates. Raises UserError for a CSV that
    is not as the module says, for an image that is missing or damaged, and for an emotion without an ellipse.
    """
    if root is None:
        raise UserError("the data set labelled_folder reads a folder: give it with --root FOLDER (or --root FILE.csv)")
    rows, ignored = read_table(find_table(root), settings["labels"])
    return _faces.dataset(
        "labelled_folder",
        rows,
        skips=False,
        labels=settings["labels"],
        summary={"ignored_columns": ignored},
    )


def find_table(root: Path) -> Path:
    """Return the CSV file that `root` is or holds; UserError where it holds none or several."""
    if not root.is_dir():
        return root
    files = [path for path in root.iterdir() if not image_files.is_system(path)]
    tables = sorted(path for path in files if path.name.lower().endswith(SUFFIXES))
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise UserError(f"{root} holds no CSV file: expected one with the columns image and emotion")
    raise UserError(
        f"{root} holds {len(tables)} CSV files: give one as --root; there are {', '.join(p.name for p in tables)}"
    )


def read_rows(root: Path | None) -> _faces.Rows:
    """Read what the CSV of `root` says of each image, with or without the images."""
    if root is None:
        raise UserError("the data set labelled_folder reads a folder: give it with --root FOLDER (or --root FILE.csv)")
    return read_table(find_table(root))[0]


def read_table(file: Path, labels: str = "continuous") -> tuple[_faces.Rows, list[str]]:
    """Read what the CSV `file` says of each image; return it and the names of the columns that are left alone."""
    table = Table(file)
    column = _columns(table)
    axes = tuple(axis for axis in _images.VA if axis in column)
    if axes and len(axes) < 2:
        (missing,) = {*_images.VA} - {*axes}
        table.require([missing], why=f"; a column {column[axes[0]]!r} alone is half a label")
    table.require([column.get("image", "image")])
    if not axes:
        table.require([column.get("emotion", "emotion")], why="; or valence and arousal")
    wanted = DISCRETE if axes and labels == "discrete" and column.keys() >= {*DISCRETE} else axes
    numbers, texts = table.read(
        [column[axis] for axis in wanted],
        [column[name] for name in ("image", "emotion", "person") if name in column],
        [column[SOURCE]] if SOURCE in column else [],
    )
    where = [f"{file}, line {line}" for line in table.lines()]
    va: NDArray[np.float64] | None = None
    if wanted:
        va = np.column_stack([numbers[column[axis]] for axis in wanted])
        if wanted == DISCRETE:
            _faces.check_range(va, where, -circumplex.STEPS, circumplex.STEPS)
            va = va / circumplex.STEPS
        _faces.check_range(va, where)
        if labels == "discrete" and wanted == axes:
            va = np.round(va * circumplex.STEPS) / circumplex.STEPS
    found = _paths.resolve(texts[column["image"]].tolist(), [file.parent, file.parent / "images"])
    source = np.unique(texts[column[SOURCE]]).tolist() if SOURCE in column else []
    rows = _faces.Rows(
        path=found.path,
        sample=found.name,
        where=where,
        # "Happiness" and "happiness" are one class
        emotion=[one.lower() for one in texts[column["emotion"]].tolist()] if "emotion" in column else None,
        va=va,
        va_source="; ".join(one for one in source if one),
        person=texts[column["person"]].tolist() if "person" in column else None,
        notes=found.notes(),
    )
    return rows, sorted({*table.header} - {*column.values()})


def _columns(table: Table) -> dict[str, str]:
    """Return the columns that are known, by their lower-case names; UserError where one is there twice."""
    by_lower: dict[str, list[str]] = {}
    for name in table.header:
        by_lower.setdefault(name.lower(), []).append(name)
    for name in COLUMNS:
        spellings = by_lower.get(name, [])
        if len(spellings) > 1:
            raise UserError(f"{table.path}: expected one column {name!r}, found {', '.join(map(repr, spellings))}")
        if not spellings:
            table.optional(name)  # refuses a misspelt one, which must not go unseen
    return {name: by_lower[name][0] for name in COLUMNS if name in by_lower}
