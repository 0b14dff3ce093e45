"""Images or a video → one npz of face meshes, the file that the data set ``ckplus`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.facemesh import TRIANGLES
from training import cache
from training.contract import UserError
from training.facemesh import images
from training.facemesh.images import LAST, Film, ImageFile
from training.facemesh.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from rich.console import Console

_SHOWN = 20


def export(source: Path, out: Path, console: Console, last: float = LAST) -> int:
    """Find the face in each image of `source` and write the npz `out`; return how many faces were found.

    The file has ``landmarks`` (n, 468, 3) float32 in pixels, ``filename``, ``person``, ``sequence``, ``frame`` and
    ``label`` (n,), ``triangles`` (898, 3), and ``without_face``, the names of images in which none was found.
    Raises UserError where `out` is there already, and where no image has a face.
    """
    if out.suffix != ".npz":
        raise UserError(f"{out}: expected a name that ends in .npz")
    if out.exists():
        raise UserError(f"{out}: the file is there already")
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.absolute().parent}")
    landmarks, found, without = meshes(source, console, last)
    table = {
        "landmarks": landmarks,
        "filename": _texts(one.name for one in found),
        "person": _texts(one.person for one in found),
        "sequence": _texts(one.sequence for one in found),
        "frame": np.array([one.frame for one in found], np.int64),
        "label": _texts(one.label for one in found),
        "triangles": TRIANGLES.astype(np.int32),
        "without_face": _texts(without),
    }
    with cache.whole(out) as part:
        np.savez_compressed(part, **table)
    if not any(one.person for one in found):
        console.print(
            "whose faces these are is not known: they can be predicted for, and not be split to learn from", style="dim"
        )
    return len(found)


def meshes(
    source: Path, console: Console, last: float = LAST
) -> tuple[NDArray[np.float32], list[ImageFile], list[str]]:
    """Return the landmarks (n, 468, 3) of the faces in `source`, their images, and the names of those without one.

    Progress is shown on `console`, and then which images have no face. Raises UserError where none has.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    film = images.is_video(source)
    total, frames = _film(source) if film else _stills(source, last, console)
    landmarks: list[NDArray[np.float32]] = []
    found: list[ImageFile] = []
    without: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Tracker(console, video=film) as tracker, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("faces", total=total)
        for image, pixels in frames:
            points = None if pixels is None else tracker.landmarks(pixels)
            if points is None:
                without.append(image.name + ("" if pixels is not None else " (cannot be read)"))
            else:
                landmarks.append(points)
                found.append(image)
            progress.advance(task)
    _tell(without, len(found), console)
    if not found:
        raise UserError(f"{source}: no face was found in any of {len(without)} images")
    return np.stack(landmarks), found, without


def _stills(source: Path, last: float, console: Console) -> tuple[int, Iterator[tuple[ImageFile, Any]]]:
    found, notes = images.find(source, last)
    for note in notes:
        console.print(note, markup=False)
    return len(found), ((one, images.read(one.file)) for one in found)


def _film(source: Path) -> tuple[int | None, Iterator[tuple[ImageFile, Any]]]:
    film = Film(source)
    frames = ((ImageFile(source, f"{source.name}:{i}", "", source.stem, i, ""), of) for i, of in enumerate(film))
    return film.length or None, frames


def _tell(without: list[str], found: int, console: Console) -> None:
    if without:
        console.print(f"{len(without)} of {len(without) + found} images have no face:", markup=False)
        for name in without[:_SHOWN]:
            console.print(f"  {name}", markup=False)
        if len(without) > _SHOWN:
            console.print(f"  and {len(without) - _SHOWN} more")


def _texts(values: Any) -> NDArray[np.str_]:
    return np.array([*values], np.str_)
