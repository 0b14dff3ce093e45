"""Embeddings of video frames with valence and arousal, and features of audio windows beside them, from CSV files.

A sample is a frame. Frames are one CSV file of ``path, timestamp, valence, arousal, emb_0 …``; audio is a CSV file of
``filename, start, end`` and features, or one for each window length. How files are named and written may be said in a
TOML file; see `training.datasets._dialect`, whose first lines are all of it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training import messages
from training.contract import UserError
from training.data import Block, Dataset, NewRows, Reader, Stream
from training.datasets import _dialect, _embedding_rows, _events, _label_tables
from training.datasets._embedding_rows import AXES
from training.views import TOLERANCE_S, look_back

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings
    from training.datasets._dialect import Layout
    from training.datasets._embedding_rows import Rows

READER = Reader(
    title="Embeddings of video frames, and audio windows, with valence and arousal (CSV)",
    data="fusion",
    blocks=("video", "audio", "va"),
    sequences=True,
)


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the folder, TOML file or CSV file of frames `root`.

    Blocks are ``video`` (n, e), ``va`` (n, 2), NaN where a frame has no label, and the streams ``audio`` or
    ``audio_1s``, ``audio_2s`` … (m, f). A group is a person where a rule finds one in the recording's name, else a
    recording. What of two files does not match is counted and named in the summary's notes.

    Raises UserError for bad input, and where no recording, or no window, of two files matches.
    """
    if root is None:
        raise UserError(
            "the data set embeddings reads files: give their folder, a TOML file that names them, or a CSV file of "
            "frames with --root"
        )
    layout = _dialect.layout(root)
    frames, audio, notes, matching = _rows(layout, labelled=True)
    if not len(frames):
        raise UserError(f"{frames.table.path}: no row is left to learn from; {'; '.join(frames.notes)}")
    group, kind = _groups(layout, frames)
    va = frames.va
    assert va is not None
    blocks = {
        **({"video": Block(frames.values, frames.columns)} if frames.columns else {}),
        "va": Block(va, AXES, low=-1.0, high=1.0),
        **{block: _stream(rows) for block, rows in audio.items()},
    }
    groups = np.unique(group)
    notes = [*layout.notes, *frames.notes, *_label_notes(va), *_rate_notes(frames), *notes]
    if len(groups) == 1:
        notes.append("one group only: it cannot be split into train, validation and test")
    summary = {
        "file": str(root.name),
        "rows": len(frames),
        "skipped": frames.skipped,
        "groups": len(groups),
        "group_kind": kind,
        "recordings": len(np.unique(frames.recording)),
        "labelled": int(np.isfinite(va).all(axis=1).sum()),
        "label_ranges": {axis: _range(va[:, i]) for i, axis in enumerate(AXES)},
        "features": {
            **({"video": len(frames.columns)} if frames.columns else {}),
            **{block: len(rows.columns) for block, rows in audio.items()},
        },
        "ignored_columns": list(frames.ignored),
        "empty_columns": [name for rows in (frames, *audio.values()) for name in rows.empty],
        "constant_features": [name for rows in (frames, *audio.values()) for name in rows.constant],
        "audio": matching,
        "notes": notes,
    }
    return Dataset(
        name="embeddings",
        version=_version(blocks, frames),
        synthetic=False,
        blocks=blocks,
        sample=_samples(frames),
        group=group,
        group_kind=kind,
        persons_known=layout.person is not None,
        sequence=frames.recording,
        time=frames.end,
        summary=summary,
    )


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read new recordings to predict for, laid out as `read` takes them; labels need not be there.

    Samples are the frames, named by path and timestamp, for a method of audio alone too. Every window length that is
    there is returned. Raises UserError as `read` does, and where the method takes audio and there is none.
    """
    layout = _dialect.layout(file)
    if "audio" in blocks and layout.audio is None:
        raise UserError(f"{file}: the run's method takes audio, and there is no audio.csv or audio_1s.csv … here")
    frames, audio, said, _ = _rows(layout if "audio" in blocks else replace(layout, audio=None), labelled=False)
    made: dict[str, Block] = {}
    notes = [*layout.notes, *frames.notes]
    if "video" in blocks:
        if not frames.columns:
            raise UserError(f"{file}: the run's method takes video, and [frames] names none here")
        made["video"] = Block(frames.values, frames.columns)
    if "audio" in blocks:
        notes += said
        made |= {block: _stream(rows) for block, rows in audio.items()}
    return NewRows(
        made,
        {"path": frames.name, "timestamp": np.array([f"{time:g}" for time in frames.end.tolist()], np.str_)},
        sequence=frames.recording,
        time=frames.end,
        skipped=tuple(notes),
    )


def _rows(layout: Layout, *, labelled: bool) -> tuple[Rows, dict[str, Rows], list[str], dict[str, Any]]:
    """Return the samples, the windows of each block of audio, sentences on these, and counts for the summary."""
    if layout.labels is not None and layout.labels["layout"] == _dialect.EVENTS:
        frames, audio, notes = _events.read(layout)
        return frames, audio, notes, {block: {"windows": len(rows)} for block, rows in audio.items()}
    if layout.frames is None:
        assert layout.labels is not None
        frames = _label_tables.samples(_label_tables.read(layout.labels))
    else:
        apart = layout.labels is not None
        frames = _embedding_rows.frames(layout.frames, layout.frames.files["video"], labelled=labelled and not apart)
        if layout.labels is not None and labelled:
            frames = _label_tables.joined(_label_tables.read(layout.labels), frames)
    return (frames, *_audio(layout, frames))


# --------------------------------------------------------------------------------------------- audio beside video


def _audio(layout: Layout, frames: Rows) -> tuple[dict[str, Rows], list[str], dict[str, Any]]:
    """Return the windows of each block that are of a recording of `frames`, sentences, and counts for the summary."""
    audio: dict[str, Rows] = {}
    notes: list[str] = []
    counts: dict[str, Any] = {}
    if layout.audio is None:
        return audio, ["no audio file: a method that takes audio cannot be fitted"], counts
    for block, file in layout.audio.files.items():
        rows = _embedding_rows.windows(layout.audio, file, block)
        audio[block], said, counts[block] = _matched(block, rows, frames)
        notes += [*rows.notes, *said]
    return audio, notes, counts


def _matched(block: str, rows: Rows, frames: Rows) -> tuple[Rows, list[str], dict[str, Any]]:
    """Return the windows that are of a recording of `frames`, sentences on all that does not match, and counts."""
    file, of_frames = rows.table.path.name, frames.table.path.name
    heard, seen = np.unique(rows.recording), np.unique(frames.recording)
    only_heard, only_seen = np.setdiff1d(heard, seen), np.setdiff1d(seen, heard)
    if len(only_heard) == len(heard):
        raise UserError(
            f"{rows.table.path}: no recording of it is in {of_frames}; found {str(heard[0])!r} here and "
            f"{str(seen[0])!r} there. The rule recording = '…' of each section in a TOML file finds the name"
        )
    notes = []
    if len(only_heard):
        gone = int(np.isin(rows.recording, only_heard).sum())
        notes.append(f"{file}: {_names(only_heard)} not in {of_frames}; {messages.counted(gone, 'window')} left out")
        rows = rows.take(~np.isin(rows.recording, only_heard))
    if len(only_seen):
        without = int(np.isin(frames.recording, only_seen).sum())
        notes.append(
            f"{of_frames}: {_names(only_seen)} not in {file}; {messages.counted(without, 'frame')} without audio"
        )
    alone = np.flatnonzero(~_with_frames(rows, frames))
    if len(alone) == len(rows):
        raise UserError(_no_overlap(rows, frames))
    if len(alone):
        line, of = rows.table.lines()[int(rows.row[alone[0]])], rows.recording[alone[0]]
        sample = "video frame" if frames.columns else "label"
        span = f"{rows.start[alone[0]]:g} … {rows.end[alone[0]]:g} s"
        notes.append(
            f"{file}: {len(alone):,} of {len(rows):,} windows without a {sample}, the first on line "
            f"{line} ({of}, {span})"
        )
    seconds = _dialect.length(block)
    windows = look_back(frames.recording, frames.end, rows.recording, rows.end, seconds)
    silent = windows.count == 0
    if silent.all():
        raise UserError(_no_overlap(rows, frames))
    first_end = dict(zip(*_firsts(rows), strict=True))
    early = silent & (frames.end < np.array([first_end.get(name, np.inf) for name in frames.recording.tolist()]))
    early &= ~np.isin(frames.recording, only_seen)
    gaps = int((silent & ~early & ~np.isin(frames.recording, only_seen)).sum())
    said = f"{early.sum():,} of {len(frames):,} frames before the first window of their recording ends"
    if gaps:
        back = "" if seconds is None else f" in the {seconds:g} s before them"
        said += f", {gaps:,} more without a window that ended{back}"
    notes.append(f"{block}: {said}")
    counts = {
        "windows": len(rows),
        "recordings": len(np.unique(rows.recording)),
        "recordings_without_video": only_heard.tolist(),
        "recordings_without_audio": only_seen.tolist(),
        "windows_without_video": len(alone),
        "frames_without_audio": int(silent.sum()),
    }
    return rows, notes, counts


def _with_frames(rows: Rows, frames: Rows) -> NDArray[np.bool_]:
    """Return for each window (m,) whether a frame of its recording is in [start, end)."""
    # an utterance without time has no length, and goes with the sample at its end
    inside = np.where(rows.end > rows.start, rows.end - 2 * TOLERANCE_S, rows.end)
    windows = look_back(rows.recording, inside, frames.recording, frames.end, None)
    last = np.full(len(rows), -np.inf)
    there = windows.count > 0
    last[there] = frames.end[windows[np.flatnonzero(there)][:, -1]]
    return np.asarray(last >= rows.start - TOLERANCE_S)


def _firsts(rows: Rows) -> tuple[list[str], list[float]]:
    """Return each recording, and when its first window ends."""
    names, first = np.unique(rows.recording, return_index=True)
    return names.tolist(), rows.end[first].tolist()


def _no_overlap(rows: Rows, frames: Rows) -> str:
    name = np.intersect1d(rows.recording, frames.recording)[0]
    window, frame = rows.recording == name, frames.recording == name
    return (
        f"{rows.table.path}: no window goes with a frame; of {name}, windows are from {rows.start[window].min():g} to "
        f"{rows.end[window].max():g} s, and frames of {frames.table.path.name} from {frames.end[frame].min():g} to "
        f'{frames.end[frame].max():g} s. Times in milliseconds are read with time_unit = "ms" in a TOML file'
    )


def _stream(rows: Rows) -> Block:
    return Block(rows.values, rows.columns, stream=Stream(rows.recording, rows.start, rows.end))


# ------------------------------------------------------------------------------------------------ groups and notes


def _groups(layout: Layout, frames: Rows) -> tuple[NDArray[np.str_], str]:
    """Return the group (n,) of each sample and its kind."""
    recording = frames.recording if frames.group is None else frames.group
    if layout.person is None:
        return recording, "recording"
    rule = re.compile(layout.person)
    unique, place = np.unique(recording, return_inverse=True)
    persons = [match["person"] or "" if (match := rule.search(name)) else "" for name in unique.tolist()]
    without = [name for name, person in zip(unique.tolist(), persons, strict=True) if not person]
    if without:
        section = layout.labels or layout.frames
        raise UserError(
            f"{section and section.source}, person: expected a rule that finds a person in each recording's name, "
            f"found none in {without[0]!r} with {layout.person!r} ({len(without)} of {len(unique)} recordings)"
        )
    return np.array(persons, np.str_)[place], "person"


def _samples(frames: Rows) -> NDArray[np.str_]:
    """Name each frame by its recording and time: a path may be the same in all rows of a recording."""
    times = [f"{time:.3f}".rstrip("0").rstrip(".") for time in frames.end.tolist()]
    return np.char.add(np.char.add(frames.recording, ":"), np.array(times, np.str_))


def _label_notes(va: NDArray[np.float64]) -> list[str]:
    known = np.isfinite(va)
    half = int((known.any(axis=1) & ~known.all(axis=1)).sum())
    return (
        [f"{messages.counted(half, 'frame')} with only one of valence and arousal, taken as unlabelled"] if half else []
    )


def _rate_notes(frames: Rows) -> list[str]:
    """Return what there is to say of the frames' rate: recordings with another than most, and frames left out."""
    gaps = np.diff(frames.end)[frames.recording[1:] == frames.recording[:-1]]
    of = frames.recording[1:][frames.recording[1:] == frames.recording[:-1]]
    if not len(gaps):
        return []
    usual = float(np.median(gaps))
    notes = [f"{1 / usual:.4g} frames a second"]
    names, place = np.unique(of, return_inverse=True)
    rates = np.array([np.median(gaps[place == k]) for k in range(len(names))])
    other = names[np.abs(rates / usual - 1) > 0.1]
    if len(other):
        notes.append(f"{_names(other)} of another frame rate")
    jumps = int((gaps > 1.5 * rates[place]).sum())
    if jumps:
        notes.append(f"{messages.counted(jumps, 'gap')} between frames of a recording")
    return notes


def _names(names: NDArray[np.str_]) -> str:
    """Return how many recordings these are, and the first of them."""
    return f"{messages.counted(len(names), 'recording')} ({messages.listed(names.tolist())})"


def _range(values: NDArray[np.float64]) -> list[float] | None:
    known = values[np.isfinite(values)]
    return [round(float(known.min()), 6), round(float(known.max()), 6)] if len(known) else None


def _version(blocks: Mapping[str, Block], frames: Rows) -> str:
    """Return a hash of all values, names and times: the same for other separators, or recordings in another order."""
    content = hashlib.sha256()

    def add(*values: Any) -> None:
        for value in values:
            content.update(repr(value).encode() if isinstance(value, tuple) else np.ascontiguousarray(value).tobytes())

    add(tuple(np.unique(frames.recording).tolist()), frames.end, np.unique(frames.recording, return_inverse=True)[1])
    for name, block in sorted(blocks.items()):
        add((name, block.columns, block.values.shape), block.values + np.zeros(1, block.values.dtype))
        if block.stream is not None:
            names, place = np.unique(block.stream.sequence, return_inverse=True)
            add(tuple(names.tolist()), place, block.stream.start, block.stream.end)
    return content.hexdigest()[:16]
