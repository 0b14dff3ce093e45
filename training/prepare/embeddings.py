"""Recordings → frames.csv and audio_1s.csv …, the files that the data set ``embeddings`` reads.

Video comes from the penultimate layer of a fitted run of ``frames/…``, sound from openSMILE or librosa.
"""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache, image_files, left_out, messages
from training.contract import UserError
from training.model_protocols import Encodes
from training.prepare import sound
from training.video import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.contract import Model
    from training.tracking.store import RunInfo

RATE = 5.0
"""Frames a second that are taken of a video."""

WINDOWS = (1.0, 2.0, 3.0, 4.0)
NOT_READ, SILENT, SHORT, OTHER = (
    "recordings that cannot be read",
    "recordings without sound",
    "recordings shorter than a window",
    "files that are no recording",
)
NO_FRAMES, NOT_FINITE = "recordings without a frame that can be read", "windows that cannot be measured"


@dataclass
class Prepared:
    """What `run` wrote: file → rows, and what was left out: reason (a plural) → names."""

    rows: dict[Path, int] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def sentences(self) -> tuple[str, ...]:
        """Return sentences on what was left out."""
        return left_out.sentences(self.skipped)


def run(
    sources: Sequence[Path],
    out: Path,
    *,
    measure: str | None = None,
    video: tuple[RunInfo, Model] | None = None,
    lengths: Sequence[float] = WINDOWS,
    rate: float = RATE,
) -> Prepared:
    """Write frames.csv and audio_<length>s.csv of all recordings in `sources` to the folder `out`.

    Parameters
    ----------
    sources : sound files, videos, and folders that hold some.
    measure : egemaps or librosa, of all that has sound; None for no sound.
    video : a run of a ``frames/…`` method and its model, which sees `rate` frames a second of each video.
    lengths : seconds of the windows of sound, which do not overlap; an incomplete last one is left out.

    Raises UserError where nothing is asked for, a file is there already, two recordings share a name, the package for
    sound is absent, the model has no penultimate layer to give, and where nothing is left.
    """
    if measure is None and video is None:
        raise UserError("expected --sound egemaps (or librosa), --frames RUN, or both: else nothing is measured")
    if any(length <= 0 for length in lengths) or not lengths:
        raise UserError(f"--windows: expected lengths above 0 s, found {', '.join(f'{one:g}' for one in lengths)}")
    prepared = Prepared()
    recordings = _recordings(sources, prepared)
    measured = None if measure is None else sound.measure(measure)
    if video is not None and not isinstance(video[1], Encodes):
        raise UserError(f"run {video[0].id[:8]}: {video[0].tags['method']} gives no embeddings; take a run of frames/…")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: expected a folder, found a file")
    out.mkdir(parents=True, exist_ok=True)
    files = {length: out / f"audio_{length:g}s.csv" for length in lengths} if measured else {}
    frames = out / "frames.csv"
    for file in (*files.values(), *((frames,) if video else ())):
        cache.check_new(file, "--out")
    if measured is not None:
        _write_sound(recordings, files, measured, prepared)
    if video is not None:
        _write_frames(recordings, frames, *video, rate, prepared)
    if not prepared.rows:
        raise UserError(f"nothing could be measured; {'; '.join(prepared.sentences())}")
    return prepared


def _recordings(sources: Sequence[Path], prepared: Prepared) -> list[Path]:
    """Return the files of all recordings by name; UserError where there is none or two share a name."""
    known = (*sound.SUFFIXES, *image_files.VIDEOS)
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(file for file in source.rglob("*") if file.is_file() and not image_files.is_system(file))
            files += [file for file in inside if file.suffix.lower() in known]
            other = [file.name for file in inside if file.suffix.lower() not in known]
            left_out.add(prepared.skipped, {OTHER: other} if other else {})
        elif not source.exists():
            near = messages.nearest(source.name, [path.name for path in source.parent.glob("*")], cutoff=0.5)
            raise UserError(f"{source} does not exist{near}")
        elif source.suffix.lower() not in known:
            raise UserError(f"{source}: expected a recording ({', '.join(known)}) or a folder of such")
        else:
            files.append(source)
    if not files:
        raise UserError(f"{', '.join(map(str, sources))}: expected recordings ({', '.join(known)}), found none")
    names: dict[str, Path] = {}
    for file in files:
        if file.stem in names:
            raise UserError(
                f"{file}: expected each recording's name once, found {file.stem!r} in {names[file.stem]} too"
            )
        names[file.stem] = file
    return files


# ------------------------------------------------------------------------------------------------------------- sound


def _write_sound(
    recordings: Sequence[Path], files: dict[float, Path], measured: sound.Measure, prepared: Prepared
) -> None:
    rows: dict[float, list[list[str]]] = {length: [] for length in files}
    for file in recordings:
        try:
            decoded = sound.decode(file)
        except UserError as error:
            left_out.add(prepared.skipped, {NOT_READ: [str(error)]})
            continue
        if decoded is None or not len(decoded):
            left_out.add(prepared.skipped, {SILENT: [file.name]})
            continue
        for length in files:
            starts, values = sound.windows(decoded, length, measured)
            if not len(starts):
                left_out.add(prepared.skipped, {SHORT: [f"{file.name} ({length:g} s)"]})
            for start, features in zip(starts.tolist(), values, strict=True):
                if not np.isfinite(features).all():
                    left_out.add(prepared.skipped, {NOT_FINITE: [f"{file.name} at {start:g} s"]})
                    continue
                rows[length].append([file.name, f"{start:g}", f"{start + length:g}", *_numbers(features)])
    for length, file in files.items():
        if rows[length]:
            _write(file, ["filename", "start", "end", *measured.columns], rows[length])
            prepared.rows[file] = len(rows[length])


def _numbers(values: NDArray[Any]) -> list[str]:
    return [f"{value:.7g}" for value in values.tolist()]


def _write(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with cache.whole(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


# ------------------------------------------------------------------------------------------------------------- video


def _write_frames(
    recordings: Sequence[Path], out: Path, info: RunInfo, model: Any, rate: float, prepared: Prepared
) -> None:
    from training import registry, views

    method, settings = registry.method(info.tags["method"]).METHOD, json.loads(info.tags["settings"])
    reader, blocks = registry.dataset(info.tags["reader"]), method.blocks(settings)
    rows: list[list[str]] = []
    for file in recordings:
        if file.suffix.lower() not in image_files.VIDEOS:
            continue
        with tempfile.TemporaryDirectory(prefix="affectory_") as folder:
            try:
                times = images(file, Path(folder), rate)
                new = reader.read_inputs(Path(folder), blocks, settings) if times else None
            except UserError as error:
                left_out.add(prepared.skipped, {NOT_READ: [str(error)]})
                continue
            if new is None:
                left_out.add(prepared.skipped, {NO_FRAMES: [file.name]})
                continue
            # the reader counts images at a rate of its own; the video's own time stamps count here
            time = np.array([times[name] for name in new.names["image"].tolist()])
            sequence = np.full(len(time), file.stem)
            inputs = views.inputs(new.blocks, blocks, len(time), sequence, time, method.seconds(settings))
            codes = model.encode(inputs)
        if isinstance(codes, dict):
            several = ", ".join(codes)
            raise UserError(f"run {info.id[:8]}: expected a model with one code of each frame, found {several}")
        order = np.argsort(time)
        names = [f"{file.stem}/{new.names['image'][i]}" for i in order.tolist()]
        rows += [[name, f"{time[i]:.3f}", *_numbers(codes[i])] for name, i in zip(names, order.tolist(), strict=True)]
    if rows:
        _write(out, ["path", "timestamp", *(f"emb_{i}" for i in range(len(rows[0]) - 2))], rows)
        prepared.rows[out] = len(rows)


def images(file: Path, folder: Path, rate: float) -> dict[str, float]:
    """Write `rate` frames a second of a video to `folder` as PNG; return name → seconds from its beginning.

    Of each step of 1 / rate s the first frame is taken, by the video's time stamps. UserError for a file that cannot be
    decoded; nothing is written for one without video.
    """
    from PIL import Image

    times: dict[str, float] = {}
    due = 0.0
    try:
        video = reading.open_video(file)
    except reading.NoVideo:
        return times
    for at, pixels in video.frames():
        if at < due - 1e-6:
            continue
        name = f"{len(times):07d}.png"
        Image.fromarray(pixels).save(folder / name)
        times[name] = max(0.0, round(at, 3))
        due = (np.floor(at * rate + 1e-6) + 1) / rate
    return times
