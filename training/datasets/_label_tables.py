"""Labels in files of their own: one row per label, wide tables with times in the header, events. Shared by readers.

What a label belongs to is found by its recording and its time, never by its place in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from training import messages
from training.contract import UserError
from training.datasets import _embedding_rows
from training.datasets._dialect import EVENTS, UNLABELLED, WIDE
from training.datasets._embedding_rows import AXES, Rows
from training.views import TOLERANCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.datasets._dialect import Section
    from training.datasets._table import Table


@dataclass(frozen=True)
class Labels:
    """Labels by recording and time.

    recording : (n,) names.  time : (n,) seconds, of an event its onset.  seconds : (n,) an event's length, else 0.
    va : (n, 2) in [-1, 1], NaN where unknown.  who : (n,) whose event it is, "" where nobody is named.
    table : the first file.  notes : sentences on what was left out or looks odd.
    """

    recording: NDArray[np.str_]
    time: NDArray[np.float64]
    seconds: NDArray[np.float64]
    va: NDArray[np.float64]
    who: NDArray[np.str_]
    table: Table
    notes: tuple[str, ...]


def read(section: Section) -> Labels:
    """Read all files of the section [labels].

    Raises UserError for bad cells, labels outside their scale, times that do not rise, durations that are not above 0,
    and a recording with the same time in two files.
    """
    if section["layout"] == WIDE:
        return _wide(section)
    parts = [_rows(section, file) for file in section.files.values()]
    joined = Labels(
        recording=np.concatenate([one.recording for one in parts]),
        time=np.concatenate([one.time for one in parts]),
        seconds=np.concatenate([one.seconds for one in parts]),
        va=np.concatenate([one.va for one in parts]),
        who=np.concatenate([one.who for one in parts]),
        table=parts[0].table,
        notes=tuple(note for one in parts for note in one.notes),
    )
    if section["layout"] == EVENTS:
        return replace(joined, notes=(*joined.notes, *_overlaps(joined, section)))
    order = np.lexsort((joined.time, joined.recording))
    names, times = joined.recording[order], joined.time[order]
    twice = np.flatnonzero((names[1:] == names[:-1]) & (np.diff(times) <= TOLERANCE_S))
    if len(twice):
        raise UserError(
            f"{section.source}, [{section.name}]: expected each time of a recording in one file, found "
            f"{names[twice[0]]} at {times[twice[0]]:g} s in two of {messages.listed(section.files)}"
        )
    return joined


def _rows(section: Section, file: Path) -> Labels:
    """Read one file of a row per label or event."""
    table, events = section.table(file), section["layout"] == EVENTS
    times = tuple(filter(None, (section["onset"], section["duration"]) if events else (section["time"],)))
    parts = [_operands(table, section[axis]) for axis in AXES]
    who = [section["who"]] if section["who"] else []
    columns = [name for names in parts for name in names]
    table.require([*_embedding_rows.named(section), *times, *columns, *who])
    numbers, texts = table.read(times, texts=[*_embedding_rows.named(section), *who], gaps=columns)
    count = len(numbers[columns[0]])
    name = texts[section["path"]] if section["path"] else np.full(count, file.name)
    recording = _embedding_rows.recordings(table, section, name)
    start = numbers[times[0]] * section.seconds if times else np.zeros(count)
    negative = np.flatnonzero(start < 0)
    if len(negative):
        raise table.refuse(int(negative[0]), times[0], "a time from the recording's beginning", len(negative) - 1)
    seconds = np.zeros(count)
    if events:
        seconds = numbers[times[1]] * section.seconds if len(times) > 1 else seconds
        short = np.flatnonzero(seconds <= 0)
        if len(short):
            if len(times) == 1:
                raise UserError(f"{section.source}, [{section.name}]: expected the column of an event's duration")
            raise table.refuse(int(short[0]), times[1], "a duration above 0", len(short) - 1)
    else:
        order = np.argsort(np.unique(recording, return_inverse=True)[1], kind="stable")
        column = times[0] if times else section["path"]
        _embedding_rows.check_times(table, column, recording[order], start[order], order)
    raw = np.column_stack([numbers[one[0]] - (numbers[one[1]] if len(one) > 1 else 0.0) for one in parts])
    va, notes = _scaled(table, section, raw, tuple(one[0] for one in parts))
    return Labels(recording, start, seconds, va, texts[who[0]] if who else np.full(count, ""), table, notes)


def _operands(table: Table, column: str) -> list[str]:
    """Return a column, or the two of a difference ``a - b``."""
    return [column] if column in table.header or " - " not in column else column.split(" - ", 1)


def _scaled(
    table: Table, section: Section, va: NDArray[np.float64], columns: tuple[str, ...]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return labels (n, 2) in [-1, 1], and a sentence on those outside the scale where they are taken out."""
    if section["outside"] != UNLABELLED:
        return _embedding_rows.scaled(table, section, va, columns), ()
    low, high = section["scale"] or (-1, 1)
    outside = np.less(va, low) | np.greater(va, high)
    rows = np.flatnonzero(outside.any(axis=1))
    inside = np.where(outside.any(axis=1, keepdims=True), np.nan, va)
    if not len(rows):
        return _embedding_rows.scaled(table, section, va, columns), ()
    first, axis = int(rows[0]), int(np.argmax(outside[rows[0]]))
    note = (
        f"{table.path.name}: {messages.counted(len(rows), 'label')} outside [{low:g}, {high:g}] taken as unlabelled, "
        f"the first on line {table.lines()[first]} ({columns[axis]} {va[first, axis]:g})"
    )
    return _embedding_rows.scaled(table, section, inside, columns), (note,)


def _overlaps(events: Labels, section: Section) -> list[str]:
    """Return sentences on events that begin before an earlier one of their recording ends."""
    order = np.lexsort((events.time, events.recording))
    of_all, of_one, example = 0, 0, ""
    latest: dict[tuple[str, ...], float] = {}
    for i in order.tolist():
        name, who, start = str(events.recording[i]), str(events.who[i]), float(events.time[i])
        end = start + float(events.seconds[i])
        of_all += start < latest.get((name,), 0.0) - TOLERANCE_S
        if start < latest.get((name, who), 0.0) - TOLERANCE_S:
            of_one += 1
            example = example or f"{name}{f', {who}' if who else ''} at {start:g} s"
        for key in ((name,), (name, who)):
            latest[key] = max(end, latest.get(key, 0.0))
    if not of_all:
        return []
    same = f", {of_one:,} of them one of the same {section['who']}" if section["who"] else ""
    first = f" (the first: {example})" if of_one else ""
    return [f"{of_all:,} of {len(events.time):,} events overlap an earlier one{same}{first}; each is a sample"]


# ------------------------------------------------------------------------------------------------------ wide tables


def _wide(section: Section) -> Labels:
    """Read two tables of one row per recording, whose columns are times, and join them by recording and time."""
    values: dict[str, dict[tuple[str, float], float]] = {}
    tables: dict[str, Table] = {}
    notes: list[str] = []
    for axis, file in section.files.items():
        tables[axis] = table = section.table(file)
        rule = re.compile(section["time"])
        columns = {name: match["time"] for name in table.header if (match := rule.fullmatch(name))}
        if not columns:
            raise UserError(
                f"{file}, line 1: expected columns such as {section['time']!r} matches, found "
                f"{messages.listed(table.header)}"
            )
        numbers, texts = table.read((), texts=_embedding_rows.named(section), gaps=list(columns))
        names = _embedding_rows.recordings(table, section, texts[section["path"]])
        unique, first, count = np.unique(names, return_index=True, return_counts=True)
        if (count > 1).any():
            row = np.flatnonzero(names == unique[count > 1][0])[1]
            line = table.lines()[int(first[count > 1][0])]
            raise table.refuse(int(row), section["path"], f"each recording once, as on line {line}")
        values[axis] = {}
        for column, text in columns.items():
            try:
                time = float(text) * section.seconds
            except ValueError:
                raise UserError(f"{file}, line 1, column {column}: expected a time in it, found {text!r}") from None
            _check_axis(table, section, numbers[column], column)
            for name, value in zip(names.tolist(), numbers[column].tolist(), strict=True):
                if np.isfinite(value):
                    values[axis][name, time] = value
    valence, arousal = (values[axis] for axis in AXES)
    songs = [{name for name, _ in one} for one in (valence, arousal)]
    for i, axis in enumerate(AXES):
        if alone := sorted(songs[i] - songs[1 - i]):
            other = tables[AXES[1 - i]].path.name
            notes.append(
                f"{tables[axis].path.name}: {messages.counted(len(alone), 'recording')} ({messages.listed(alone)}) "
                f"not in {other}"
            )
    keys = sorted({*valence, *arousal})
    raw = np.array([[valence.get(key, np.nan), arousal.get(key, np.nan)] for key in keys]).reshape(-1, 2)
    low, high = section["scale"] or (-1, 1)
    outside = (np.less(raw, low) | np.greater(raw, high)).any(axis=1)
    if outside.any():
        key = keys[int(np.flatnonzero(outside)[0])]
        notes.append(
            f"{messages.counted(int(outside.sum()), 'label')} outside [{low:g}, {high:g}] taken as unlabelled, the "
            f"first of {key[0]} at {key[1]:g} s"
        )
        raw[outside] = np.nan
    return Labels(
        recording=np.array([name for name, _ in keys], np.str_),
        time=np.array([time for _, time in keys]),
        seconds=np.zeros(len(keys)),
        va=(raw - (low + high) / 2) / ((high - low) / 2),
        who=np.full(len(keys), ""),
        table=tables[AXES[0]],
        notes=tuple(notes),
    )


def _check_axis(table: Table, section: Section, values: NDArray[np.float64], column: str) -> None:
    """Raise UserError for a label of one column that is outside the scale, where those are refused."""
    if section["outside"] != UNLABELLED:
        _embedding_rows.scaled(table, section, np.column_stack([values, values]), (column, column))


# ------------------------------------------------------------------------------------------- labels to their samples


def samples(labels: Labels) -> Rows:
    """Return each label as a sample of its own, without video features."""
    known = np.asarray(np.isfinite(labels.va).any(axis=1))
    n = len(labels.time)
    rows = Rows(
        table=labels.table,
        row=np.arange(n),
        name=labels.recording,
        recording=labels.recording,
        start=labels.time,
        end=labels.time,
        values=np.empty((n, 0), np.float32),
        columns=(),
        va=labels.va,
        ignored=(),
        empty=(),
        constant=(),
        notes=labels.notes,
        skipped=int((~known).sum()),
    )
    names, place = np.unique(labels.recording, return_inverse=True)
    order = np.lexsort((labels.time, place)) if len(names) else np.arange(0)
    return rows.take(order[known[order]])


def joined(labels: Labels, frames: Rows) -> Rows:
    """Return frames with the labels of their recording that are nearest in time, at most half a label's step away.

    Frames without a label are unlabelled. What has no counterpart is counted and named. UserError where nothing has.
    """
    va = np.full((len(frames), 2), np.nan)
    notes = list(labels.notes)
    labelled, seen = np.unique(labels.recording), np.unique(frames.recording)
    of_labels, of_frames = labels.table.path.name, frames.table.path.name
    both = np.intersect1d(labelled, seen)
    if not len(both):
        raise UserError(
            f"{labels.table.path}: no recording of the labels is in {of_frames}; found {str(labelled[0])!r} here and "
            f"{str(seen[0])!r} there. The rule recording = '…' of each section finds the name"
        )
    alone = np.setdiff1d(labelled, seen)
    if len(alone):
        rows = messages.counted(int(np.isin(labels.recording, alone).sum()), "label")
        recordings = f"{messages.counted(len(alone), 'recording')} ({messages.listed(alone.tolist())})"
        notes.append(f"the labels: {recordings} not in {of_frames}; {rows} left out")
    alone = np.setdiff1d(seen, labelled)
    if len(alone):
        rows = messages.counted(int(np.isin(frames.recording, alone).sum()), "frame")
        recordings = f"{messages.counted(len(alone), 'recording')} ({messages.listed(alone.tolist())})"
        notes.append(f"{of_frames}: {recordings} not in the labels; {rows} without label")
    unused, after, other = 0, 0, 0
    for name in both.tolist():
        of, at_rows = np.flatnonzero(labels.recording == name), np.flatnonzero(frames.recording == name)
        of = of[np.argsort(labels.time[of], kind="stable")]
        times, at = labels.time[of], frames.end[at_rows]
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        right = np.clip(np.searchsorted(times, at), 0, len(times) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(np.abs(times[left] - at) <= np.abs(times[right] - at) + TOLERANCE_S, left, right)
        # a tie goes to the earlier label, which was there when the frame was seen
        close = np.abs(times[nearest] - at) <= step / 2 + TOLERANCE_S
        va[at_rows[close]] = labels.va[of[nearest[close]]]
        late = at > times[-1] + step / 2 + TOLERANCE_S
        after += int(late.sum())
        other += int((~close & ~late).sum())
        unused += len(of) - len(np.unique(nearest[close]))
    if not np.isfinite(va).any():
        times = labels.time[labels.recording == both[0]]
        raise UserError(
            f"{labels.table.path}: no label goes with a frame of {of_frames}; labels of {both[0]} are from "
            f"{times.min():g} to {times.max():g} s"
        )
    if after:
        notes.append(f"{messages.counted(after, 'frame')} after the last label of their recording, unlabelled")
    if other:
        notes.append(f"{messages.counted(other, 'frame')} with no label near them, unlabelled")
    if unused:
        notes.append(f"{of_labels} …: {messages.counted(unused, 'label')} that no frame is nearest to, not used")
    return replace(frames, va=va, notes=(*frames.notes, *notes))
