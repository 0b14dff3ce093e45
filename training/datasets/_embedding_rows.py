"""Rows of one CSV file of embeddings, read and checked: frames, or windows of audio. Shared by readers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from training import messages
from training.contract import UserError
from training.datasets import _scales
from training.datasets._dialect import length
from training.views import TOLERANCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.datasets._dialect import Section
    from training.datasets._table import Table

AXES = ("valence", "arousal")


@dataclass(frozen=True)
class Rows:
    """The rows of a file by recording and time.

    Parameters
    ----------
    table : the file.  row : (n,) each row's number in it, from 0, for messages.
    name : (n,) the cell that names the recording.  recording : (n,) the recording.
    start, end : (n,) seconds; of a frame both are its time.
    values : (n, c) float32 features.  columns : their names.
    va : (n, 2) valence and arousal in [-1, 1], NaN where unknown; None where labels were not asked for.
    ignored : columns that are not read.  empty : features that no row has.  constant : features that do not vary.
    notes : sentences on what was left out or looks odd.  skipped : number of rows that were left out.
    group : (n,) what a split never divides, where it is neither the recording nor a person in its name.
    """

    table: Table
    row: NDArray[np.int64]
    name: NDArray[np.str_]
    recording: NDArray[np.str_]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    values: NDArray[np.float32]
    columns: tuple[str, ...]
    va: NDArray[np.float64] | None
    ignored: tuple[str, ...]
    empty: tuple[str, ...]
    constant: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: int = 0
    group: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        """Return some of the rows, by number or mask."""
        names = ("row", "name", "recording", "start", "end", "values")
        optional = {name: getattr(self, name) for name in ("va", "group")}
        optional = {name: None if values is None else values[rows] for name, values in optional.items()}
        return replace(self, **{name: getattr(self, name)[rows] for name in names}, **optional)


def frames(section: Section, file: Path, *, labelled: bool) -> Rows:
    """Read a CSV file of one row per video frame; with its labels where `labelled`.

    Raises UserError for features that are missing or whose numbers have a gap, a path in which the rule finds no
    recording, times that do not rise within a recording, and labels outside their scale.
    """
    axes = tuple(section[axis] for axis in AXES) if labelled else ()
    rows, numbers = _read(section, file, (section["time"],) if section["time"] else (), axes)
    if labelled:
        va = scaled(rows.table, section, np.column_stack([numbers[axis] for axis in axes]))
        rows = replace(rows, va=va[rows.row])
    return rows


def windows(section: Section, file: Path, block: str) -> Rows:
    """Read a CSV file of one row per window of audio.

    Raises UserError as `frames` does, and for a window that does not end after its start or that is longer than the
    block's name says.
    """
    if not section["start"]:
        return _read(section, file, (), ())[0]
    last = section["duration"] or section["end"]
    rows, _ = _read(section, file, (section["start"], last), ())
    lengths = rows.end - rows.start
    backwards = np.flatnonzero(lengths <= 0)
    if len(backwards):
        row, start = int(rows.row[backwards[0]]), rows.start[backwards[0]] / section.seconds
        expected = "a duration above 0" if section["duration"] else f"an end after the start {start:g}"
        raise rows.table.refuse(row, last, expected, len(backwards) - 1)
    seconds = length(block)
    if seconds is None:
        return rows
    longer = np.flatnonzero(lengths > seconds + TOLERANCE_S)
    if len(longer):
        end = (rows.start[longer[0]] + seconds) / section.seconds
        expected = f"{end:g} or less, since windows of this file are {seconds:g} s long"
        raise rows.table.refuse(int(rows.row[longer[0]]), last, expected, len(longer) - 1)
    shorter = int((lengths < seconds - TOLERANCE_S).sum())
    if shorter:
        sentence = f"{file.name}: {shorter:,} of {len(rows):,} windows shorter than {seconds:g} s"
        rows = replace(rows, notes=(*rows.notes, sentence))
    return rows


def _read(
    section: Section, file: Path, times: tuple[str, ...], gaps: tuple[str, ...]
) -> tuple[Rows, dict[str, NDArray[np.float64]]]:
    """Return the file's rows by recording, and its columns of numbers as they stand in the file."""
    if section.source is not None and not file.exists():
        near = messages.nearest(file.name, [path.name for path in file.parent.glob("*")], cutoff=0.5)
        raise UserError(f"{section.source}, [{section.name}]: the file {file} does not exist{near}")
    table = section.table(file)
    used = tuple(filter(None, (section["path"], *times, *gaps)))
    table.require(used)
    features, notes = _features(table, section, used)
    try:
        numbers, texts = table.read(times, texts=named(section), gaps=[*gaps, *features])
    except UserError as error:
        if section["features"] is None and any(f"column {name}: " in str(error) for name in features):
            hint = f"; features = […] {section.where} names the features where other columns are none"
            raise UserError(f"{error}{hint}") from None
        raise
    count = len(next(iter(numbers.values())))
    name = texts[section["path"]] if section["path"] else np.full(count, file.name)
    recording = recordings(table, section, name)
    start = numbers[times[0]] * section.seconds if times else np.zeros(count)
    end = numbers[times[-1]] * section.seconds if times else start
    if section.keys.get("duration"):
        end = start + end
    negative = np.flatnonzero(start < 0)
    if len(negative):
        raise table.refuse(int(negative[0]), times[0], "a time from the recording's beginning", len(negative) - 1)
    order = np.argsort(np.unique(recording, return_inverse=True)[1], kind="stable")
    check_times(table, times[-1] if times else section["path"], recording[order], end[order], order)

    matrix = _matrix(table, features, numbers)
    there = matrix.there
    notes += matrix.notes
    if not there.all():
        example = f"the first of {recording[~there][0]} at {end[~there][0]:g} s"
        left_out = messages.counted(int((~there).sum()), "row")
        notes.append(f"{file.name}: {left_out} without any feature left out, {example}")
    rows = Rows(
        table=table,
        row=np.arange(len(recording)),
        name=name,
        recording=recording,
        start=start,
        end=end,
        values=matrix.values,
        columns=matrix.columns,
        va=None,
        ignored=tuple(sorted({*table.header} - {*used, *features, ""})),
        empty=matrix.empty,
        constant=matrix.constant,
        notes=tuple(notes),
        skipped=int((~there).sum()),
    )
    return rows.take(order[there[order]]), numbers


@dataclass(frozen=True)
class _Matrix:
    """Features (n, c) without the columns that are empty, and which rows have features at all (n,)."""

    values: NDArray[np.float32]
    columns: tuple[str, ...]
    there: NDArray[np.bool_]
    empty: tuple[str, ...]
    constant: tuple[str, ...]
    notes: tuple[str, ...]


def _matrix(table: Table, features: list[str], numbers: dict[str, NDArray[np.float64]]) -> _Matrix:
    """Return the features; UserError for a row that has some of them only. They are taken out of `numbers`."""
    file, notes = table.path.name, []
    values = np.empty((len(next(iter(numbers.values()))), len(features)), np.float32)
    for i, name in enumerate(features):
        values[:, i] = numbers.pop(name)
    missing = np.isnan(values)
    filled = ~np.asarray(missing.all(axis=0))
    columns = [name for name, one in zip(features, filled.tolist(), strict=True) if one]
    empty = [name for name in features if name not in {*columns}]
    if not columns:
        raise UserError(f"{table.path}: expected numbers in {messages.listed(empty)}, found no number in any row")
    if empty:
        sentence = f"{messages.counted(len(empty), 'column')} without any number left out: {messages.listed(empty)}"
        notes.append(f"{file}: {sentence}")
        values, missing = values[:, filled], missing[:, filled]
    there = ~np.asarray(missing.all(axis=1))
    incomplete = np.argwhere(missing & there[:, None])
    if len(incomplete):
        row, column = incomplete[0].tolist()
        more = int(missing[there, column].sum()) - 1
        raise table.refuse(row, columns[column], "a number, or no feature at all in the row", more)
    spans = np.ptp(values[there], axis=0).tolist()
    constant = [name for name, span in zip(columns, spans, strict=True) if span == 0 and len(values) > 1]
    if constant:
        notes.append(f"{file}: constant, so that nothing can be learnt from it: {messages.listed(constant)}")
    return _Matrix(values, tuple(columns), there, tuple(empty), tuple(constant), tuple(notes))


def _features(table: Table, section: Section, used: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the columns of features, in order, and notes."""
    wanted, notes = section["features"], []
    if isinstance(wanted, list):
        names: list[str] = wanted
    elif wanted is None:
        names = [name for name in table.header if name and name not in used]
        if "" in table.header:
            notes.append(f"{table.path.name}: a column without a name is left out")
        if not names:
            raise UserError(f"{table.path}: expected columns of features beside {', '.join(used)}, found none")
    else:
        names = [name for name in table.header if name.startswith(wanted)]
        if not names:
            table.require([f"{wanted}0"], why=f"; features are columns that begin with {wanted!r}")
        names = _numbered(table, wanted, names)
    table.require(names)
    return names, notes


def _numbered(table: Table, begins: str, names: list[str]) -> list[str]:
    """Return columns by their numbers; UserError where one is missing among them. Other columns stay in their order."""
    tails = [name.removeprefix(begins) for name in names]
    if not all(re.fullmatch(r"\d+", tail, re.ASCII) for tail in tails):
        return names
    by_number = dict(sorted(zip(map(int, tails), names, strict=True)))
    first, last = min(by_number), max(by_number)
    missing = sorted({*range(min(first, 1), last + 1)} - {*by_number})
    if missing:
        raise UserError(
            f"{table.path}, line 1: expected columns {begins}{min(first, 1)} … {begins}{last} without a gap, found "
            f"{len(by_number)} of them; missing: {messages.listed([f'{begins}{number}' for number in missing])}"
        )
    return names if len(names) > len(by_number) else list(by_number.values())


def named(section: Section) -> list[str]:
    """Return the column of names, [] where the file's name is the recording's."""
    return [section["path"]] if section["path"] else []


def recordings(table: Table, section: Section, names: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the recording (n,) that the section's rule finds in each name (n,)."""
    rule, path = re.compile(section["recording"]), section["path"]
    if not path:
        match = rule.search(table.path.name)
        if not match or not match["recording"]:
            raise UserError(
                f"{table.path}: expected a file's name in which {section['recording']!r} finds a recording "
                f'(path = "" {section.where})'
            )
        return np.full(len(names), match["recording"])
    for mark, line in (("'", 'quote = "\'"'), ('"', "quote = '\"'")):
        quoted = np.flatnonzero(np.char.startswith(names, mark) & np.char.endswith(names, mark))
        if len(quoted):
            raise table.refuse(int(quoted[0]), path, f"a name without quotes ({line} {section.where})", len(quoted) - 1)
    unique, place = np.unique(names, return_inverse=True)
    matches = [rule.search(name) for name in unique.tolist()]
    recordings = [match["recording"] or "" if match else "" for match in matches]
    bad = np.flatnonzero(~np.array([bool(one) for one in recordings])[place])
    if len(bad):
        expected = f"a name in which {section['recording']!r} finds a recording (or recording = '…' {section.where})"
        raise table.refuse(int(bad[0]), path, expected, len(bad) - 1)
    return np.array(recordings, np.str_)[place]


def check_times(
    table: Table, column: str, recording: NDArray[np.str_], time: NDArray[np.float64], order: NDArray[np.int64]
) -> None:
    """Raise UserError where the times of a recording do not rise from row to row."""
    same = recording[1:] == recording[:-1]
    bad = np.flatnonzero(same & (np.diff(time) <= TOLERANCE_S))
    if not len(bad):
        return
    first = bad[np.argmin(order[bad + 1])]
    row, before = int(order[first + 1]), int(order[first])
    twice = abs(time[first + 1] - time[first]) <= TOLERANCE_S
    expected = f"each time of {recording[first]} once" if twice else f"times of {recording[first]} in rising order"
    expected += f", later than {time[first]:g} s on line {table.lines()[before]}"
    raise table.refuse(row, column, expected, len(bad) - 1)


def scaled(
    table: Table, section: Section, va: NDArray[np.float64], columns: tuple[str, ...] | None = None
) -> NDArray[np.float64]:
    """Return labels (n, 2) in [-1, 1]; UserError for one outside the scale that is declared, or −1 … 1.

    columns : that they come from, where those are not the section's.
    """
    columns = columns or tuple(section[axis] for axis in AXES)
    low, high = section["scale"] or (-1, 1)
    outside = np.argwhere((va < low) | (va > high))
    if len(outside):
        row, axis = outside[0].tolist()
        expected = f"a number in [{low:g}, {high:g}]"
        if section["scale"] is None:
            least, most = np.nanmin(va), np.nanmax(va)
            scales = _scales.holding(va[np.isfinite(va)])
            guess = list(scales[0]) if scales else [int(np.floor(least)), int(np.ceil(most))]
            expected += (
                f" (labels are {least:g} … {most:g}: write their scale, such as scale = {guess}, {section.where})"
            )
        else:
            expected += f", the scale that {section.source} declares"
        raise table.refuse(row, columns[axis], expected, int((outside[:, 1] == axis).sum()) - 1)
    return (va - (low + high) / 2) / ((high - low) / 2)
