"""Images of faces as they lie on disk: CK+'s trees, any folder of images, one image, or a video."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from training import image_files, left_out
from training.contract import UserError
from training.datasets.ckplus import EMOTIONS
from training.image_files import SUFFIXES, VIDEOS, is_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LAST = 0.2
"""The share of a CK+ sequence, from its end, in which the emotion shows: the source's choice."""

FRAMES_PER_SECOND = 30.0
"""Of CK+'s recordings (Lucey et al. 2010)."""

_CKPLUS = re.compile(r"(?P<person>S\d+)_(?P<take>\d+)_(?P<frame>\d+)", re.ASCII)
_LABEL = re.compile(r"(?P<person>S\d+)_(?P<take>\d+)_\d+_emotion\.txt", re.ASCII)
_LABELS = ("Emotion", "Emotion_labels")
"""Folders of CK+'s labels, as its zip file unpacks."""


@dataclass(frozen=True)
class ImageFile:
    """One image and what is known of it; empty texts where nothing is.

    `name` is unique among those found together, `frame` its number in the sequence, `time` seconds in it or None.
    """

    file: Path
    name: str
    person: str
    sequence: str
    frame: int
    label: str
    time: float | None = None


@dataclass(frozen=True)
class Found:
    """The images that were found, in order. skipped : reason (a plural) → names of what was left out.

    unlabelled : why none of them has a label although they are CK+'s; empty where they are not, or have one.
    """

    images: list[ImageFile]
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unlabelled: str = ""


def is_video(path: Path) -> bool:
    """Return whether the name of `path` is that of a video."""
    return path.suffix.lower() in VIDEOS


def find(root: Path, last: float | None = LAST) -> Found:
    """Return the images below `root`, in order, and what was left out.

    Where CK+'s labels (``S005_001_00000011_emotion.txt``) lie below `root`, or in a folder Emotion beside it, they give
    the `last` share of each sequence that has an emotion, however the set's zip files were unpacked; with `last` None
    all images are wanted, and labels are not looked for. In any other folder a name as CK+ writes them
    (S010_004_00000017.png) tells person, sequence and frame, and a folder that bears an emotion's name labels what is
    in it. Raises UserError where there is no image.
    """
    if not root.exists():
        raise UserError(f"there is no file or folder {root}")
    if root.is_file():
        if not is_image(root):
            raise UserError(
                f"{root}: expected a folder of images, an image ({' '.join(SUFFIXES)}) or a video ({' '.join(VIDEOS)})"
            )
        return Found([_image(root, root.parent, 0)])
    below = image_files.find(root)
    if not below.images:
        why = "; ".join(left_out.sentences(below.skipped))
        raise UserError(
            f"{root}: expected images ({' '.join(SUFFIXES)}) in it or in its folders, found none"
            + (f" ({why})" if why else "")
        )
    of_ckplus = sum(bool(_CKPLUS.fullmatch(file.stem)) for file in below.images)
    labels, notes = _labels(root, below.skipped) if of_ckplus and last is not None else ({}, [])
    if labels and last is not None:
        return _sequences(root, below, labels, last, notes)
    places: dict[Path, int] = {}
    images = []
    for file in below.images:
        places[file.parent] = places.get(file.parent, -1) + 1
        images.append(_image(file, root, places[file.parent]))
    unlabelled = ""
    if 2 * of_ckplus > len(images) and not any(one.label for one in images):
        unlabelled = (
            f"{root}: {of_ckplus:,} images are named as those of CK+ and have no label; expected its files "
            "Emotion/Sxxx/yyy/Sxxx_yyy_nnnnnnnn_emotion.txt below the same folder or in a folder beside it "
            "(Emotion_labels.zip), or folders that bear an emotion's name"
        )
    return Found(images, below.skipped, unlabelled=unlabelled)


def read(file: Path) -> Pixels | str:
    """Return the image (h, w, 3) as RGB, turned as its camera noted; why, where it cannot be read."""
    content = image_files.read(file)
    if isinstance(content, str):
        return content
    pixels = image_files.decode(content)
    return pixels if isinstance(pixels, str) else pixels.array()


class Film:
    """A video or a camera, opened: `rate` in frames a second, `length` in frames (0 where it is not known)."""

    def __init__(self, source: Path | int) -> None:
        import cv2

        if isinstance(source, Path) and not source.is_file():
            raise UserError(f"there is no file {source}")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the error below says it once
        self._capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
        if not self._capture.isOpened():
            what = f"camera {source}" if isinstance(source, int) else f"{source} as a video"
            raise UserError(f"cannot open {what}")
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or 30.0
        self.length = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[Pixels]:
        """Yield each frame (h, w, 3) as RGB, until the end; then the video is closed."""
        import numpy as np

        try:
            while True:
                there, pixels = self._capture.read()
                if not there:
                    return
                yield np.ascontiguousarray(pixels[:, :, ::-1], np.uint8)
        finally:
            self._capture.release()


def _image(file: Path, root: Path, place: int) -> ImageFile:
    name = file.relative_to(root).as_posix()
    label = next((part.lower() for part in reversed(Path(name).parts[:-1]) if part.lower() in EMOTIONS), "")
    match = _CKPLUS.fullmatch(file.stem)
    if match:
        frame = int(match["frame"])
        sequence = f"{match['person']}_{match['take']}"
        return ImageFile(file, name, match["person"], sequence, frame, label, frame / FRAMES_PER_SECOND)
    folder = Path(name).parent.as_posix()
    return ImageFile(file, name, "", root.name if folder == "." else folder, place, label)


def _labels(root: Path, skipped: dict[str, list[str]]) -> tuple[dict[str, Path], list[str]]:
    """Return sequence → label file of CK+ below `root` or beside it, and what to say of their place.

    What is read is taken out of `skipped`.
    """
    others = skipped.get(image_files.OTHER, [])
    files = [root / name for name in others]
    notes = []
    if not any(_LABEL.fullmatch(file.name) for file in files):
        for folder in (root.absolute().parent / name for name in _LABELS):
            if folder.is_dir():
                files += image_files.walk(folder, skipped)
                notes.append(f"the labels are those of {folder}, beside {root}")
    labels: dict[str, Path] = {}
    for file in sorted(files):
        match = _LABEL.fullmatch(file.name)
        if not match:
            continue
        sequence = f"{match['person']}_{match['take']}"
        if sequence in labels and _emotion(labels[sequence]) != _emotion(file):
            raise UserError(f"{file}: expected one emotion of sequence {sequence}, found another in {labels[sequence]}")
        labels.setdefault(sequence, file)
    # CK+'s further texts (FACS codes, landmarks) are no images either, and are known
    known = [name for name in others if Path(name).suffix == ".txt" and re.match(r"S\d+_\d+_\d+", Path(name).name)]
    if labels and known:
        rest = [name for name in others if name not in {*known}]
        skipped.pop(image_files.OTHER)
        if rest:
            skipped[image_files.OTHER] = rest
    return labels, notes


def _sequences(root: Path, below: image_files.Found, labels: dict[str, Path], last: float, notes: list[str]) -> Found:
    """Return the last frames of each sequence of CK+ that has an emotion."""
    frames: dict[str, dict[int, Path]] = {}
    skipped = below.skipped
    for file in below.images:
        match = _CKPLUS.fullmatch(file.stem)
        if not match:
            skipped.setdefault("images that are not named as CK+ names them", []).append(file.name)
            continue
        of = frames.setdefault(f"{match['person']}_{match['take']}", {})
        if of.setdefault(int(match["frame"]), file) != file:
            skipped.setdefault("further copies of a frame", []).append(file.relative_to(root).as_posix())
    images: list[ImageFile] = []
    without: list[str] = []
    for sequence, of in sorted(frames.items()):
        label = _emotion(labels[sequence]) if sequence in labels else ""
        if not label:
            without.append(sequence)
            continue
        for frame, file in sorted(of.items())[-max(1, round(last * len(of))) :]:
            person = sequence.partition("_")[0]
            images.append(ImageFile(file, file.name, person, sequence, frame, label, frame / FRAMES_PER_SECOND))
    if not images:
        raise UserError(f"{root}: expected sequences that have an emotion, found none among {len(without)}")
    if without:
        skipped["sequences that have no emotion"] = without
    if missing := sorted({*labels} - {*frames}):
        skipped["labels of sequences that have no image"] = missing
    return Found(images, skipped, notes)


def _emotion(file: Path) -> str:
    """Return the emotion in a label file of CK+, empty where it is neutral."""
    try:
        text = file.read_text("utf-8", errors="replace").strip()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    try:
        code = float(text)
    except ValueError:
        code = -1.0
    if code not in range(len(EMOTIONS) + 1):
        raise UserError(f"{file}: expected the number of an emotion, 1 … {len(EMOTIONS)}, found {text[:60]!r}")
    # 0 is a neutral face, which CK+ has no labelled sequence of
    return EMOTIONS[int(code) - 1] if code else ""
