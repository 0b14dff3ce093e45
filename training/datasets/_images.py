"""Images of faces as readers share them: decoded once, cut to the face, 64×64 RGB, kept as one array.

Any image that Pillow reads is taken: grey ones and those with a palette become RGB, transparent ones are laid on
white. What was decoded is kept in the cache (see `training.cache`), so that a second study starts at once.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training import cache
from training.contract import IMAGES, Block, NewRows, UserError
from training.datasets import _detector

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from training.contract import Settings

    Box = tuple[float, float, float, float]

SIZE = 64
VA = ("valence", "arousal")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")

BOX, DETECTED, CENTRE, WHOLE = "the set's box", "detected", "no face found: the central square", "the whole image"
"""How an image was cut."""

VERSION = 1
"""Raised when the same file gives another image: what older versions kept is not read again."""


class Cut(NamedTuple):
    """One image: 64×64 RGB (3, 64, 64), how it was cut, what its file was like, and hashes of file and image."""

    image: NDArray[np.uint8]
    how: str
    grey: bool
    transparent: bool
    content: str
    perceptual: int


@dataclass(frozen=True)
class Loaded:
    """What `load` gives back of n files; m could be read.

    Parameters
    ----------
    images : (m, 3, 64, 64) uint8 RGB.
    kept : (m,) rows of those files that could be read.
    failed : row → why it could not.
    how : (m,) BOX, DETECTED, CENTRE or WHOLE.
    grey, transparent : (m,) what the files were like.
    perceptual : (m,) uint64 perceptual hash of the whole image.
    content : (m,) hash of each file's bytes.
    """

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    failed: dict[int, str]
    how: NDArray[np.str_]
    grey: NDArray[np.bool_]
    transparent: NDArray[np.bool_]
    perceptual: NDArray[np.uint64]
    content: NDArray[np.str_]


def load(paths: Sequence[Path], boxes: Sequence[Box | None] | None = None, *, whole: bool = False) -> Loaded:
    """Read the files `paths`, each cut to a square around the face and scaled to 64×64.

    `boxes` are the set's own (left, top, right, bottom) in pixels; where there is none a detector looks for the face,
    and where it finds none the central square is taken and `Loaded.how` says so. With `whole` images are faces
    already: the central square is the image. No file is refused here: `failed` names those that could not be read.
    """
    boxes = [None] * len(paths) if boxes is None else boxes
    kept = _kept(paths, boxes, whole)
    found = _read(kept) if kept is not None else None
    if found is None:
        found = _decode_all(paths, boxes, whole)
        if kept is not None:
            _write(kept, found)
    return found


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read images to predict for, an image or a folder of images, cut as `load` does without boxes.

    Returns the images (n, 3, 64, 64) uint8 and their names by column. UserError names a file that is none.
    """
    return _new_rows(file, blocks, whole=False)


def read_faces(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read images to predict for as `read_inputs` does, for sets whose images are faces already."""
    return _new_rows(file, blocks, whole=True)


def _new_rows(file: Path, blocks: tuple[str, ...], *, whole: bool) -> NewRows:
    if blocks != (IMAGES,):
        raise UserError(f"{file}: images serve as the block {IMAGES!r}, and the run's method takes {', '.join(blocks)}")
    if file.is_dir():
        paths = sorted(path for path in file.iterdir() if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise UserError(f"{file} holds no image: expected files {', '.join(SUFFIXES)}")
    elif file.exists():
        paths = [file]
    else:
        raise UserError(f"{file} does not exist: expected an image, or a folder of images")
    found = _decode_all(paths, [None] * len(paths), whole)
    for row, why in found.failed.items():
        raise UserError(f"{paths[row]}: expected an image, found {why}")
    names = {"image": np.array([path.name for path in paths], np.str_), "face": found.how}
    return NewRows({IMAGES: Block(found.images)}, names)


# ----------------------------------------------------------------------------------------------------- decoding


def _decode_all(paths: Sequence[Path], boxes: Sequence[Box | None], whole: bool) -> Loaded:
    images = np.empty((len(paths), 3, SIZE, SIZE), np.uint8)
    cuts: list[Cut] = []
    kept: list[int] = []
    failed: dict[int, str] = {}

    def one(row: int) -> Cut | str:
        return decode(paths[row], boxes[row], whole)

    # Pillow and OpenCV let go of Python's lock while they decode, scale and search
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row, cut in enumerate(_watched(pool.map(one, range(len(paths))), len(paths))):
            if isinstance(cut, str):
                failed[row] = cut
            else:
                images[len(kept)] = cut.image
                kept.append(row)
                cuts.append(cut._replace(image=images[len(kept) - 1]))
    return Loaded(
        images=images[: len(kept)],
        kept=np.array(kept, np.int64),
        failed=failed,
        how=np.array([cut.how for cut in cuts], np.str_),
        grey=np.array([cut.grey for cut in cuts], np.bool_),
        transparent=np.array([cut.transparent for cut in cuts], np.bool_),
        perceptual=np.array([cut.perceptual for cut in cuts], np.uint64),
        content=np.array([cut.content for cut in cuts], np.str_),
    )


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
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        content = path.read_bytes()
    except OSError as error:
        return (
            "no file of that name" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
        )
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            # a box was measured in the pixels as they are stored
            return _cut(image if box else _upright(image), box, whole, hashlib.sha256(content).hexdigest())
    except UnidentifiedImageError:
        return f"{len(content):,} bytes that are no image"
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        return f"a damaged image ({error})"


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _cut(image: Image.Image, box: Box | None, whole: bool, content: str) -> Cut | str:
    import imagehash
    from PIL import Image

    rgb = _rgb(image)
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
        grey=image.mode in ("1", "L", "LA", "I", "I;16", "F"),
        transparent=image.has_transparency_data,
        content=content,
        perceptual=int.from_bytes(np.packbits(imagehash.phash(small).hash).tobytes(), "big"),
    )


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey: plain conversion would clip them
        return Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.has_transparency_data:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return image.convert("RGB")


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
    hash them would take as long as to decode many of them.
    """
    key = hashlib.sha256(f"{VERSION} {SIZE} {whole}".encode())
    for path, box in zip(paths, boxes, strict=True):
        try:
            found = path.stat()
            state = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            state = "missing"
        key.update(f"{path.absolute()}\0{state} {box}\n".encode())
    try:
        folder = cache.folder() / "images"
        folder.mkdir(exist_ok=True)
    except OSError:  # a cache that cannot be written costs the decoding, nothing else
        return None
    return folder / f"{key.hexdigest()[:32]}.npz"


_ARRAYS = ("images", "kept", "how", "grey", "transparent", "perceptual", "content")


def _read(file: Path) -> Loaded | None:
    import zipfile

    try:
        with np.load(file) as arrays:
            failed = dict(zip(arrays["failed_row"].tolist(), arrays["failed_why"].tolist(), strict=True))
            return Loaded(failed=failed, **{name: arrays[name] for name in _ARRAYS})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # missing or damaged: it is made again
        return None


def _write(file: Path, found: Loaded) -> None:
    arrays = {name: getattr(found, name) for name in _ARRAYS}
    arrays["failed_row"] = np.array([*found.failed], np.int64)
    arrays["failed_why"] = np.array([*found.failed.values()], np.str_)
    try:
        handle, made = tempfile.mkstemp(dir=file.parent, suffix=".making")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, **arrays)
            os.replace(made, file)
        except OSError:
            os.unlink(made)
    except OSError:
        pass  # as in _kept: it is made again next time
