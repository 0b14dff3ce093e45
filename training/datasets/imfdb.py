"""IMFDB, the Indian Movie Face Database: faces cut by hand from films, with actor and expression (Setty et al. 2013).

``<actor>/<movie>/<movie>.txt`` has a line per face, its fields separated by tabs: field 2 (from 0) is the image, in
``<actor>/<movie>/images/``, and field 11 the expression in capitals. The set has no valence and arousal: they are
transferred, from the default ellipses, or from another set's by ``python -m training transfer``, whose CSV is then
given as ``--root``.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from training.contract import Reader, UserError
from training.datasets import _faces, _images, labelled_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.contract import Dataset, Settings

READER = Reader(
    title="IMFDB: faces from films, actor and expression",
    data="faces",
    blocks=("images", "va"),
    settings={"labels": _faces.LABELS},
    classes=True,
)
read_inputs = _images.read_faces

EXPRESSIONS = ("ANGER", "DISGUST", "FEAR", "HAPPINESS", "NEUTRAL", "SADNESS", "SURPRISE")
_IMAGE, _EXPRESSION = 2, 11
_PICTURE = re.compile(r"\.(?:jpe?g|png|bmp)$", re.IGNORECASE)


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the folder `root` of actors, or the CSV that `transfer` made of it; a group is an actor.

    The set is known for label files that are missing, lines that are no label or come twice, and names of images
    that are not there: those are skipped and counted. UserError where nothing is left.
    """
    labels = settings["labels"]
    if root is not None and root.is_file():
        rows, _ = labelled_folder.read_table(root, labels)
        if rows.person is None:
            raise UserError(f"{root}: expected a column 'person', as transfer writes it for IMFDB's folder")
        rows = dataclasses.replace(rows, whole=True)
    else:
        rows = read_rows(root)
    return _faces.dataset("imfdb", rows, skips=True, labels=labels)


def read_rows(root: Path | None) -> _faces.Rows:
    """Read all label files of the folder `root`, with or without images."""
    if root is None:
        raise UserError("the data set imfdb reads a folder: give it with --root FOLDER")
    if not root.is_dir():
        raise UserError(f"{root} is no folder: expected one of <actor>/<movie>/<movie>.txt")
    rows = _faces.Rows(path=[], sample=[], where=[], whole=True)
    emotion: list[str] = []
    person: list[str] = []
    seen: set[str] = set()
    for file, number, fields in _lines(root, rows.skipped):
        image, expression = _label(fields)
        where = f"{file}, line {number}"
        sample = f"{file.parent.relative_to(root).as_posix()}/{image}"
        if not image:
            rows.skipped.setdefault("lines without an image", []).append(where)
        elif expression not in EXPRESSIONS:
            rows.skipped.setdefault("unknown expressions", []).append(f"{where}: {expression or 'none'}")
        elif sample in seen:
            rows.skipped.setdefault("images named twice", []).append(where)
        else:
            seen.add(sample)
            rows.path.append(file.parent / "images" / image)
            rows.sample.append(sample)
            rows.where.append(where)
            emotion.append(expression.lower())
            person.append(file.parent.parent.name)
    if not rows.path:
        why = "; ".join(f"{len(of)} {reason}, such as {of[0]}" for reason, of in rows.skipped.items())
        raise UserError(f"{root}: expected <actor>/<movie>/<movie>.txt with lines of labels, found {why or 'none'}")
    return dataclasses.replace(rows, emotion=emotion, person=person)


def _lines(root: Path, skipped: dict[str, list[str]]) -> Iterator[tuple[Path, int, list[str]]]:
    """Yield file, line number and fields of every line of every label file; note the films that have none."""
    for movie in sorted(path for path in root.glob("*/*") if path.is_dir()):
        # a few label files do not bear the film's name
        files = [movie / f"{movie.name}.txt", *sorted(movie.glob("*.txt"))]
        file = next((one for one in files if one.is_file()), None)
        if file is None:
            skipped.setdefault("films without labels", []).append(movie.relative_to(root).as_posix())
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if line.strip():
                yield file, number, [field.strip() for field in line.split("\t")]


def _label(fields: list[str]) -> tuple[str, str]:
    """Return image and expression of a line's fields; empty where it has none.

    Some lines have blanks for tabs.
    """
    if len(fields) <= _EXPRESSION:
        fields = " ".join(fields).split()
    image = fields[_IMAGE] if len(fields) > _IMAGE and _PICTURE.search(fields[_IMAGE]) else ""
    return image, fields[_EXPRESSION].upper() if len(fields) > _EXPRESSION else ""
