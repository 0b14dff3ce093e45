"""AffectNet: photographs from the web with expression, valence and arousal (Mollahosseini et al. 2019).

Two layouts are read. As it was handed out first: training.csv and validation.csv with the columns
``subDirectory_filePath``, ``face_x``, ``face_y``, ``face_width``, ``face_height``, ``facial_landmarks`` (not used),
``expression`` 0 … 10, ``valence`` and ``arousal`` in [-1, 1], or −2 where they were not rated. As it is handed out
now: ``train_set`` and ``val_set``, each with ``images/<n>.jpg``, which are faces already, and
``annotations/<n>_exp.npy``, ``<n>_val.npy``, ``<n>_aro.npy`` (one text each) and ``<n>_lnd.npy`` (not used).

Persons are unknown; near-duplicate images are kept in one part of a split.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import image_files, messages
from training.contract import UserError
from training.data import Reader
from training.datasets import _annotations, _faces, _images, _paths
from training.datasets._table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import Dataset

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
PARTS = {"training.csv": "train", "validation.csv": "test", "train_set": "train", "val_set": "test"}
"""CSVs or folders of the set → part: its test part was never handed out, and its validation part serves."""

IMAGE, BOX = "subDirectory_filePath", ("face_x", "face_y", "face_width", "face_height")
FOLDERS = ("", "images", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
"""Where below the CSV's folder, or beside it, its images are looked for."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the CSV `root`, or both parts of the folder `root`, which are then train and test.

    Rows that are no face or no emotion, rows that were not rated (−2), and images that are missing or damaged are
    known of this set: they are skipped and counted. UserError for any other cell that is not as the module says.
    """
    sources = _sources(root)
    tables = [_read_one(source) for source in sources]
    part = np.array(
        [PARTS.get(source.name, "train") for source, rows in zip(sources, tables, strict=True) for _ in rows.path]
    )
    published = part.astype(np.str_) if {*part.tolist()} == {*PARTS.values()} else None
    return _faces.dataset("affectnet", _faces.joined(tables), skips=True, published=published)


def read_rows(root: Path | None) -> _faces.Rows:
    """Read what CSVs or annotations say of each image, with or without the images."""
    return _faces.joined([_read_one(source) for source in _sources(root)])


def _read_one(source: Path) -> _faces.Rows:
    return _read_annotations(source) if source.is_dir() else _read_table(source)


def _sources(root: Path | None) -> list[Path]:
    """Return the CSVs, or the folders of images and annotations, that `root` is or holds."""
    if root is None:
        raise UserError("the data set affectnet reads a CSV or a folder: give it with --root PATH")
    if not root.is_dir() or _annotations.is_folder(root):
        return [root]
    sources = [root / name for name in PARTS if (root / name).is_file() or _annotations.is_folder(root / name)]
    kinds = {source.is_dir() for source in sources}
    if len(kinds) == 1:
        return sources
    expected = "training.csv and validation.csv, or train_set and val_set with images/ and annotations/ in each"
    if sources:
        raise UserError(f"{root}: expected {expected}; found both. Give one of them as --root")
    if inside := sorted(folder for folder in root.iterdir() if folder.is_dir() and _inside(folder)):
        raise UserError(f"{root}: expected {expected}; they are in {inside[0]}: give that as --root")
    names = sorted(path.name for path in root.iterdir() if not image_files.is_system(path))
    raise UserError(
        f"{root}: expected {expected}; found {messages.listed(names) or 'nothing'}{_way(names)}. Any other layout is "
        "read by --dataset labelled_folder with a CSV of the columns image, emotion, valence, arousal"
    )


def _inside(folder: Path) -> bool:
    return any((folder / name).is_file() or _annotations.is_folder(folder / name) for name in PARTS)


def _way(names: list[str]) -> str:
    """Return what to do about a layout that is known and not read."""
    suffixes = {Path(name).suffix.lower() for name in names}
    if suffixes & {".h5", ".hdf5", ".hdf"}:
        return "; HDF5 is not read: write its images into files, and its labels into such a CSV"
    if suffixes & {".parquet", ".arrow", ".tfrecord", ".lmdb", ".mdb"}:
        return "; images inside of tables are not read: write them into files, and the labels into such a CSV"
    if suffixes & {".zip", ".tar", ".gz", ".7z", ".rar"} or any(name.endswith(".7z.001") for name in names):
        return "; unpack the archives first"
    if {"0", "1", "2", "3", "4", "5", "6"} <= {*names} or {"train", "test"} <= {*names}:
        return "; folders by class name no valence and arousal: without them they are transferred, and called so"
    return ""


# ------------------------------------------------------------------------------------------- images and annotations


def _read_annotations(folder: Path) -> _faces.Rows:
    """Read one folder of images/ and annotations/."""
    found = _annotations.read(folder)
    code = found.numbers["exp"]
    va = np.column_stack([found.numbers["val"], found.numbers["aro"]])
    where = [f"{folder / 'annotations'}, image {name}" for name in found.name]
    _check_codes(code, where)
    skipped = dict(found.skipped)
    kept = _usable(code, va, np.array(found.name, np.str_), skipped)
    _faces.check_range(va[kept], [where[row] for row in kept.tolist()])
    return _faces.Rows(
        path=[found.path[row] for row in kept.tolist()],
        sample=[f"{folder.name}/{found.path[row].name}" for row in kept.tolist()],
        where=[where[row] for row in kept.tolist()],
        emotion=[EXPRESSIONS[int(of)] for of in code[kept].tolist()],
        va=va[kept],
        whole=True,
        # images without annotations are counted with the annotations
        others=[*folder.glob("images/*")],
        skipped=skipped,
    )


def _check_codes(code: NDArray[np.float64], where: list[str]) -> None:
    wrong = np.flatnonzero(~np.isin(code, np.arange(len(EXPRESSIONS))))
    if len(wrong):
        raise UserError(
            f"{where[wrong[0]]}: expected an expression 0 … {len(EXPRESSIONS) - 1}, found {code[wrong[0]]:g}"
            + (f" (and {len(wrong) - 1} more like it)" if len(wrong) > 1 else "")
        )


def _usable(
    code: NDArray[np.float64], va: NDArray[np.float64], name: NDArray[np.str_], skipped: dict[str, list[str]]
) -> NDArray[np.int64]:
    """Return the rows (m,) that have an emotion and are rated; the names of the others are noted in `skipped`."""
    usable = np.ones(len(code), bool)
    for reason, rows in {
        **{f"of expression {i} ({EXPRESSIONS[i]})": code == i for i in range(EMOTIONS, len(EXPRESSIONS))},
        f"not rated ({UNRATED})": (va == UNRATED).any(axis=1) & (code < EMOTIONS),
    }.items():
        if rows.any():
            skipped[reason] = name[rows].tolist()
            usable &= ~rows
    return np.flatnonzero(usable)


# ---------------------------------------------------------------------------------------------------------- CSVs


def _read_table(file: Path) -> _faces.Rows:
    """Read one CSV."""
    table = Table(file)
    numbers, texts = table.read(["expression", *_images.VA], [IMAGE], list(BOX))
    where = np.array([f"{file}, line {line}" for line in table.lines()], np.str_)
    code = numbers["expression"]
    if (wrong := ~np.isin(code, np.arange(len(EXPRESSIONS)))).any():
        row = int(np.flatnonzero(wrong)[0])
        raise table.refuse(row, "expression", f"a whole number 0 … {len(EXPRESSIONS) - 1}", int(wrong.sum()) - 1)
    va = np.column_stack([numbers[axis] for axis in _images.VA])
    skipped: dict[str, list[str]] = {}
    kept = _usable(code, va, texts[IMAGE], skipped)
    _faces.check_range(va[kept], where[kept].tolist())
    folders = [base / name for base in (file.parent, file.parent.parent) for name in FOLDERS]
    found = _paths.resolve(texts[IMAGE][kept].tolist(), folders)
    others = np.delete(texts[IMAGE], kept).tolist()
    return _faces.Rows(
        path=found.path,
        sample=found.name,
        where=where[kept].tolist(),
        emotion=[EXPRESSIONS[int(of)] for of in code[kept].tolist()],
        va=va[kept],
        box=[_box([str(texts[edge][row]) for edge in BOX], where[row]) for row in kept.tolist()],
        others=_paths.resolve(others, folders).path,
        skipped=skipped,
        notes=found.notes(),
    )


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
