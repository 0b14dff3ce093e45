"""Laban Movement Analysis features of motion capture with pleasure, arousal and dominance, from a CSV file.

One row is one window of a recording. The columns are 27 LMA features, named as published, 15 ``*_movement_jerk_*`` in
files of the same authors, ``EMOTION_P, EMOTION_A, EMOTION_D`` in [-1, 1] and, where known, ``clip``, ``label``,
``window`` (index of the window in its clip) and ``frame_counter``. Any further column is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training import left_out
from training.contract import UserError
from training.data import Block, Dataset, NewRows, Reader
from training.datasets import _scales
from training.datasets._table import Table
from training.messages import listed
from training.motion_capture import bvh, figures
from training.motion_capture.names import ACCELERATION, FEATURES, MOVERS, PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings

READER = Reader(
    title="LMA features of motion capture (CSV)",
    data="motion",
    blocks=("features", "pad"),
    settings={"features": ("all", "no_acceleration", "with_jerk", "plain"), "contradicting": ("left_out", "kept")},
    classes=True,
    sequences=True,
)

ACCELERATIONS = tuple(name for name in FEATURES if name.endswith(ACCELERATION))
JERK = tuple(f"{mover}_movement_jerk_{axis}" for mover in MOVERS for axis in "xyz")
PAD = {"EMOTION_P": "pleasure", "EMOTION_A": "arousal", "EMOTION_D": "dominance"}

NAMES, COUNTERS = ("clip", "label"), ("window", "frame_counter")
"""Columns that a file need not have."""

CONTRADICTING = "contradicting"
AGAINST = (
    "windows of a recording that has two names and labels that contradict each other (contradicting=kept takes them)"
)
RUN = "run of windows"
"""The kind of group where the file does not name its clips."""


def columns(features: str) -> tuple[str, ...]:
    """Return the features of the setting `features`: 27 (all), 22 (no_acceleration), 42 (with_jerk) or 31."""
    if features == "no_acceleration":
        return tuple(name for name in FEATURES if name not in ACCELERATIONS)
    return {"with_jerk": FEATURES + JERK, "plain": PLAIN}.get(features, FEATURES)


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the CSV file `root` (.csv or .csv.gz): blocks ``features`` (n, 27 | 22 | 42) and ``pad`` (n, 3).

    A sample is a window, a group a clip. Clips that share windows are one recording under several names, and one group;
    where their labels differ they are left out (setting ``contradicting``). Without a column ``clip`` neighbouring rows
    of one recording are a group (see `_runs`): windows of one recording in two parts of a split would leak. Raises
    UserError for a file that is not as the module says.
    """
    chosen = columns(settings["features"])
    table = _open(root, [*chosen, *PAD], settings)
    has = {name: table.optional(name) for name in (*NAMES, *COUNTERS)}
    counters = [name for name in COUNTERS if has[name]]
    numbers, texts = table.read([*chosen, *PAD, *counters], [name for name in NAMES if has[name]])

    pad = np.column_stack([numbers[name] for name in PAD])
    _check_range(table, pad)
    label = texts.get("label")
    notes = _scales.notes(pad, [*PAD])
    counter = next((numbers[name] for name in counters), None)
    group = texts["clip"] if has["clip"] else _runs(label, pad, counter, notes)
    values = np.column_stack([numbers[name] for name in chosen])
    clip, skipped = group, dict(table.skipped)
    sample = _samples(table, clip, numbers.get("window") if has["clip"] else None)
    version, time = _version(table, numbers, texts), numbers["window"] if has["window"] else None
    if CONTRADICTING in settings:  # runs of an earlier record have their clips as groups
        same = _same(values, clip)
        group = np.array([same.name.get(one, one) for one in clip.tolist()], np.str_)
        if same.name:
            notes.append(f"recordings under several names, each one group: {listed(sorted({*same.name.values()}))}")
        against = _contradicting(same, pad, label) if settings[CONTRADICTING] == "left_out" else set()
        stays = ~np.isin(clip, sorted(against))
        if not stays.any():
            raise UserError(f"{table.path}: every recording is there twice, with labels that contradict each other")
        left_out.add(skipped, {AGAINST: sample[~stays].tolist()})
        values, pad, sample, clip, group = values[stays], pad[stays], sample[stays], clip[stays], group[stays]
        label = None if label is None else label[stays]
        time = None if time is None else time[stays]
    moving = figures.read(table.path)
    if isinstance(moving, str):
        notes.append(moving)
    return Dataset(
        name="lma",
        version=version,
        synthetic=False,
        blocks={
            "features": Block(values, chosen),
            "pad": Block(pad, tuple(PAD.values()), low=-1.0, high=1.0),
        },
        sample=sample,
        group=group,
        group_kind="clip" if has["clip"] else RUN,
        persons_known=False,
        label=label,
        sequence=clip,
        # a window is one second long and they follow one another
        time=time,
        figures=partial(_figures, sample, *moving) if isinstance(moving, tuple) else None,
        summary={
            "file": table.path.name,
            "group_kind": "clip" if has["clip"] else RUN,
            "ignored_columns": sorted({*table.header} - {*chosen, *PAD, *has}),
            **summarise(values, chosen, pad, group, label, notes, skipped),
        },
    )


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read new rows to predict for: only the columns of `blocks` are asked for.

    Returns the values (n, c), in the order that `read` gives them, and what names the rows in the file, by column; a
    new row need not have a name or a label. A recording (.bvh) gives the windows that ``prepare motion`` makes of it.
    Raises UserError as `read` does.
    """
    if file.name.lower().endswith(bvh.SUFFIXES):
        return _of_recording(file, blocks, settings["features"])
    table = Table(file)
    columns_of = {block: tuple(PAD) if block == "pad" else columns(settings["features"]) for block in blocks}
    for block, names in columns_of.items():
        table.require(names, why=f"; the run's method takes {block}")
    naming = [name for name in ("clip", "window", "label") if name in table.header]
    numbers, texts = table.read([name for names in columns_of.values() for name in names], notes=naming)
    values = {block: np.column_stack([numbers[name] for name in names]) for block, names in columns_of.items()}
    if "pad" in values:
        _check_range(table, values["pad"])
    skipped = left_out.sentences(table.skipped)
    return NewRows({block: Block(values[block], columns_of[block]) for block in blocks}, texts, skipped=skipped)


def _of_recording(file: Path, blocks: tuple[str, ...], kind: str) -> NewRows:
    """Return the windows of a recording, one second each, with the features of the setting `kind`."""
    from training.motion_capture import features, skeletons

    if blocks != ("features",):
        raise UserError(f"{file}: expected a run whose method takes features of motion; this one takes {blocks[0]}")
    if kind == "with_jerk":
        raise UserError(f"{file}: jerk is not computed from recordings; expected a run with features=all or plain")
    recording = bvh.read(file)
    skeleton = skeletons.of(recording, None, file)
    made = features.windows(recording, skeleton, "plain" if kind == "plain" else "published", 1.0, 1.0, file)
    at = {name: place for place, name in enumerate(made.names)}
    chosen = columns(kind)
    values = made.values[:, [at[name] for name in chosen]]
    clip = file.name.removesuffix(".gz").removesuffix(".bvh")
    naming = {
        "clip": np.full(len(values), clip),
        "window": np.arange(len(values)).astype(np.str_),
        "time": np.array([f"{time:.3f}" for time in made.time], np.str_),
    }
    return NewRows({"features": Block(values, chosen)}, naming)


def summarise(
    values: NDArray[np.float64],
    names: tuple[str, ...],
    pad: NDArray[np.float64],
    group: NDArray[np.str_],
    label: NDArray[np.str_] | None,
    notes: list[str],
    skipped: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return the counts of a motion data set, and what a person should know of it, as a summary for JSON.

    `values` (n, f) with column `names`, `pad` (n, 3), `group` and `label` (n,). `notes` are sentences to begin with,
    `skipped` what was left out, by reason.
    """
    sizes = Counter(group.tolist())
    spread = np.ptp(values, axis=0)
    constant = [name for name, of in zip(names, spread, strict=True) if of == 0 and len(values) > 1]
    same = _same(values, group)
    notes = [*notes, *left_out.sentences(skipped or {})]
    if len(sizes) == 1:
        notes.append("one group only: it cannot be split into train, validation and test")
    if constant:
        notes.append(f"constant, so that nothing can be learnt of it: {', '.join(constant)}")
    if same.pairs:
        notes.append(
            f"{same.windows} windows of a group recur in another ({listed(sorted({*same.name.values()}), 3)}): where a "
            "split parts such groups, test is not wholly unseen"
        )
    found: dict[str, Any] = {
        "rows": len(values),
        **left_out.summary(skipped or {}),
        "groups": len(sizes),
        "windows_per_group": {"min": min(sizes.values()), "max": max(sizes.values())},
        "pad_triples": len(np.unique(pad, axis=0)),
        "constant_features": constant,
        "copied_windows": same.windows,
        "notes": notes,
    }
    if label is not None:
        in_groups = {name for name in zip(label.tolist(), group.tolist(), strict=True)}
        found["rows_by_label"] = dict(sorted(Counter(label.tolist()).items()))
        found["groups_by_label"] = dict(sorted(Counter(name for name, _ in in_groups).items()))
    return found


def _open(root: Path | None, wanted: Sequence[str], settings: Settings) -> Table:
    """Open the table and see that the columns `wanted` are there."""
    if root is None:
        raise UserError("the data set lma reads a file: give it with --root FILE.csv (or FILE.csv.gz)")
    table = Table(root)
    # where only what another setting leaves out is missing, that setting is the advice
    further, without = {"all": (ACCELERATIONS, "no_acceleration"), "with_jerk": (JERK, "all")}.get(
        settings["features"], ((), "")
    )
    alone = {*wanted} - {*table.header} <= {*further}
    table.require(wanted, why=f"; a file without them is read with --set features={without}" if alone else "")
    return table


def _version(table: Table, numbers: Mapping[str, NDArray[Any]], texts: Mapping[str, NDArray[Any]]) -> str:
    """Return a hash of the values in the file: of every column that is known, whichever a setting chooses.

    It is the same for other line ends, a byte order mark, gzip, quotes, 1.0 for 1.00, and columns in another order or
    that are left alone. Rows in another order are other data: where windows are not numbered, their order tells which
    follow each other.
    """
    known = {name for name in (*FEATURES, *JERK, *PLAIN, *PAD, *COUNTERS, *NAMES) if table.header.count(name) == 1}
    # what was not asked for need not be right
    _, others = table.read([], notes=sorted(known - {*numbers, *texts})) if known - {*numbers, *texts} else ({}, {})
    content = hashlib.sha256()
    for name in sorted(known):
        values: Any = numbers[name] if name in numbers else texts[name] if name in texts else others[name]
        if name not in numbers and name not in NAMES:
            with contextlib.suppress(ValueError):  # no column of numbers: its texts count
                values = values.astype(np.float64)
        content.update(f"{name}\n".encode())
        if values.dtype.kind == "f":
            content.update((values + 0.0).tobytes())  # -0 is 0
        else:
            content.update("\0".join(values.tolist()).encode())
    return content.hexdigest()[:16]


def _check_range(table: Table, pad: NDArray[np.float64]) -> None:
    outside = np.abs(pad) > 1
    if outside.any():
        row, axis = (int(i) for i in np.argwhere(outside)[0])
        more = int(outside[:, axis].sum()) - 1
        error = table.refuse(row, list(PAD)[axis], "a number in [-1, 1]", more)
        raise UserError(f"{error}{_scales.hint(pad, -1, 1)}")


def _runs(
    label: NDArray[np.str_] | None,
    pad: NDArray[np.float64],
    counter: NDArray[np.float64] | None,
    notes: list[str],
) -> NDArray[np.str_]:
    """Name the run of rows to which each row belongs, where the file does not name its clips.

    A run ends where the label changes and where the counter of windows or frames does not rise. Without labels a PAD
    triple serves as one, unless it changes from window to window, as PAD that was rated over time does. Where this
    cannot be known, rows are joined and not separated, and `notes` say so.
    """
    breaks = np.zeros(len(pad), bool)
    notes.append("no column clip: a group is a run of neighbouring windows")
    if label is not None:
        breaks[1:] = label[1:] != label[:-1]
    else:
        changes = (np.diff(pad, axis=0) != 0).any(axis=1)
        if changes.sum() * 2 < len(pad):
            breaks[1:] = changes
    if counter is not None:
        breaks[1:] |= np.diff(counter) <= 0
    else:
        notes.append(
            "no column window or frame_counter either, so recordings of the same "
            f"{'PAD' if label is None else 'label'} that follow one another cannot be told apart and are one group"
        )
    number = 1 + np.cumsum(breaks)
    if number[-1] * 2 > len(pad) > 1:
        notes.append(
            "most runs are single windows: where rows are not in the order of recording, a split parts windows of one "
            "recording, and its test is not unseen; add a column clip"
        )
    width = len(str(number[-1]))
    return np.array([f"run {i:0{width}d}" for i in number.tolist()], np.str_)


def _samples(table: Table, group: NDArray[np.str_], window: NDArray[np.float64] | None) -> NDArray[np.str_]:
    """Name each row by its group and window (its place in the group where windows are not numbered)."""
    seen: Counter[str] = Counter()
    names: dict[str, int] = {}
    for row, of in enumerate(group.tolist()):
        name = f"{of}:{seen[of] if window is None else f'{window[row]:.15g}'}"
        seen[of] += 1
        if name in names:
            raise table.refuse(
                row, "window", f"each window of clip {of} once (line {table.lines()[names[name]]} has it too)"
            )
        names[name] = row
    return np.array(list(names), np.str_)


def _figures(
    sample: NDArray[np.str_], place: Mapping[str, int], positions: NDArray[np.float16], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the figures of some rows, nan for windows that the file beside the table has not."""
    found = np.full((len(rows), *positions.shape[1:]), np.nan, np.float32)
    for k, name in enumerate(sample[rows].tolist()):
        if name in place:
            found[k] = positions[place[name]]
    return found


class _Same(NamedTuple):
    """Recordings that are there under several names.

    windows : how many windows repeat all features of an earlier one of another clip.
    pairs : the clips that share windows, and the first row of each in the first window that they share.
    name : clip → what the recording is called, for those that have several names.
    """

    windows: int
    pairs: dict[tuple[str, str], list[tuple[int, int]]]
    name: dict[str, str]


def _same(values: NDArray[np.float64], clip: NDArray[np.str_]) -> _Same:
    """Return which clips share windows whose features are all equal."""
    first: dict[bytes, int] = {}
    names = clip.tolist()
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row, features in enumerate(np.ascontiguousarray(values)):
        other = first.setdefault(features.tobytes(), row)
        if names[other] != names[row]:
            pairs.setdefault((names[other], names[row]), []).append((other, row))
    recording: dict[str, set[str]] = {}
    for a, b in pairs:
        joined = recording.get(a, {a}) | recording.get(b, {b})
        recording |= dict.fromkeys(joined, joined)
    called = {one: " = ".join(sorted(joined)) for one, joined in recording.items()}
    return _Same(sum(map(len, pairs.values())), pairs, called)


def _contradicting(same: _Same, pad: NDArray[np.float64], label: NDArray[np.str_] | None) -> set[str]:
    """Return the clips of recordings that have one label under one name and another under another."""
    recordings = set()
    for (clip, _), rows in same.pairs.items():
        for one, other in rows:
            if (pad[one] != pad[other]).any() or (label is not None and label[one] != label[other]):
                recordings.add(same.name[clip])
    return {clip for clip, recording in same.name.items() if recording in recordings}
