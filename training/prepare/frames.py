"""Videos → folders of faces at one rate, which the data set ``aff_wild`` reads.

``OUT/frames/<video>/0000001.png`` …: a folder for each face that was followed, ``<video>_left`` and ``<video>_right``
where two are in one video; a file for each frame that has the face, by the frame's number at the new rate. What was
found in each video stands in ``OUT/frames.json`` and ``OUT/videos.csv``.

A video is done when its record is in ``OUT/.videos``, which is written last: after a kill the same command goes on with
the others. A video that is no good is named, and the others are still done.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import cache, image_files, json_files, left_out, messages
from training.contract import UserError
from training.video import faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

VERSION = 1
"""Raised when the same video and options give other files."""

SUFFIXES = (*image_files.VIDEOS, ".wmv", ".flv", ".ts", ".mts", ".3gp", ".ogv", ".gif")
OTHER, BAD = "files that are no video", "videos that cannot be read"
NO_FACE = "videos without a face"
FOLDER, RECORDS, RECORD, TABLE = "frames", ".videos", "frames.json", "videos.csv"


@dataclass(frozen=True)
class Options:
    """What decides the frames of a video.

    Parameters
    ----------
    fps : frames a second.  size : pixels of a side of a face.
    shortest_s : seconds for which a face must be followed.
    """

    fps: float = 30.0
    size: int = 64
    shortest_s: float = faces.SHORTEST_S


@dataclass
class Done:
    """What was written: a record for each video, by name, and what was left out, by reason.

    A record has the keys of `_record`; `again` are the videos that an earlier command had done already.
    """

    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    again: int = 0

    def sentences(self) -> tuple[str, ...]:
        """Return sentences on what was left out, and on what was wrong with videos."""
        notes = [f"{name}: {note}" for name, of in self.videos.items() for note in of["notes"]]
        return (*left_out.sentences({why: names for why, names in self.skipped.items() if why != BAD}), *notes)

    def rates(self) -> dict[float, int]:
        """Return frames a second, rounded to hundredths → number of videos that have them, by their time stamps."""
        return dict(sorted(Counter(round(of["rate"], 2) for of in self.videos.values()).items()))


def run(sources: Sequence[Path], out: Path, options: Options, workers: int, console: Console) -> Done:
    """Write the faces of all videos in `sources` (files, or folders of them) to the folder `out`.

    Raises UserError where a source is not there or no video is found, where `out` was made with other options, and
    where no video can be read.
    """
    done = Done()
    videos = _named(_files(sources, done.skipped))
    _check(out, options)
    reasons: dict[str, str] = {}
    for name, result, before in _each(videos, out, options, workers, console):
        if isinstance(result, str):
            reasons[name] = result
            continue
        done.videos[name] = result
        done.again += before
        if not result["faces"]:
            done.skipped.setdefault(NO_FACE, []).append(name)
    if reasons:
        done.skipped[BAD] = [reasons[name] for name in sorted(reasons)]
    if not done.videos:
        raise UserError("no video can be read:\n" + "\n".join(reasons.values()))
    done.videos = {name: done.videos[name] for name in sorted(done.videos)}
    _write_records(out, options, done)
    return done


def _files(sources: Sequence[Path], skipped: dict[str, list[str]]) -> list[Path]:
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            for path in image_files.walk(source, skipped):
                if path.suffix.lower() in SUFFIXES:
                    found.append(path)
                else:
                    skipped.setdefault(OTHER, []).append(path.relative_to(source).as_posix())
        elif source.exists():
            found.append(source)
        else:
            near = messages.nearest(source.name, [p.name for p in source.parent.glob("*")], cutoff=0.5)
            raise UserError(f"{source} does not exist: expected a video, or a folder of videos{near}")
    if not found:
        raise UserError(f"{messages.listed(map(str, sources))}: expected videos, found none")
    return list({path.resolve(): path for path in found}.values())


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """Return name → video: the file's without its ending, with the folder's where two have the same name."""
    count = Counter(path.stem for path in files)
    named: dict[str, Path] = {}
    for path in files:
        name = path.stem if count[path.stem] == 1 else f"{path.absolute().parent.name}_{path.stem}"
        if name in named:
            raise UserError(f"{path}: the video {name} is there already ({named[name]}); rename one of the two")
        named[name] = path
    return named


def _check(out: Path, options: Options) -> None:
    """Make `out`; UserError where it is a file, or was made with other options."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: expected a folder, found a file")
    record = out / RECORDS / "options.json"
    asked = {"version": VERSION, **asdict(options)}
    if record.exists():
        before = json_files.read(record)
        if before != asked:
            differences = ", ".join(
                f"{key}: it has {before.get(key)!r}, asked for {asked.get(key)!r}"
                for key in sorted({*before, *asked})
                if before.get(key) != asked.get(key)
            )
            raise UserError(f"{out} was made otherwise ({differences}); give another folder")
        return
    if (out / FOLDER).is_dir() and any((out / FOLDER).iterdir()):
        raise UserError(f"{out / FOLDER} is there already and was not made by this command; give another folder")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with cache.whole(record) as part:
            part.write_text(json.dumps(asked), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from error


def _each(
    videos: Mapping[str, Path], out: Path, options: Options, workers: int, console: Console
) -> Iterator[tuple[str, dict[str, Any] | str, bool]]:
    """Yield each video's name with its record, or the reason why it has none, and whether it was done before."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("videos", total=len(videos))
        left = []
        for name, path in videos.items():
            record = _kept(out, name, path)
            if record is None:
                left.append(name)
            else:
                progress.advance(task)
                yield name, record, True
        with ProcessPoolExecutor(max(1, min(workers, len(left)))) as pool:
            running = {pool.submit(_one, name, videos[name], out, options): name for name in left}
            try:
                while running:
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        progress.advance(task)
                        yield running.pop(future), future.result(), False
            except BaseException:
                for future in running:  # those that have begun end, and are not done again
                    future.cancel()
                raise


def _kept(out: Path, name: str, path: Path) -> dict[str, Any] | None:
    """Return the record of a video that is done, None for one that is not, or whose file has changed since."""
    file = out / RECORDS / f"{name}.json"
    if not file.is_file():
        return None
    record: dict[str, Any] = json_files.read(file)
    return record if record["file"] == _state(path) else None


def _state(path: Path) -> list[Any]:
    state = path.stat()
    return [path.name, state.st_size, state.st_mtime_ns]


def _one(name: str, path: Path, out: Path, options: Options) -> dict[str, Any] | str:
    """Write the faces of one video and its record, which is returned; return why there is none."""
    try:
        return _written(name, path, out, options)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{path}: its faces cannot be written ({error.strerror or error})"


def _written(name: str, path: Path, out: Path, options: Options) -> dict[str, Any]:
    import cv2

    seen = faces.look(path, options.fps, options.shortest_s)
    sequences = [f"{name}_{face.name}" if face.name else name for face in seen.faces]
    part = out / RECORDS / f".{name}"
    shutil.rmtree(part, ignore_errors=True)
    for sequence in sequences:
        (part / sequence).mkdir(parents=True)
    for number, place, image in seen.cut(options.size):
        cv2.imwrite(str(part / sequences[place] / f"{number:07d}.png"), image[:, :, ::-1])
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    kept = out / RECORDS / f"{name}.json"
    older = json_files.read(kept)["faces"] if kept.is_file() else {}
    for sequence in {*older, *sequences}:  # of an older file of this name, or of a command that was killed here
        shutil.rmtree(out / FOLDER / sequence, ignore_errors=True)
    for sequence in sequences:
        os.replace(part / sequence, out / FOLDER / sequence)
    shutil.rmtree(part, ignore_errors=True)
    record = _record(path, seen, sequences)
    with cache.whole(kept) as file:
        file.write_text(json.dumps(record), encoding="utf-8")
    return record


def _record(path: Path, seen: faces.Seen, sequences: Sequence[str]) -> dict[str, Any]:
    numbers = [seen.frames_of(face) for face in seen.faces]
    with_face = {number for of in numbers for number in of.tolist()}
    return {
        "file": _state(path),
        "width": seen.video.width,
        "height": seen.video.height,
        "rate": round(seen.own_rate, 4) if len(seen.time) > 1 else 0.0,
        "header_rate": round(seen.video.header_rate, 4),
        "header_frames": seen.video.header_frames,
        "decoded": len(seen.time),
        "decoded_with_face": len({row for face in seen.faces for row in face.frames.tolist()}),
        "frames": len(seen.row),
        "with_face": len(with_face),
        "faces": {sequence: len(of) for sequence, of in zip(sequences, numbers, strict=True)},
        "short_tracks": [len(track.frames) for track in seen.short],
        "notes": [*seen.notes, *_track_notes(seen)],
    }


def _track_notes(seen: faces.Seen) -> list[str]:
    if not seen.short:
        return []
    frames = sum(len(track.frames) for track in seen.short)
    found = messages.counted(len(seen.short), "face")
    return [f"{found} followed for too short a time left out ({messages.counted(frames, 'frame')})"]


def _write_records(out: Path, options: Options, done: Done) -> None:
    import pandas as pd

    content = {
        "options": asdict(options),
        "rates": {f"{rate:g}": count for rate, count in done.rates().items()},
        "videos": done.videos,
        "left_out": done.skipped,
    }
    with cache.whole(out / RECORD) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    columns = ("width", "height", "rate", "header_rate", "header_frames", "decoded", "decoded_with_face", "frames")
    rows = [
        {
            "video": name,
            **{column: of[column] for column in columns},
            "with_face": of["with_face"],
            "without_face": of["frames"] - of["with_face"],
            "faces": len(of["faces"]),
        }
        for name, of in done.videos.items()
    ]
    with cache.whole(out / TABLE) as part:
        pd.DataFrame(rows).to_csv(part, index=False)
