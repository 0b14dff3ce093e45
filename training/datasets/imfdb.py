"""IMFDB, the Indian Movie Face Database: faces cut by hand from films, with actor and expression (Setty et al. 2013).

``<actor>/<movie>/<movie>.txt`` has a line per face, its fields separated by tabs: field 2 (from 0) is the image, in
``<actor>/<movie>/images/``, and field 11 the expression in capitals. The set has no valence and arousal: they are
transferred, from the default ellipses, or from another set's by ``python -m training prepare transfer``, whose CSV is
then given as ``--root``.
"""

from __future__ import annotations

import dataclasses
from pathlib import PurePath
from typing import TYPE_CHECKING

from training import image_files
from training.contract import UserError
from training.data import Reader
from training.datasets import _faces, _images, _paths, labelled_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.contract import Settings
    from training.data import Dataset

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
    resolved = _paths.Resolved()
    folders: dict[Path, _paths.Folders] = {}
    for file, number, fields in _lines(root, rows.skipped):
        image, expression = _label(fields)
        where = f"{file}, line {number}"
        movie = folders.setdefault(file, _paths.Folders([file.parent / "images", file.parent]))
        path, image, ways = movie.find(image) if image else (file, "", [])
        sample = f"{file.parent.relative_to(root).as_posix()}/{image}"
        if not image:
            rows.skipped.setdefault("lines without an image", []).append(where)
        elif expression not in EXPRESSIONS:
            rows.skipped.setdefault("unknown expressions", []).append(f"{where}: {expression or 'none'}")
            rows.others.append(path)
        elif sample in seen:
            rows.skipped.setdefault("images named twice", []).append(where)
        else:
            seen.add(sample)
            resolved.add(path, sample, ways)
            rows.where.append(where)
            emotion.append(expression.lower())
            person.append(file.parent.parent.name)
    rows = dataclasses.replace(rows, path=resolved.path, sample=resolved.name, notes=resolved.notes())
    if not rows.path:
        why = "; ".join(f"{len(of)} {reason}, such as {of[0]}" for reason, of in rows.skipped.items())
        raise UserError(f"{root}: expected <actor>/<movie>/<movie>.txt with lines of labels, found {why or 'none'}")
    return dataclasses.replace(rows, emotion=emotion, person=person)


def _lines(root: Path, skipped: dict[str, list[str]]) -> Iterator[tuple[Path, int, list[str]]]:
    """Yield file, line number and fields of every line of every label file; note the films that have none."""
    for movie in _movies(root, skipped):
        texts = []
        for path in sorted(movie.iterdir()):
            name = path.relative_to(root).as_posix()
            if image_files.is_system(path):
                skipped.setdefault(image_files.SYSTEM, []).append(name)
            elif path.suffix.lower() == ".txt":
                texts.append(path)
            elif path.name != "images":
                skipped.setdefault("files and folders beside the label file of a film and its images", []).append(name)
        # a few label files do not bear the film's name
        texts.sort(key=lambda path: path.stem != movie.name)
        if not texts:
            skipped.setdefault("films without labels", []).append(movie.relative_to(root).as_posix())
            continue
        file, *others = texts
        for other in others:
            skipped.setdefault("further label files of a film", []).append(other.relative_to(root).as_posix())
        text = file.read_text(encoding="utf-8-sig", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield file, number, [field.strip() for field in line.split("\t")]


def _movies(root: Path, skipped: dict[str, list[str]]) -> Iterator[Path]:
    """Yield the folders <actor>/<movie>; note what else lies there."""
    for actor in sorted(root.iterdir()):
        for path in [actor] if not actor.is_dir() or image_files.is_system(actor) else sorted(actor.iterdir()):
            name = path.relative_to(root).as_posix()
            if image_files.is_system(path):
                skipped.setdefault(image_files.SYSTEM, []).append(name)
            elif path.is_dir():
                yield path
            else:
                skipped.setdefault("files beside the folders of actors and films", []).append(name)


def _label(fields: list[str]) -> tuple[str, str]:
    """Return image and expression of a line's fields; empty where it has none.

    Some lines have blanks for tabs.
    """
    if len(fields) <= _EXPRESSION:
        fields = " ".join(fields).split()
    image = fields[_IMAGE] if len(fields) > _IMAGE and image_files.is_image(PurePath(fields[_IMAGE])) else ""
    return image, fields[_EXPRESSION].upper() if len(fields) > _EXPRESSION else ""
