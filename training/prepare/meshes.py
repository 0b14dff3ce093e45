"""Images or a video → one npz of face meshes, the file that the data set ``ckplus`` reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.facemesh import TRIANGLES
from training import cache, left_out
from training.contract import UserError
from training.facemesh import images
from training.facemesh.images import LAST, Film, ImageFile
from training.facemesh.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from rich.console import Console


def export(source: Path, out: Path, console: Console, last: float = LAST) -> int:
    """Find the face in each image of `source` and write the npz `out`; return how many faces were found.

    The file has ``landmarks`` (n, 468, 3) float32 in pixels, ``filename``, ``person``, ``sequence``, ``frame`` and
    ``label`` (n,), where known ``time`` (n,) in seconds, ``triangles`` (898, 3), and ``without_face``, the names
    of images in which none was found. Raises UserError where `out` is there already, where images are CK+'s and have no
    label, and where no image has a face.
    """
    if out.suffix != ".npz":
        raise UserError(f"{out}: expected a name that ends in .npz")
    cache.check_new(out)
    faces = meshes(source, console, last)
    for sentence in faces.sentences():
        console.print(sentence, markup=False, soft_wrap=True)
    found = faces.images
    table: dict[str, Any] = {
        "landmarks": faces.landmarks,
        "filename": _texts(one.name for one in found),
        "person": _texts(one.person for one in found),
        "sequence": _texts(one.sequence for one in found),
        "frame": np.array([one.frame for one in found], np.int64),
        "label": _texts(one.label for one in found),
        "triangles": TRIANGLES.astype(np.int32),
        "without_face": _texts(faces.without),
    }
    if all(one.time is not None for one in found):
        table["time"] = np.array([one.time for one in found], np.float64)
    with cache.whole(out) as part:
        np.savez_compressed(part, **table)
    if not any(one.person for one in found):
        console.print(
            "whose faces these are is not known: they can be predicted for, and not be split to learn from", style="dim"
        )
    return len(found)


@dataclass(frozen=True)
class Faces:
    """The faces that were found.

    landmarks : (n, 468, 3) in pixels.  images : the image of each.  without : names of images without a face.
    skipped : reason (a plural) → names of files that were left out.  notes : further sentences.
    """

    landmarks: NDArray[np.float32]
    images: list[ImageFile]
    without: list[str]
    skipped: dict[str, list[str]]
    notes: list[str]

    def sentences(self) -> tuple[str, ...]:
        """Return sentences on what was left out, and on where labels were found."""
        return (*self.notes, *left_out.sentences({**self.skipped, "images without a face": self.without}))


def meshes(source: Path, console: Console, last: float | None = None) -> Faces:
    """Return the faces in `source`: CK+'s tree, a folder of images, an image or a video.

    Progress is shown on `console`. With `last` they are to be learnt from: of a sequence of CK+ its `last` share is
    taken, and images of CK+ that have no label are refused before faces are sought. Raises UserError where no image has
    a face.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    film = images.is_video(source)
    below = images.Found([]) if film else images.find(source, last)
    if last is not None and below.unlabelled:
        raise UserError(below.unlabelled)
    total, frames = _film(source) if film else _stills(below.images)
    landmarks: list[NDArray[np.float32]] = []
    found: list[ImageFile] = []
    without: list[str] = []
    skipped = dict(below.skipped)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Tracker(console, video=film) as tracker, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("faces", total=total)
        for image, pixels in frames:
            points = None if isinstance(pixels, str) else tracker.landmarks(pixels)
            if isinstance(pixels, str):
                skipped.setdefault("images that cannot be read", []).append(f"{image.name}: {pixels}")
            elif points is None:
                without.append(image.name)
            else:
                landmarks.append(points)
                found.append(image)
            progress.advance(task)
    if not found:
        why = "; ".join(left_out.sentences(skipped))
        raise UserError(f"{source}: no face was found in any of {len(without)} images" + (f" ({why})" if why else ""))
    return Faces(np.stack(landmarks), found, without, skipped, below.notes)


def _stills(found: list[ImageFile]) -> tuple[int, Iterator[tuple[ImageFile, Any]]]:
    return len(found), ((one, images.read(one.file)) for one in found)


def _film(source: Path) -> tuple[int | None, Iterator[tuple[ImageFile, Any]]]:
    film = Film(source)
    frames = (
        (ImageFile(source, f"{source.name}:{i}", "", source.stem, i, "", i / film.rate), of)
        for i, of in enumerate(film)
    )
    return film.length or None, frames


def _texts(values: Any) -> NDArray[np.str_]:
    return np.array([*values], np.str_)
