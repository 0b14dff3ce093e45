"""Frames of new recordings as readers share them: images whose folder is their recording, and whose name their time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from training.contract import UserError
from training.datasets import _images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import NewRows


def read_frames(file: Path, blocks: tuple[str, ...], settings: Settings, rate: float, *, whole: bool) -> NewRows:
    """Read frames to predict for, as `_images` reads an image or a folder of images.

    Images in one folder are one recording. Where all their names are numbers, as in 0000001.png, they are frame numbers
    at `rate` frames a second, and a missing one is a frame without a face; else images follow each other in the order
    of their names. `whole` : images are faces already. UserError also for two images of one frame.
    """
    new = _images.read_faces(file, blocks, settings) if whole else _images.read_inputs(file, blocks, settings)
    image = [PurePosixPath(name) for name in new.names["image"].tolist()]
    of = file.name if file.is_dir() else file.stem
    recording = np.array([of if len(path.parts) == 1 else f"{of}/{path.parent}" for path in image], np.str_)
    time = np.empty(len(image))
    for one in np.unique(recording):
        rows = np.flatnonzero(recording == one)
        time[rows] = _times([image[row].stem for row in rows], str(one), rate)
    names = {"recording": recording, "time": time.astype(np.str_), **new.names}
    return replace(new, names=names, sequence=recording, time=time)


def _times(stems: list[str], recording: str, rate: float) -> NDArray[np.float64]:
    """Return the seconds (n,) of a recording's images, 0 for its first, from their names without ending."""
    if all(stem.isdecimal() for stem in stems):
        frame = np.array([int(stem) for stem in stems])
        number, count = Counter(frame.tolist()).most_common(1)[0]
        if count > 1:
            raise UserError(f"{recording}: expected one image of each frame, found {count} of frame {number}")
    else:
        frame = np.argsort(np.argsort(np.array(stems)))
    seconds: NDArray[np.float64] = np.round((frame - frame.min()) / rate, 6)
    return seconds
