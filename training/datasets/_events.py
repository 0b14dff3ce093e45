"""Events with onset and duration as samples: what two streams measure while they last. Shared by readers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from training import messages
from training.contract import UserError
from training.datasets import _embedding_rows, _label_tables
from training.views import TOLERANCE_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.datasets._dialect import Layout
    from training.datasets._embedding_rows import Rows
    from training.datasets._label_tables import Labels

MEAN, SD = "_mean", "_sd"


def read(layout: Layout) -> tuple[Rows, dict[str, Rows], list[str]]:
    """Return each event as a sample, the same with what is heard in it by block, and sentences.

    Features are mean and standard deviation (divided by N) of the rows of a stream from an event's onset up to its
    end. Each event is a sequence of its own and ends at its duration; its group is the recording.

    Raises UserError where there is neither a stream of frames nor one of audio, and for files whose features differ.
    """
    assert layout.labels is not None
    labels = _label_tables.read(layout.labels)
    n = len(labels.time)
    number = np.zeros(n, np.int64)
    for name in np.unique(labels.recording).tolist():
        of = np.flatnonzero(labels.recording == name)
        number[of] = np.arange(1, len(of) + 1)
    sequence = np.array([f"{name} event {i}" for name, i in zip(labels.recording, number, strict=True)], np.str_)
    streams: dict[str, list[Rows]] = {}
    if layout.frames is not None:
        section = layout.frames
        streams["video"] = [_embedding_rows.frames(section, file, labelled=False) for file in section.matching("video")]
    if layout.audio is not None:
        for block in layout.audio.files:
            files = layout.audio.matching(block)
            streams[block] = [_embedding_rows.windows(layout.audio, file, block) for file in files]
    if not streams:
        raise UserError(f"{layout.labels.source}: expected [frames] or [audio] beside events, found neither")
    notes = [*labels.notes, *_differing(streams)]
    made: dict[str, Rows] = {}
    known = np.isfinite(labels.va).any(axis=1)
    for block, parts in streams.items():
        values, columns, there = _within(labels, parts)
        notes += [note for part in parts for note in part.notes]
        if empty := int((~there & known).sum()):
            notes.append(f"{block}: {messages.counted(empty, 'event')} without any row in it, left out")
        if not there.any():
            raise UserError(f"{parts[0].table.path}: no row is in an event of {labels.table.path.name}")
        base = replace(
            _label_tables.samples(replace(labels, va=np.zeros((n, 2)))),
            table=parts[0].table,
            va=None,
            notes=(),
            skipped=0,
        )
        made[block] = replace(
            base,
            row=np.arange(n),
            name=labels.recording,
            recording=sequence,
            start=np.zeros(n),
            end=labels.seconds,
            values=values,
            columns=columns,
            va=labels.va,
            group=labels.recording,
            ignored=parts[0].ignored,
            empty=parts[0].empty,
        ).take(there & known)
    unlabelled = int((~known).sum())
    if unlabelled:
        notes.append(f"{messages.counted(unlabelled, 'event')} without valence and arousal left out")
    audio = {block: rows for block, rows in made.items() if block != "video"}
    if "video" in made:
        frames = made["video"]
    else:
        first = next(iter(audio.values()))
        frames = replace(first, values=np.empty((len(first), 0), np.float32), columns=(), ignored=(), empty=())
    frames = replace(frames, skipped=n - len(frames))
    audio = {block: rows.take(np.isin(rows.recording, frames.recording)) for block, rows in audio.items()}
    return frames, audio, notes


def _within(labels: Labels, parts: list[Rows]) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.bool_]]:
    """Return means and standard deviations (n, 2 c) of the rows in each event, their names, and which have rows."""
    columns = parts[0].columns
    for part in parts[1:]:
        if part.columns != columns:
            raise UserError(
                f"{part.table.path}: expected the features of {parts[0].table.path.name} ({messages.listed(columns)}), "
                f"found {messages.listed(part.columns)}"
            )
    n, c = len(labels.time), len(columns)
    values, there = np.zeros((n, 2 * c), np.float32), np.zeros(n, bool)
    for part in parts:
        for name in np.unique(part.recording).tolist():
            rows = np.flatnonzero(part.recording == name)
            times, features = part.start[rows], part.values[rows].astype(np.float64)
            for i in np.flatnonzero(labels.recording == name).tolist():
                first, stop = np.searchsorted(
                    times, np.array([labels.time[i], labels.time[i] + labels.seconds[i]]) - TOLERANCE_S
                )
                if stop > first:
                    inside = features[first:stop]
                    values[i], there[i] = np.concatenate([inside.mean(axis=0), inside.std(axis=0)]), True
    names = (*(f"{name}{MEAN}" for name in columns), *(f"{name}{SD}" for name in columns))
    return values, names, there


def _differing(streams: dict[str, list[Rows]]) -> list[str]:
    """Return a sentence on recordings of which two streams have another number of rows."""
    counts: list[dict[str, int]] = []
    for parts in streams.values():
        count: dict[str, int] = {}
        for part in parts:
            for name, rows in zip(*np.unique(part.recording, return_counts=True), strict=True):
                count[str(name)] = count.get(str(name), 0) + int(rows)
        counts.append(count)
    notes = []
    for block, count in list(zip(streams, counts, strict=True))[1:]:
        first = next(iter(streams))
        other = [name for name in count if name in counts[0] and counts[0][name] != count[name]]
        if other:
            notes.append(
                f"{first} and {block} differ in rows in {messages.counted(len(other), 'recording')}, the first "
                f"{other[0]}: {counts[0][other[0]]:,} and {count[other[0]]:,}; rows go with events by their time"
            )
    return notes
