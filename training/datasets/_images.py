"""Images of faces as readers share them: decoded once, cut to the face, 64×64 RGB, kept in a memory-mapped file.

What was decoded is kept in the cache (see `training.cache`), so that a second study starts at once, and images that do
not fit in memory can be learnt from. How a file is decoded says `training.image_files`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training import cache, image_files, left_out
from training.contract import IMAGES, UserError
from training.data import Block, NewRows
from training.datasets import _detector, _image_cache
from training.datasets._image_cache import ARRAYS, BLACK, WHITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from training.contract import Settings

    Box = tuple[float, float, float, float]

SIZE = 64
VA = ("valence", "arousal")

BOX, DETECTED, CENTRE, WHOLE = "the set's box", "detected", "no face found: the central square", "the whole image"
"""How an image was cut."""

VERSION = 2
"""Raised when the same file gives another image: what older versions kept is not read again."""

CHUNK = 4096
"""Images that are decoded before their rows are noted: futures of a million images would fill the memory."""


class Cut(NamedTuple):
    """One image: 64×64 RGB (3, 64, 64), how it was cut, what its file was like, and hashes of file and image."""

    image: NDArray[np.uint8]
    how: str
    grey: bool
    transparent: bool
    range: str
    content: str
    perceptual: int


@dataclass(frozen=True)
class Loaded:
    """What `load` gives back of n files; m could be read.

    Parameters
    ----------
    images : (m, 3, 64, 64) uint8 RGB, memory-mapped where there is a cache.
    kept : (m,) rows of those files that could be read.
    failed : row → why it could not.
    how : (m,) BOX, DETECTED, CENTRE or WHOLE.
    grey, transparent : (m,) what the files were like.
    range : (m,) by which range the values were read, "" for 0 … 255 and 16 bits.
    exposure : (m,) BLACK, WHITE or "".
    perceptual : (m,) uint64 perceptual hash of the whole image.
    content : (m,) hash of each file's bytes.
    """

    images: Any
    kept: NDArray[np.int64]
    failed: dict[int, str]
    how: NDArray[np.str_]
    grey: NDArray[np.bool_]
    transparent: NDArray[np.bool_]
    range: NDArray[np.str_]
    exposure: NDArray[np.str_]
    perceptual: NDArray[np.uint64]
    content: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64]) -> Loaded:
        """Return the images `rows` alone; none is copied."""
        images = Chosen(self.images, rows)
        return replace(self, images=images, **{name: getattr(self, name)[rows] for name in ARRAYS})

    def notes(self) -> list[str]:
        """Return sentences on images that hold other values than is usual, or hardly anything."""
        counts = {
            f"images hold values {span}, and were read so": self.range == span
            for span in sorted({*self.range.tolist()} - {""})
        } | {f"images are {word}": self.exposure == word for word in (BLACK, WHITE)}
        return [f"{mask.sum():,} of {len(mask):,} {what}" for what, mask in counts.items() if mask.any()]


@dataclass(frozen=True)
class Chosen:
    """Some rows of an array that stays where it is: shape, dtype and ``[rows]`` as an array has them."""

    values: Any
    rows: NDArray[np.int64]
    dtype: np.dtype[Any] = field(default=np.dtype(np.uint8))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (m, …)."""
        return (len(self.rows), *self.values.shape[1:])

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> NDArray[np.uint8]:
        chosen: NDArray[np.uint8] = self.values[self.rows[i]]
        return chosen

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


def load(paths: Sequence[Path], boxes: Sequence[Box | None] | None = None, *, whole: bool = False) -> Loaded:
    """Read the files `paths`, each cut to a square around the face and scaled to 64×64.

    `boxes` are the set's own (left, top, right, bottom) in pixels; where there is none a detector looks for the face,
    and where it finds none the central square is taken and `Loaded.how` says so. With `whole` images are faces
    already: the central square is the image. No file is refused here: `failed` names those that could not be read.
    """
    boxes = [None] * len(paths) if boxes is None else boxes
    file = _kept(paths, boxes, whole)
    if file is not None and len(paths):
        found = _image_cache.read(file) or _image_cache.write(
            file, len(paths), lambda start: _watched(_cuts(paths[start:], boxes[start:], whole), len(paths) - start)
        )
        if found is not None:
            return Loaded(images=found.images, failed=found.failed, **found.known)
    return _decode_all(paths, boxes, whole)


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read images to predict for, an image or a folder of images, cut as `load` does without boxes.

    Returns the images (n, 3, 64, 64) uint8 and their names by column; in a folder all images below it are read, and
    what is no image, or cannot be read, is listed in `skipped`. UserError names a file that is none.
    """
    return _new_rows(file, blocks, whole=False)


def read_faces(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read images to predict for as `read_inputs` does, for sets whose images are faces already."""
    return _new_rows(file, blocks, whole=True)


def _new_rows(file: Path, blocks: tuple[str, ...], *, whole: bool) -> NewRows:
    if blocks != (IMAGES,):
        raise UserError(f"{file}: images serve as the block {IMAGES!r}, and the run's method takes {', '.join(blocks)}")
    skipped: dict[str, list[str]] = {}
    if file.is_dir():
        found = image_files.find(file)
        paths, skipped = found.images, found.skipped
        if not paths:
            why = "; ".join(left_out.sentences(skipped))
            raise UserError(
                f"{file} holds no image: expected files {', '.join(image_files.SUFFIXES)}"
                + (f" ({why})" if why else "")
            )
    elif file.exists():
        paths = [file]
    else:
        raise UserError(f"{file} does not exist: expected an image, or a folder of images")
    loaded = _decode_all(paths, [None] * len(paths), whole)
    names = [path.relative_to(file).as_posix() if file.is_dir() else path.name for path in paths]
    if not len(loaded.kept):
        row, why = next(iter(loaded.failed.items()))
        more = f" (and {len(paths) - 1} more that cannot be read)" if len(paths) > 1 else ""
        raise UserError(f"{paths[row]}: expected an image, found {why}{more}")
    for row, why in loaded.failed.items():
        skipped.setdefault("images that cannot be read", []).append(f"{names[row]}: {why}")
    image = np.array([names[row] for row in loaded.kept.tolist()], np.str_)
    return NewRows(
        {IMAGES: Block(loaded.images)},
        {"image": image, "face": loaded.how},
        skipped=(*left_out.sentences(skipped), *loaded.notes()),
    )


# ----------------------------------------------------------------------------------------------------- decoding


def _decode_all(paths: Sequence[Path], boxes: Sequence[Box | None], whole: bool) -> Loaded:
    """Decode all files into memory; what cannot be read leaves the end of the images empty."""
    images = np.empty((len(paths), 3, SIZE, SIZE), np.uint8)
    cuts = _watched(_cuts(paths, boxes, whole), len(paths))
    known, failed = _image_cache.collected(cuts, 0, images.__setitem__)
    return Loaded(images=images[: len(known["kept"])], failed=failed, **known)


def _cuts(paths: Sequence[Path], boxes: Sequence[Box | None], whole: bool) -> Iterator[Cut | str]:
    # Pillow and OpenCV let go of Python's lock while they decode, scale and search
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), CHUNK):
            rows = range(start, min(start + CHUNK, len(paths)))
            yield from pool.map(lambda row: decode(paths[row], boxes[row], whole), rows)


def _watched(rows: Any, total: int) -> Any:
    """Show a bar while `rows` are gone through, where a person looks on."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        rows,
        "decoding images",
        total,
        console=console,
        transient=True,
        disable=total < 200 or not console.is_terminal,
    )


def decode(path: Path, box: Box | None = None, whole: bool = False) -> Cut | str:
    """Read one image; return why where it cannot be read: missing, truncated, of an unknown kind."""
    content = image_files.read(path)
    if isinstance(content, str):
        return content
    # a box was measured in the pixels as they are stored
    pixels = image_files.decode(content, upright=box is None)
    return pixels if isinstance(pixels, str) else _cut(pixels, box, whole, hashlib.sha256(content).hexdigest())


def _cut(pixels: image_files.Pixels, box: Box | None, whole: bool, content: str) -> Cut | str:
    import imagehash
    from PIL import Image

    rgb = pixels.rgb
    how = WHOLE
    if box is not None:
        if box[2] <= box[0] or box[3] <= box[1] or min(box[2:]) <= 0 or box[0] >= rgb.width or box[1] >= rgb.height:
            text = ", ".join(f"{edge:g}" for edge in box)
            return f"a face box ({text}) that is not in the image ({rgb.width}×{rgb.height})"
        how = BOX
    elif not whole:
        box = _detector.find(np.asarray(rgb.convert("L")))
        how = DETECTED if box else CENTRE
    left, top, side = square(box or (0, 0, rgb.width, rgb.height), rgb.width, rgb.height)
    within = (left, top, min(left + side, rgb.width), min(top + side, rgb.height))
    face = rgb.resize((SIZE, SIZE), Image.Resampling.BICUBIC, within, reducing_gap=3)
    small = rgb.convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)
    return Cut(
        image=np.ascontiguousarray(np.asarray(face).transpose(2, 0, 1)),
        how=how,
        grey=pixels.grey,
        transparent=pixels.transparent,
        range=pixels.range,
        content=content,
        perceptual=int.from_bytes(np.packbits(imagehash.phash(small).hash).tobytes(), "big"),
    )


def square(box: Box, width: int, height: int) -> tuple[float, float, float]:
    """Return left, top and side of the square about `box` that lies in an image of `width` × `height`.

    Its side is the box's longer one, or the image's shorter one where that is less; it is moved inside.
    """
    left, top, right, bottom = box
    side = min(max(right - left, bottom - top), width, height)
    left, top = (left + right - side) / 2, (top + bottom - side) / 2
    return min(max(left, 0.0), width - side), min(max(top, 0.0), height - side), side


# -------------------------------------------------------------------------------------------------- what is kept


def _kept(paths: Sequence[Path], boxes: Sequence[Box | None], whole: bool) -> Path | None:
    """Return the file in the cache for these images, there or not; None where there can be no cache.

    It is named by what the files are (place, size, time of change) and how they are cut: to read them all in order to
    hash them would take as long as to decode many of them. The images are beside it, in a file that ends in .npy.
    """
    key = hashlib.sha256(f"{VERSION} {SIZE} {whole}".encode())
    for path, box in zip(paths, boxes, strict=True):
        try:
            found = path.stat()
            state = f"{found.st_size} {found.st_mtime_ns}"
        except (OSError, ValueError):
            state = "missing"
        key.update(f"{path.absolute()}\0{state} {box}\n".encode("utf-8", "surrogatepass"))
    try:
        folder = cache.folder() / "images"
        folder.mkdir(exist_ok=True)
    except OSError:  # a cache that cannot be written costs the decoding, nothing else
        return None
    return folder / f"{key.hexdigest()[:32]}.npz"
