"""Annotation traces of valence and arousal → a text of labels for each video, a line for each frame with a face.

``valence arousal`` in −1 … 1 stand in a line; a frame without a label has −5 for both, as the data set ``aff_wild``
reads it. What was met in the traces, and what was done about it, stands in a JSON file beside the labels.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache, left_out, messages
from training.contract import UserError
from training.datasets import _videos
from training.datasets._images import VA
from training.datasets._table import Table
from training.datasets.aff_wild import ANNOTATORS, MARK
from training.prepare import agreement, traces
from training.prepare.label_record import ONE, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from rich.console import Console

    from training.datasets._videos import Frames
    from training.prepare.traces import Policies

    Files = dict[str, dict[str, Path]]
    """Video → annotator → file of the trace."""

SUFFIXES = (".txt", ".csv", ".tsv")
FAILED, OTHER = "videos without labels", "files that are no trace"


def run(
    valence: Path,
    arousal: Path,
    out: Path,
    policies: Policies,
    *,
    fps: float = 30.0,
    frames: str | None = None,
    faces: Path | None = None,
    truth: tuple[Path, Path] | None = None,
    console: Console | None = None,
) -> Record:
    """Write the labels of one video to the file `out`, or of all videos to the folder `out`, and the record beside it.

    Parameters
    ----------
    valence, arousal : a trace of each; or folders of traces ``<video>.txt``, or of ``<annotator>/<video>.txt``.
    fps : frames a second of the video, of which the first is frame 1.
    frames : the number of frames of a video, or a CSV of video and frames. By default the last frame with a face; where
        that is not known either, the frame at which the shorter of the two traces ends.
    faces : which frames have a face (see `_videos.with_face`): only these get a line.
    truth : traces of valence and arousal, as the first two, that annotators are compared with.
    console : shows progress where it is a terminal.

    Of several annotators ``<out>_annotators/<annotator>/<video>.txt`` has the labels of each.

    A video with a problem is left out and named, and so is one annotator of several. Raises UserError where nothing is
    left, where `out` is there already, and for files of frames that cannot be read.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise UserError(f"--fps: expected frames a second above 0, found {fps:g}")
    one = valence.is_file()
    if one != arousal.is_file() and valence.exists() and arousal.exists():
        raise UserError(f"{valence} and {arousal}: expected two files of one video, or two folders of the same videos")
    if one and out.suffix not in SUFFIXES:
        raise UserError(f"--out {out}: expected a text for the labels of one video, such as labels.txt")
    record = Record(out.with_name(f"{out.stem if one else out.name}.json"), policies)
    files = {axis: _find(path, record.skipped) for axis, path in zip(VA, (valence, arousal), strict=True)}
    if one:  # the two files of a video need not have its name
        files = {axis: {out.stem: next(iter(of.values()))} for axis, of in files.items()}
    counts = _frame_counts(frames)
    numbers = None if faces is None else _videos.with_face(faces, record.skipped)
    if one and numbers is not None and len(numbers) == 1:
        numbers = {out.stem: next(iter(numbers.values()))}
    truths = {} if truth is None else {axis: _find(path, {}) for axis, path in zip(VA, truth, strict=True)}
    names = sorted({*files["valence"], *files["arousal"]}, key=_videos.in_order)
    if numbers is not None and not one:
        without = [name for name in numbers if name not in names]
        left_out.add(record.skipped, {"sequences of faces without a trace": without} if without else {})
    record.options = {
        **{"valence": str(valence), "arousal": str(arousal), "fps": fps, "frames": frames},
        **{"faces": faces and str(faces), "truth": truth and [*map(str, truth)]},
    }
    people = out.with_name(out.name + ANNOTATORS)
    if not record.is_begun():  # what the same command left when it was stopped is not in the way
        for path in (out, record.file, people):
            cache.check_new(path, "--out")
    record.begin()
    if not one:
        out.mkdir(exist_ok=True)
    for name in _watched(names, console):
        file = out if one else out / f"{name}.txt"
        try:
            traced = {axis: of.get(name, {}) for axis, of in files.items()}
            for axis, of in traced.items():
                if not of:
                    raise UserError(f"{name}: no trace of {axis}{messages.nearest(name, files[axis], cutoff=0.6)}")
            count, with_face = _frames(name, counts, numbers)
            of_video = {axis: _one(of, name) for axis, of in truths.items()}
            labels, by_annotator, said = _video(name, traced, of_video, count, with_face, fps, record)
            for annotator, values in by_annotator.items():
                (people / annotator).mkdir(parents=True, exist_ok=True)
                _write(people / annotator / file.name, values)
            _write(file, labels)
            record.videos[name] = said
        except UserError as error:
            file.unlink(missing_ok=True)  # of a command that was stopped
            record.skipped.setdefault(FAILED, []).append(str(error))
    if not record.videos:
        reasons = record.skipped[FAILED]
        record.file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            if not one:
                out.rmdir()
        more = f" (and {len(reasons) - 1} more videos with a problem)" if len(reasons) > 1 else ""
        raise UserError(f"{reasons[0]}{more}")
    record.end()
    return record


# ------------------------------------------------------------------------------------------------------- one video


def _video(
    name: str,
    files: Mapping[str, Mapping[str, Path]],
    truth: Mapping[str, Path | None],
    count: int | None,
    with_face: Frames | None,
    fps: float,
    record: Record,
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Return the labels (m, 2) of the frames that get a line, NaN where there is none, and the record's part.

    Between them stand the labels (m, 2) of each annotator, where there are several.
    """
    policies = record.policies
    read = {axis: _annotators(name, axis, of, record) for axis, of in files.items()}
    until = "--frames" if with_face is None else "--frames, --faces"
    if count is None and with_face is not None:
        count, until = int(with_face.max()), "the last frame with a face"
    elif count is None:
        # the small addition keeps 2.3 s × 10 frames, which is 22.999… in binary, at frame 23
        ends = [max(float(trace.seconds[-1]) for trace in of.values()) for of in read.values()]
        count, until = int((min(ends) - policies.shift_s) * fps + 1e-6), "the end of the shorter trace"
    if count < 1:
        raise UserError(f"{name}: expected a frame at least, and the traces end before frame 1 at {fps:g} a second")
    said: dict[str, Any] = {"frames": count, "frames_from": until, "traces": {}, "agreement": {}}
    labels = np.empty((count, len(VA)))
    people: dict[str, NDArray[np.float64]] = {}
    for column, (axis, of) in enumerate(read.items()):
        values = {}
        said["traces"][axis] = {}
        for annotator, trace in of.items():
            values[annotator], found = traces.at_frames(trace, count, fps, policies)
            of_trace = {**trace.counts, **found}
            said["traces"][axis][annotator] = {"file": str(trace.file), **of_trace}
            people.setdefault(annotator, np.full(labels.shape, np.nan))[:, column] = values[annotator]
            record.note(f"{name} {axis}" + ("" if annotator == ONE else f" of {annotator}"), of_trace)
        true = _truth(truth.get(axis), count, fps, policies)
        if agreed := agreement.of_axis(values, true, fps):
            said["agreement"][axis] = agreed
        labels[:, column] = _mean([*values.values()])
        if len(values) > 1:
            known = np.isfinite(np.stack([*values.values()])).sum(axis=0)
            said["traces"][axis]["frames with fewer annotators"] = int(((known > 0) & (known < len(values))).sum())
    if with_face is not None:
        labels = labels[with_face - 1]
        people = {annotator: values[with_face - 1] for annotator, values in people.items()}
        said |= {"with_face": len(with_face), "lost": _videos.lost(with_face)}
    said["labelled"] = int(np.isfinite(labels).all(axis=1).sum())
    return labels, people if len(people) > 1 else {}, said


def _annotators(name: str, axis: str, files: Mapping[str, Path], record: Record) -> dict[str, traces.Trace]:
    """Return annotator → trace; of several those that can be read, and the others are named."""
    read, failed = {}, []
    for annotator, file in files.items():
        try:
            read[annotator] = traces.read(file, record.policies)
        except UserError as error:
            failed.append(str(error))
    if not read:
        raise UserError(f"{name}, {axis}: {failed[0]}")
    left_out.add(record.skipped, {"traces of one annotator": failed} if failed else {})
    return read


def _mean(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean (n,) of those annotators who have a value at a frame; NaN where nobody has."""
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def _truth(file: Path | None, count: int, fps: float, policies: Policies) -> NDArray[np.float64] | None:
    if file is None:
        return None
    plain = replace(policies, shift_s=0.0, still="keep", stuck="keep")  # a truth did not have to react
    return traces.at_frames(traces.read(file, plain), count, fps, plain)[0]


def _write(file: Path, labels: NDArray[np.float64]) -> None:
    known = np.asarray(np.isfinite(labels).all(axis=1))
    with cache.whole(file) as part, part.open("w", encoding="utf-8") as stream:
        for row, there in zip(np.round(labels, 6).tolist(), known.tolist(), strict=True):
            values = row if there else [MARK] * len(row)
            stream.write(" ".join(f"{value:.6g}" for value in values) + "\n")


# ----------------------------------------------------------------------------------------------- files and frames


def _find(path: Path, skipped: dict[str, list[str]]) -> Files:
    """Return the traces of a file, of a folder of videos, or of a folder of annotators with a folder of videos each."""
    if path.is_file():
        return {path.stem: {ONE: path}}
    if not path.is_dir():
        near = messages.nearest(path.name, [one.name for one in path.parent.glob("*")], cutoff=0.5)
        raise UserError(f"{path} does not exist: expected a trace, or a folder of traces{near}")
    annotators = _videos.folders(path)
    found: Files = {}
    _add(found, ONE, path, skipped)
    if annotators and found:
        raise UserError(
            f"{path}: expected traces <video>.txt, or a folder of them for each annotator; found both "
            f"({next(iter(found))} and the folder {annotators[0].name})"
        )
    for folder in annotators:
        _add(found, folder.name, folder, skipped)
    if not found:
        raise UserError(f"{path}: expected traces ({', '.join(SUFFIXES)}), found none")
    return found


def _add(found: Files, annotator: str, folder: Path, skipped: dict[str, list[str]]) -> None:
    for file in _videos.files(folder):
        if file.suffix.lower() not in SUFFIXES:
            skipped.setdefault(OTHER, []).append(f"{folder.name}/{file.name}")
            continue
        of = found.setdefault(file.stem, {})
        if annotator in of:
            raise UserError(f"{file}: expected one trace of a video, found {of[annotator].name} too")
        of[annotator] = file


def _frame_counts(frames: str | None) -> int | dict[str, int] | None:
    """Return what --frames says: a number for all videos, or video → number."""
    if frames is None:
        return None
    if frames.isascii() and frames.isdigit():
        count = int(frames[:19])
        if not 0 < count <= _videos.MOST:
            raise UserError(f"--frames {frames}: expected a number of frames from 1 to {_videos.MOST:,}")
        return count
    if not Path(frames).is_file():
        raise UserError(f"--frames {frames}: expected a number of frames, or a CSV of video and frames")
    table = Table(Path(frames))
    numbers, texts = table.read(["frames"], ["video"])
    values = numbers["frames"]
    wrong = np.flatnonzero((values % 1 != 0) | (values < 1) | (values > _videos.MOST))
    if len(wrong):
        raise table.refuse(int(wrong[0]), "frames", "a number of frames from 1", len(wrong) - 1)
    return dict(zip(texts["video"].tolist(), values.astype(int).tolist(), strict=True))


def _frames(
    name: str, counts: int | dict[str, int] | None, faces: dict[str, Frames] | None
) -> tuple[int | None, Frames | None]:
    """Return the number of frames of a sequence and which of them have a face, where these are known."""
    count = counts if isinstance(counts, int) or counts is None else counts.get(name)
    if isinstance(counts, dict) and count is None:  # two faces of one video have as many frames
        count = counts.get(_videos.FACE.sub("", name))
        if count is None:
            raise UserError(f"{name}: --frames does not name it{messages.nearest(name, counts, cutoff=0.6)}")
    if faces is None:
        return count, None
    if name not in faces:
        raise UserError(f"{name}: --faces does not name it{messages.nearest(name, faces, cutoff=0.6)}")
    with_face = faces[name]
    if not len(with_face):
        raise UserError(f"{name}: none of its frames has a face")
    if count is not None and with_face[-1] > count:
        raise UserError(f"{name}: frame {with_face[-1]:,} has a face (--faces), and it has {count:,} frames (--frames)")
    return count, with_face


def _one(files: Files, name: str) -> Path | None:
    """Return the truth of a video: the only file that there is, or the one of its name."""
    of = next(iter(files.values())) if len(files) == 1 else files.get(name, {})
    return next(iter(of.values()), None)


def _watched(names: list[str], console: Console | None) -> Iterable[str]:
    from rich.progress import track

    quiet = console is None or not console.is_terminal or len(names) < 2
    return track(names, "traces", console=console, transient=True, disable=quiet)
