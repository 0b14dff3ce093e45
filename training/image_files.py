"""Image files: which names are images, which files a folder holds, and one file decoded to upright RGB.

Whatever Pillow reads of `SUFFIXES` is taken. Grey images and those with a palette become RGB, transparent ones are laid
on white, and an image whose values are not 0 … 255 is read by the range of its values, which `Pixels.range` says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpx", ".tga"),
)
"""Endings of names of images, in lower case. Pillow may have been built without some of them."""

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v")

SYSTEM = "files of macOS or Windows"
OTHER = "files that are no image"
UNREADABLE_FOLDER = "folders that cannot be opened"
_SYSTEM_NAMES = {"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "icon\r"}

GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
BYTES, TWELVE_BITS, WORDS = 255, 4095, 65535


def is_image(path: PurePath) -> bool:
    """Return whether the name of `path` is that of an image."""
    return path.suffix.lower() in SUFFIXES and not is_system(path)


def is_system(path: PurePath) -> bool:
    """Return whether an operating system makes files of such a name: ``._a.jpg``, ``.DS_Store``, ``Thumbs.db``."""
    return path.name.startswith(".") or path.name.lower() in _SYSTEM_NAMES


def exists(path: Path) -> bool:
    """Return whether `path` is a file; False also for a name that no file can have (too long, a null byte)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


# -------------------------------------------------------------------------------------------- what a folder holds


@dataclass(frozen=True)
class Found:
    """The files below a folder.

    images : those whose name is an image's, sorted.  skipped : reason → names of the others, relative to the folder.
    """

    images: list[Path]
    skipped: dict[str, list[str]] = field(default_factory=dict)


def find(folder: Path) -> Found:
    """Return the images in `folder` and in all folders below it, and the names of all other files."""
    found = Found([])
    for path in walk(folder, found.skipped):
        if is_image(path):
            found.images.append(path)
        else:
            found.skipped.setdefault(OTHER, []).append(path.relative_to(folder).as_posix())
    return found


def walk(folder: Path, skipped: dict[str, list[str]]) -> Iterator[Path]:
    """Yield the files in `folder` and below it, sorted by path; linked folders count as folders.

    Files of the operating system and folders that cannot be opened are left out, and their names noted in `skipped`.
    """
    seen: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        name = Path(error.filename)
        within = name.relative_to(folder).as_posix() if name.is_relative_to(folder) else str(name)
        skipped.setdefault(UNREADABLE_FOLDER, []).append(within)

    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        here = Path(place)
        state = here.stat()
        if (state.st_dev, state.st_ino) in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        for name in (*folders, *names):
            if is_system(here / name):
                skipped.setdefault(SYSTEM, []).append((here / name).relative_to(folder).as_posix())
        folders[:] = [name for name in folders if not is_system(here / name)]
        files += [here / name for name in names if not is_system(here / name)]
    for names in skipped.values():
        names.sort()
    yield from sorted(files)


# ------------------------------------------------------------------------------------------------- one file


@dataclass(frozen=True)
class Pixels:
    """One decoded image.

    rgb : the image, in RGB.  grey, transparent : what its file is like.
    range : how values that are not 0 … 255 were read, such as "0 … 1"; "" for ordinary ones.
    """

    rgb: Image.Image
    grey: bool
    transparent: bool
    range: str = ""

    def array(self) -> NDArray[np.uint8]:
        """Return the image (height, width, 3)."""
        import numpy as np

        return np.array(self.rgb)


def read(path: Path) -> bytes | str:
    """Return the content of a file; a text that says why where it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            return "a folder" if path.is_dir() else "no regular file"  # a pipe would be waited for without end
        return path.read_bytes()
    except FileNotFoundError:
        return "no file of that name"
    except ValueError:
        return "a name that no file can have"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def decode(content: bytes, *, upright: bool = True) -> Pixels | str:
    """Return the image in the bytes of a file; a text that says why where there is none that can be read.

    With `upright` it is turned as its camera noted.
    """
    import io

    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return _pixels(ImageOps.exif_transpose(image) if upright else image)
    except UnidentifiedImageError:
        return f"{len(content):,} bytes that are no image"
    except MemoryError:
        return "an image that does not fit into memory"
    except Image.DecompressionBombError as error:
        return f"an image that is too large ({error})"
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return f"a damaged image ({error})"


def _pixels(image: Image.Image) -> Pixels | str:
    from PIL import Image

    grey, transparent = image.mode in GREY, image.has_transparency_data
    if image.mode == "F" or image.mode.startswith("I"):
        scaled = _bytes(image)
        if isinstance(scaled, str):
            return scaled
        values, span = scaled
        return Pixels(Image.fromarray(values).convert("RGB"), grey, transparent, span)
    if transparent:
        over = image.convert("RGBA")
        rgb = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
        return Pixels(rgb, grey, transparent)
    return Pixels(image.convert("RGB"), grey, transparent)


def _bytes(image: Image.Image) -> tuple[NDArray[np.uint8], str] | str:
    """Return the values of an image of numbers as bytes, and the range by which they were read.

    Pillow's own conversion cuts such values at 255, so that an image of 0 … 1 becomes black, one of 16 bits white.
    """
    import numpy as np

    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        return "an image with values that are not finite"
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > WORDS:
        return f"an image with values {low:g} … {high:g}, where 0 … 1, 0 … {BYTES} or 0 … {WORDS} are expected"
    if image.mode == "F" and high <= 1:
        top = 1
    elif high <= BYTES:
        top = BYTES
    elif high <= TWELVE_BITS:
        top = TWELVE_BITS
    else:
        top = WORDS
    # whole numbers of 16 bits are what such a file is expected to hold
    usual = top == WORDS and image.mode != "F"
    return (values * (BYTES / top)).round().astype(np.uint8), "" if usual else f"0 … {top}"
