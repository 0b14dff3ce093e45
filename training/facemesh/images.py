"""Images of faces as they lie on disk: CK+'s official tree, any folder of images, one image, or a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import UserError
from training.datasets.ckplus import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v")

LAST = 0.2
"""The share of a CK+ sequence, from its end, in which the emotion shows: the source's choice."""

_CKPLUS = re.compile(r"(?P<person>S\d+)_(?P<take>\d+)_(?P<frame>\d+)", re.ASCII)


@dataclass(frozen=True)
class ImageFile:
    """One image and what is known of it; empty texts where nothing is.

    `name` is unique among those found together, `frame` its number in the sequence.
    """

    file: Path
    name: str
    person: str
    sequence: str
    frame: int
    label: str


def is_image(path: Path) -> bool:
    """Return whether the name of `path` is that of an image."""
    return path.suffix.lower() in IMAGES


def is_video(path: Path) -> bool:
    """Return whether the name of `path` is that of a video."""
    return path.suffix.lower() in VIDEOS


def is_tree(path: Path) -> bool:
    """Return whether `path` is CK+'s official tree."""
    return (path / "cohn-kanade-images").is_dir()


def find(root: Path, last: float = LAST) -> tuple[list[ImageFile], list[str]]:
    """Return the images below `root`, in order, and sentences on what was left out.

    CK+'s official tree gives the `last` share of each sequence that has an emotion. In any other folder a name as CK+
    writes them (S010_004_00000017.png) tells person, sequence and frame, and a folder that bears an emotion's name
    labels what is in it. Raises UserError where there is no image.
    """
    if not root.exists():
        raise UserError(f"there is no file or folder {root}")
    if root.is_file():
        if not is_image(root):
            raise UserError(
                f"{root}: expected a folder of images, an image ({' '.join(IMAGES)}) or a video ({' '.join(VIDEOS)})"
            )
        return [_image(root, root.parent, 0)], []
    if is_tree(root):
        return _tree(root, last)
    files = _images(root.rglob("*"))
    if not files:
        raise UserError(f"{root}: expected images ({' '.join(IMAGES)}) in it or in its folders, found none")
    places: dict[Path, int] = {}
    found = []
    for file in files:
        places[file.parent] = places.get(file.parent, -1) + 1
        found.append(_image(file, root, places[file.parent]))
    return found, []


def read(file: Path) -> Pixels | None:
    """Return the image (h, w, 3) as RGB, turned as its camera noted; None where it cannot be read."""
    import cv2
    import numpy as np

    try:
        content = np.fromfile(file, np.uint8)
        pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    except (OSError, cv2.error):  # such as a damaged header's size, which OpenCV refuses aloud
        return None
    return None if pixels is None else np.ascontiguousarray(pixels[:, :, ::-1], np.uint8)


class Film:
    """A video or a camera, opened: `rate` in frames a second, `length` in frames (0 where it is not known)."""

    def __init__(self, source: Path | int) -> None:
        import cv2

        if isinstance(source, Path) and not source.is_file():
            raise UserError(f"there is no file {source}")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what cannot be opened is said below, once
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


def _images(files: Iterator[Path]) -> list[Path]:
    return sorted(f for f in files if is_image(f) and not f.name.startswith(".") and f.is_file())


def _image(file: Path, root: Path, place: int) -> ImageFile:
    name = file.relative_to(root).as_posix()
    label = next((part.lower() for part in reversed(Path(name).parts[:-1]) if part.lower() in EMOTIONS), "")
    match = _CKPLUS.fullmatch(file.stem)
    if match:
        sequence = f"{match['person']}_{match['take']}"
        return ImageFile(file, name, match["person"], sequence, int(match["frame"]), label)
    folder = Path(name).parent.as_posix()
    return ImageFile(file, name, "", root.name if folder == "." else folder, place, label)


def _tree(root: Path, last: float) -> tuple[list[ImageFile], list[str]]:
    """Return the last frames of each sequence of CK+'s tree that has an emotion."""
    labels = next((root / name for name in ("Emotion", "Emotion_labels/Emotion") if (root / name).is_dir()), None)
    if labels is None:
        raise UserError(f"{root}: expected the folder Emotion beside cohn-kanade-images, with Sxxx/yyy/*_emotion.txt")
    found: list[ImageFile] = []
    without = 0
    for folder in sorted(p for p in (root / "cohn-kanade-images").glob("S*/*") if p.is_dir()):
        frames = _images(folder.glob("*"))
        label = _emotion(labels / folder.parent.name / folder.name)
        if not frames or not label:
            without += 1
            continue
        count = max(1, round(last * len(frames)))
        sequence = f"{folder.parent.name}_{folder.name}"
        for place, file in list(enumerate(frames, start=1))[-count:]:
            match = _CKPLUS.fullmatch(file.stem)
            frame = int(match["frame"]) if match else place
            found.append(ImageFile(file, file.name, folder.parent.name, sequence, frame, label))
    if not found:
        raise UserError(f"{root}: expected sequences that have an emotion, found none among {without}")
    return found, [f"{without} sequences have no emotion and are left out"] if without else []


def _emotion(folder: Path) -> str:
    """Return the emotion of a sequence by its folder of labels, empty where it has none."""
    files = sorted(folder.glob("[!.]*_emotion.txt"))
    if not files:
        return ""
    text = files[0].read_text("utf-8", errors="replace").strip()
    try:
        code = float(text)
    except ValueError:
        code = -1.0
    if code not in range(len(EMOTIONS) + 1):
        raise UserError(f"{files[0]}: expected the number of an emotion, 1 … {len(EMOTIONS)}, found {text[:60]!r}")
    # 0 is a neutral face, which CK+ has no labelled sequence of
    return EMOTIONS[int(code) - 1] if code else ""
