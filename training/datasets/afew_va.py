"""AFEW-VA: frames of film clips with valence and arousal in whole steps of a tenth (Kossaifi et al. 2017).

``NNN/NNN.json``, at any depth below the folder, holds ``frames``: frame → valence and arousal, −10 … 10, and where
published 68 landmarks, in the pixels of ``NNN/<frame>.png``. The set has no emotions. Where each clip names its
``actor``, persons are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect.circumplex import STEPS
from training import image_files, json_files, left_out
from training.contract import UserError
from training.data import Reader
from training.datasets import _faces, _frames, _images, _scales

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Settings
    from training.data import Dataset, NewRows

READER = Reader(
    title="AFEW-VA: frames of film clips, valence and arousal in tenths",
    data="faces",
    blocks=("images", "va"),
    sequences=True,
)

FRAMES_PER_SECOND = 25
"""Of films on European discs; the set itself does not say."""

_AROUND = 1.4
"""How much larger than the landmarks the face is: they end at the brows."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the folder `root`: blocks ``images`` and ``va`` (labels divided by 10).

    A sample is a frame; a group is an actor where all clips name theirs, else a clip. Clips whose images are not
    there are skipped and counted (the set comes in parts of 50 clips); UserError where that is all of them, and for a
    label file that is damaged, has no frames, or has labels out of range.
    """
    rows = read_rows(root)
    folders = {path.parent for path in rows.path}
    without = {folder for folder in folders if not any(map(image_files.is_image, folder.iterdir()))}
    if without == folders:
        raise UserError(
            f"{root}: found the labels of {len(folders):,} clips ({len(rows):,} frames) and no image; expected such "
            f"as {rows.path[0]}. Its authors hand the images out (AFEW-VA database, ibug.doc.ic.ac.uk): unpack them "
            "over the labels"
        )
    if without:
        rows.skipped["clips without an image"] = sorted(folder.name for folder in without)
        rows = rows.take(np.flatnonzero([path.parent not in without for path in rows.path]))
    return _faces.dataset("afew_va", rows, skips=False, summary={"clips": len(folders) - len(without)})


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read images to predict for; a folder of frames is a recording: see `_frames.read_frames`."""
    return _frames.read_frames(file, blocks, settings, FRAMES_PER_SECOND, whole=False)


def read_rows(root: Path | None) -> _faces.Rows:
    """Read all label files of the folder `root`, with or without images."""
    if root is None:
        raise UserError("the data set afew_va reads a folder: give it with --root FOLDER")
    if not root.is_dir():
        raise UserError(f"{root} is no folder: expected one with NNN/NNN.json in it")
    skipped: dict[str, list[str]] = {}
    files: dict[str, Path] = {}
    for path in image_files.walk(root, skipped):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() == ".json" and path.stem == path.parent.name:
            if path.stem in files:
                raise UserError(f"{path}: expected each clip once, found {path.stem!r} as in {files[path.stem]}")
            files[path.stem] = path
        elif not image_files.is_image(path):
            skipped.setdefault("files that are neither labels nor images", []).append(name)
    if not files:
        why = "; ".join(left_out.sentences(skipped))
        raise UserError(
            f"{root} holds no label file: expected such as {root / '001' / '001.json'}" + (f" ({why})" if why else "")
        )
    clips = [(file, _content(file)) for _, file in sorted(files.items())]
    frames = [
        (file, frame, label, f"{file}, frame {frame}")
        for file, content in clips
        for frame, label in sorted(content["frames"].items())
    ]
    where = [at for _, _, _, at in frames]
    va = np.array([[_number(label, axis, at) for axis in _images.VA] for _, _, label, at in frames])
    _faces.check_range(va, where, -STEPS, STEPS)
    actor = {file.stem: str(content.get("actor") or "").strip() for file, content in clips}
    return _faces.Rows(
        path=[_image(file.parent, frame) for file, frame, _, _ in frames],
        sample=[f"{file.stem}/{frame}" for file, frame, _, _ in frames],
        where=where,
        va=va / STEPS,
        person=[actor[file.stem] for file, _, _, _ in frames] if all(actor.values()) else None,
        clip=[file.stem for file, _, _, _ in frames],
        time=np.array([int(frame) / FRAMES_PER_SECOND for _, frame, _, _ in frames]),
        box=[_box(label.get("landmarks"), at) for _, _, label, at in frames],
        # files of the system beside images are counted with those images
        skipped={why: names for why, names in skipped.items() if why != image_files.SYSTEM},
        notes=_scales.steps(va),
    )


def _content(file: Path) -> dict[str, Any]:
    """Return what a label file says, with one frame at least, all of them numbered."""
    content: dict[str, Any] = json_files.read(file)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, dict) or not frames:
        found = "none" if frames in (None, {}) else f"a {type(frames).__name__}"
        raise UserError(f'{file}: expected "frames": {{"00000": {{"valence": …, "arousal": …}}, …}}, found {found}')
    for frame, label in frames.items():
        if not (frame.isascii() and frame.isdigit() and len(frame) < 10) or not isinstance(label, dict):
            raise UserError(f"{file}, frame {frame[:60]!r}: expected a number of digits, and valence and arousal in it")
    return content


def _image(folder: Path, frame: str) -> Path:
    """Return the image of a frame, .png where none of another ending is there."""
    file = folder / f"{frame}.png"
    if image_files.exists(file):
        return file
    others = (folder / f"{frame}{suffix}" for suffix in image_files.SUFFIXES)
    return next((other for other in others if image_files.exists(other)), file)


def _number(label: dict[str, Any], axis: str, where: str) -> float:
    value = label.get(axis)
    # Python reads NaN and Infinity as JSON, and of them there is no whole number
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        has = f"{value!r}" if axis in label else f"only {', '.join(label) or 'nothing'}"
        raise UserError(f"{where}: expected {axis} as a whole number −{STEPS} … {STEPS}, found {has}")
    return float(value)


def _box(landmarks: Any, where: str) -> _images.Box | None:
    """Return the box of the face from its landmarks, or None where the set gives none."""
    if not landmarks:
        return None
    try:
        points = np.asarray(landmarks, dtype=np.float64) if isinstance(landmarks, list) else np.empty(0)
    except ValueError:  # texts among them, or points of unequal length
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise UserError(f"{where}: expected landmarks as pairs of pixels, found {str(landmarks)[:60]}")
    low, high = points.min(axis=0), points.max(axis=0)
    half = _AROUND * (high - low) / 2
    centre = (low + high) / 2
    left, top, right, bottom = (float(edge) for edge in (*(centre - half), *(centre + half)))
    return left, top, right, bottom
