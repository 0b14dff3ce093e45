"""What a run that takes images of faces predicts for a video: its faces, found as ``prepare frames`` finds them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.record import Artifact
from training import registry, views
from training.contract import IMAGES, UserError
from training.data import Block
from training.datasets import _images
from training.video import drawing, faces, reading
from training.video.writing import VideoFile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.console import Console

    from training.contract import Model
    from training.tracking.store import RunInfo, Store
    from training.video.faces import Seen

RATE = 10.0
"""Frames a second for a run whose data has no time, such as photographs."""
ONLY = "face"
"""The name of the only face of a video."""


@dataclass(frozen=True)
class Predicted:
    """What was predicted for the faces of a video.

    Parameters
    ----------
    seen : the video and its faces.
    frame : (n,) number of the frame, from 1.  face : (n,) place in `seen.faces`; rows go face by face, in time order.
    values : (n, t), as the model predicts them.
    """

    seen: Seen
    frame: NDArray[np.int64]
    face: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def time(self) -> NDArray[np.float64]:
        """Return the seconds (n,) of the rows."""
        seconds: NDArray[np.float64] = (self.frame - 1) / self.seen.rate
        return seconds

    def columns(self) -> tuple[dict[str, Any], NDArray[np.int64]]:
        """Return recording, face, frame and time of each face in each frame, in the order of frames, and its row.

        A frame without a face stands there once: its face is "", and its row −1.
        """
        missing = np.setdiff1d(np.arange(1, len(self.seen.row) + 1), self.frame)
        frame = np.concatenate([self.frame, missing])
        face = np.concatenate([self.face, np.full(len(missing), -1)])
        row = np.concatenate([np.arange(len(self.frame)), np.full(len(missing), -1)])
        order = np.lexsort((face, frame))
        called = np.array([*(face.name or ONLY for face in self.seen.faces), ""], np.str_)
        columns = {
            "recording": np.full(len(order), self.seen.video.path.stem),
            "face": called[face[order]],
            "frame": frame[order],
            "time": np.round((frame[order] - 1) / self.seen.rate, 6),
        }
        return columns, row[order]

    def sentences(self) -> list[str]:
        """Return sentences on frames without a face, and on what was wrong with the video."""
        name, count = self.seen.video.path.name, len(self.seen.row)
        without = count - len(np.unique(self.frame))
        notes = [f"{name}: {note}" for note in self.seen.notes]
        if self.seen.short:
            notes.append(f"{name}: {len(self.seen.short)} findings of faces left out: too short to be one")
        return [*notes, f"{name}: {without:,} of {count:,} frames have no face"] if without else notes


def takes_video(info: RunInfo) -> bool:
    """Return whether a run's method takes images of faces and nothing else."""
    method = registry.method(info.tags["method"]).METHOD
    blocks: tuple[str, ...] = method.blocks(json.loads(info.tags["settings"]))
    return blocks == (IMAGES,)


def check(info: RunInfo) -> None:
    """Raise UserError where a run's method takes anything but images of faces."""
    if not takes_video(info):
        raise UserError(
            f"run {info.id[:8]} is of {info.tags['method']}, whose input is {info.tags['inputs']}; expected a run that "
            "takes images of faces, as those of frames/… and faces/… do"
        )


def rate_of(store: Store, info: RunInfo) -> float:
    """Return the frames a second that a run was trained on; `RATE` where its data has no time."""
    import pandas as pd

    folder = store.artifacts(info.id)
    try:
        summary = json.loads((folder / Artifact.DATA_SUMMARY).read_text("utf-8"))
        if (rate := float(summary["frames_per_second"])) > 0:
            return rate
    except (OSError, ValueError, KeyError, TypeError):
        pass  # its data does not say: the times of its samples do
    try:
        table = pd.read_parquet(folder / Artifact.PREDICTIONS, columns=["sequence", "time"])
    except (OSError, ValueError, KeyError):
        return RATE
    steps = table.dropna().sort_values(["sequence", "time"]).groupby("sequence")["time"].diff()
    step = float(steps[steps > 0].median())
    return round(1 / step, 3) if step > 0 else RATE


def predict(info: RunInfo, model: Model, path: Path, rate: float, console: Console) -> Predicted:
    """Find, follow and cut the faces of a video at `rate` frames a second, and predict for each.

    Raises UserError for a run that takes no images, and for what is no video.
    """
    from rich.progress import track

    check(info)
    method, settings = registry.method(info.tags["method"]).METHOD, json.loads(info.tags["settings"])
    with console.status(f"looking for faces in {path.name}") as status:
        seen = faces.look(path, rate, watch=lambda n: status.update(f"looking for faces in {path.name}, frame {n:,}"))
    numbers = [seen.frames_of(face) for face in seen.faces]
    frame = np.concatenate([*numbers, np.empty(0, np.int64)])
    face = np.repeat(np.arange(len(numbers)), [len(of) for of in numbers])
    if not len(frame):
        return Predicted(seen, frame, face, np.empty((0, len(json.loads(info.tags["targets"])))))
    side = _images.SIZE
    row = {key: i for i, key in enumerate(zip(face.tolist(), frame.tolist(), strict=True))}
    with tempfile.TemporaryFile() as file:  # an hour of faces need not fit into memory
        images = np.memmap(file, np.uint8, "w+", shape=(len(frame), 3, side, side))
        cuts = track(seen.cut(side), "cutting faces", len(frame), console=console, transient=True)
        for number, place, image in cuts:
            images[row[place, number]] = image.transpose(2, 0, 1)
        sequence = np.array([f"{path.stem}_{place}" for place in face.tolist()])
        time = (frame - 1) / rate
        blocks = {IMAGES: Block(images)}
        inputs = views.inputs(blocks, (IMAGES,), len(frame), sequence, time, method.seconds(settings))
        with console.status(f"predicting {len(frame):,} faces"):
            values = np.asarray(model.predict(inputs), np.float64)
        del inputs, blocks, images
    return Predicted(seen, frame, face, values)


def preview(predicted: Predicted, targets: list[str], caption: str, out: Path, console: Console) -> tuple[int, str]:
    """Write the video with what was predicted drawn on each of its own frames; see `drawing.draw`.

    Size, times and sound are the video's. Returns the number of frames, and why there is no sound, or "".
    Raises UserError where the targets are not valence and arousal.
    """
    from rich.progress import track

    axes = [targets.index(axis) for axis in _images.VA if axis in targets]
    if len(axes) != len(_images.VA):
        raise UserError(f"expected a run that predicts valence and arousal, found {', '.join(targets)}")
    seen = predicted.seen
    courses = [
        drawing.Course(predicted.time[own], predicted.values[own][:, axes])
        for own in (predicted.face == place for place in range(len(seen.faces)))
    ]
    boxes: dict[int, dict[int, Any]] = {}
    for place, face in enumerate(seen.faces):
        for at, box in zip(face.frames.tolist(), face.boxes.tolist(), strict=True):
            boxes.setdefault(at, {})[place] = box
    # the times are those of the reading for faces: the same frames come again
    video = reading.open_video(seen.video.path)
    own = seen.own_rate if np.isfinite(seen.own_rate) else seen.rate
    count = 0
    with VideoFile(out, own, seen.video.path) as written:
        for time, pixels in track(video.frames(), "drawing", len(seen.time), console=console, transient=True):
            here = boxes.get(count, {})
            written.show(drawing.draw(pixels, time, seen.seconds, 1 / seen.rate, here, courses, caption), time)
            count += 1
    return count, written.silent
