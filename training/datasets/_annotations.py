"""AffectNet as it is handed out now: ``images/<n>.jpg`` and one small .npy for each label in ``annotations/``.

The underscore says that it is no data set. Each .npy holds one text or number; nothing in it is unpickled. What was
read is kept in the cache: a full set has 870,000 such files.
"""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache, image_files
from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Numbers = dict[str, NDArray[np.float64]]

LABELS = ("exp", "val", "aro")
_OTHER = "lnd"
"""Landmarks: known, and not read."""

_DAMAGED = (ValueError, EOFError, MemoryError, SyntaxError, RecursionError, tokenize.TokenError, SystemError)
"""What NumPy raises for a damaged file: its header is in Python's own notation, and a text may have no characters."""

LIMIT = 4096
"""Bytes of a file of one label; a larger one is none."""


@dataclass(frozen=True)
class Annotations:
    """The labelled images of one folder.

    name : number of each image, as its files are named.  path : its file.  numbers : label → (n,).
    skipped : reason → names of what is left out.
    """

    name: list[str]
    path: list[Path]
    numbers: Numbers
    skipped: dict[str, list[str]]


def is_folder(path: Path) -> bool:
    """Return whether `path` is a folder of images and their annotations."""
    return (path / "images").is_dir() and (path / "annotations").is_dir()


def read(folder: Path) -> Annotations:
    """Read the folder; UserError for a label that is none, and where no image has all of its labels."""
    skipped: dict[str, list[str]] = {}
    images: dict[str, Path] = {}
    for path in image_files.walk(folder / "images", skipped):
        if not image_files.is_image(path):
            skipped.setdefault(image_files.OTHER, []).append(path.name)
        elif path.stem in images:
            raise UserError(f"{path}: expected one image of each number, found {images[path.stem].name} as well")
        else:
            images[path.stem] = path
    there: dict[str, set[str]] = {}
    for path in image_files.walk(folder / "annotations", skipped):
        name, _, label = path.stem.rpartition("_")
        if path.suffix != ".npy" or label not in (*LABELS, _OTHER):
            skipped.setdefault("files that are no annotation", []).append(path.name)
        elif label in LABELS:
            there.setdefault(name, set()).add(label)
    complete = [name for name, labels in there.items() if len(labels) == len(LABELS)]
    for why, names in {
        "images without annotations": [name for name in images if name not in there],
        "images without all of " + ", ".join(LABELS): [name for name in there if len(there[name]) < len(LABELS)],
        "annotations without an image": [name for name in complete if name not in images],
    }.items():
        if names:
            skipped[why] = sorted(names)
    chosen = sorted((name for name in complete if name in images), key=_order)
    if not chosen:
        one = sorted(images)[:1] or ["0"]
        raise UserError(
            f"{folder}: expected images with annotations, such as images/{one[0]}.jpg and "
            f"annotations/{one[0]}_exp.npy, _val.npy and _aro.npy; found {len(images)} images and {len(complete)} "
            "complete annotations, none of one name"
        )
    return Annotations(chosen, [images[name] for name in chosen], _numbers(folder / "annotations", chosen), skipped)


def _order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isascii() and name.isdigit() and len(name) < 19 else (1 << 62, name)


def _numbers(folder: Path, names: list[str]) -> Numbers:
    """Return label → (n,), from the cache where the files are those that were read."""
    files = [(label, f"{name}_{label}.npy") for label in LABELS for name in names]
    kept = _kept(folder, [file for _, file in files])
    if kept is not None and (numbers := _read_kept(kept, len(names))) is not None:
        return numbers
    values = [number(folder / file) for _, file in files]
    numbers = {label: np.array(values[i * len(names) : (i + 1) * len(names)]) for i, label in enumerate(LABELS)}
    if kept is not None:
        try:
            arrays: dict[str, Any] = {**numbers}
            with cache.whole(kept) as part:
                np.savez(part, **arrays)
        except OSError:
            pass  # it costs the reading, nothing else
    return numbers


def number(file: Path) -> float:
    """Return the one number, or text of a number, in an .npy file; UserError where it holds anything else."""
    try:
        content = file.read_bytes()
        if len(content) > LIMIT:
            raise UserError(f"{file}: expected one number, found {len(content):,} bytes")
        value = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        if value.size != 1:
            raise UserError(f"{file}: expected one number, found an array {value.shape}")
        found = value.reshape(-1)[0]
        text = found.decode() if isinstance(found, bytes) else str(found)
        return float(text)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except _DAMAGED as error:  # an array of objects, which would be unpickled, is a ValueError
        raise UserError(f"{file}: expected an .npy file of one number or text, found: {error}") from error


def _kept(folder: Path, files: list[str]) -> Path | None:
    """Return the file of the cache for these labels, named by the names, sizes and times of their files."""
    known = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            state = entry.stat()
            known[entry.name] = f"{state.st_size} {state.st_mtime_ns}"
    key = hashlib.sha256("\n".join(f"{file} {known.get(file)}" for file in (str(folder.absolute()), *files)).encode())
    try:
        place = cache.folder() / "annotations"
        place.mkdir(exist_ok=True)
    except OSError:
        return None
    return place / f"{key.hexdigest()[:32]}.npz"


def _read_kept(file: Path, n: int) -> Numbers | None:
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as arrays:
            numbers = {label: arrays[label] for label in LABELS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return numbers if all(values.shape == (n,) for values in numbers.values()) else None
