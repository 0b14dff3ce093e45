"""Annotation transfer: give images that have an emotion alone a valence and an arousal, from an annotated set.

For each emotion an ellipse in the plane of valence and arousal, its centre the annotated set's mean, its semi-axes the
standard deviations; in it a seeded uniform draw for each image, continuous and discrete (The Bridge from D to E).
What comes of it is called transferred wherever it is read.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from affect import circumplex
from affect.circumplex import Ellipse
from training import cache, messages, registry
from training.contract import UserError
from training.datasets import _faces, imfdb, labelled_folder
from training.datasets._table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.datasets._faces import Rows

DEFAULT = "default"
WIDEST = 2
"""The largest semi-axis of a table, the width of the plane: of a wider one draws would hardly ever fall into it."""

_AXES = tuple(field for field in Ellipse._fields if field != "emotion")


class Transferred(NamedTuple):
    """What `run` wrote: the two files, the number of rows by emotion, and what the target's reader skipped."""

    labels: Path
    ellipses: Path
    rows: Mapping[str, int]
    skipped: Mapping[str, int]


def run(anchor: str, anchor_root: Path | None, target: Path, out: Path, seed: int = 0) -> Transferred:
    """Draw labels for the images of `target` and write them to `out`, a CSV, and the ellipses to a CSV beside it.

    `anchor` is an annotated data set's name (read from `anchor_root`), a table of ellipses as this function writes it,
    or "default". `target` is a labelled folder or IMFDB's, and `out` is what their readers then take as ``--root``.
    Raises UserError for an anchor without annotations, for an emotion that it has no ellipse for, and for files that
    are there already.
    """
    table = out.with_name(f"{out.stem}_ellipses.csv")
    for file in (out, table):
        cache.check_new(file, "--out")
    ellipses = anchors(anchor, anchor_root)
    rows = _target(target)
    emotion = rows.emotion or []
    for one, where in zip(emotion, rows.where, strict=True):
        _known(one, where, ellipses)
    try:
        continuous, discrete = (circumplex.transfer(emotion, ellipses, seed, discrete=kind) for kind in (False, True))
    except ValueError as error:
        raise UserError(
            f"--from {anchor}: {error}; write a table of ellipses in which its semi-axes are wider, and give that"
        ) from None
    # a table of ellipses may lie anywhere: its file's name says which it was
    of = anchor if anchor == DEFAULT or anchor in registry.datasets() else Path(anchor).name
    write_ellipses(table, ellipses)
    _write(out, rows, continuous, discrete, f"{of} ellipses, seed {seed}")
    return Transferred(out, table, Counter(emotion), {why: len(some) for why, some in rows.skipped.items()})


def anchors(anchor: str, root: Path | None) -> dict[str, Ellipse]:
    """Return emotion → ellipse of an annotated data set's name, a table of ellipses, or "default"."""
    if anchor == DEFAULT:
        return dict(circumplex.ELLIPSES)
    if anchor.lower().endswith(".csv"):
        return read_ellipses(Path(anchor))
    if anchor not in registry.datasets():
        known = [*registry.datasets(), DEFAULT]
        raise UserError(f"--from: {messages.unknown(anchor, known, 'anchor')}; or give a table of ellipses, FILE.csv")
    reader, declared = registry.dataset(anchor), registry.reader(anchor)
    if "va" not in declared.blocks:
        raise UserError(f"--from {anchor}: expected a data set with valence and arousal, found one of {declared.data}")
    if root is None and not anchor.startswith("synthetic"):
        raise UserError(f"--from {anchor}: give its file or folder with --from-root PATH")
    if hasattr(reader, "read_rows"):  # labels are enough: no image is opened
        rows = reader.read_rows(root)
        va, label = (None if rows.va_source else rows.va), rows.emotion
    else:
        data = reader.read(root, {name: values[0] for name, values in declared.settings.items()})
        va, label = data.blocks["va"].values, data.label
    if va is None:
        raise UserError(f"--from {anchor}: its valence and arousal are transferred themselves; an anchor is annotated")
    if label is None:
        raise UserError(f"--from {anchor}: it has no emotions, so that there is no ellipse of each")
    return circumplex.ellipses_of(va, label)


def read_ellipses(file: Path) -> dict[str, Ellipse]:
    """Read a table of ellipses: emotion, valence, arousal in [-1, 1], valence_axis and arousal_axis, 0 … `WIDEST`."""
    table = Table(file)
    numbers, texts = table.read(_AXES, ["emotion"])
    where = [f"{file}, line {line}" for line in table.lines()]
    _faces.check_range(np.column_stack([numbers[axis] for axis in circumplex.AXES]), where)
    ellipses: dict[str, Ellipse] = {}
    for row, emotion in enumerate(texts["emotion"].tolist()):
        ellipse = Ellipse(emotion, *(float(numbers[field][row]) for field in _AXES))
        if wrong := [axis for axis in ellipse.axes.tolist() if not 0 <= axis <= WIDEST]:
            raise UserError(f"{where[row]}: expected semi-axes from 0 to {WIDEST}, found {wrong[0]:g}")
        if circumplex.name(emotion) in ellipses:
            raise UserError(f"{where[row]}: expected each emotion once, found {emotion!r} again")
        ellipses[circumplex.name(emotion)] = ellipse
    return ellipses


def write_ellipses(file: Path, ellipses: Mapping[str, Ellipse]) -> None:
    """Write a table of ellipses, a row per emotion."""
    with cache.whole(file) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(Ellipse._fields)
        writer.writerows([one.emotion, *one[1:]] for one in ellipses.values())


def _target(target: Path) -> Rows:
    """Read the labels of `target`, IMFDB's folder where its label files are there, else a labelled folder."""
    if not target.exists():
        raise UserError(f"--to {target} does not exist: expected a labelled folder, its CSV, or IMFDB's folder")
    if target.is_dir() and next(target.glob("*/*/*.txt"), None) is not None:
        return imfdb.read_rows(target)
    rows = labelled_folder.read_rows(target)
    if rows.emotion is None:
        raise UserError(f"--to {target}: expected a column 'emotion' to transfer by")
    return rows


def _known(emotion: str, where: str, ellipses: Mapping[str, Ellipse]) -> None:
    try:
        circumplex.find(emotion, ellipses)
    except LookupError as error:
        raise UserError(f"{where}: {error.args[0]} in the anchor") from None


def _write(file: Path, rows: Rows, continuous: NDArray[np.float64], discrete: NDArray[np.float64], source: str) -> None:
    """Write a row per image, its path relative to the file's folder."""
    folder = file.absolute().parent
    person = ["person"] if rows.person else []
    with cache.whole(file) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["image", "emotion", *person, *circumplex.AXES, *labelled_folder.DISCRETE, labelled_folder.SOURCE]
        )
        for row, path in enumerate(rows.path):
            writer.writerow(
                [
                    Path(os.path.relpath(path, folder)).as_posix(),
                    (rows.emotion or [])[row],
                    *([rows.person[row]] if rows.person else []),
                    *continuous[row].tolist(),
                    *(f"{value * circumplex.STEPS:.0f}" for value in discrete[row]),
                    source,
                ]
            )
