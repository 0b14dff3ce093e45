"""Aff-Wild: frames of videos with valence and arousal (Kollias et al., International Journal of Computer Vision 2019).

Two layouts are read. The prepared one is what ``prepare frames`` and ``prepare labels`` write: ``frames/`` (the big
train part), ``extra_frames/`` (the small one) and ``test_frames/`` hold a folder ``<video>/0000001.png …`` of faces for
each sequence, and ``labels/``, ``extra_labels/`` and ``test_labels/`` a text ``<video>.txt``, with valence and arousal
of each frame that has a face. In the published one ``annotations/<part>/valence/<video>.txt`` and ``…/arousal/`` have a
line for each frame of a video, with a face or without, and a folder of faces lies beside ``annotations/``.

−5 says that a frame has no label: it is kept as an unlabelled sample. Sequences of one video, its faces and its parts,
are one group (see `_videos.recording`).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from training import json_files, messages
from training.contract import UserError
from training.data import Reader
from training.datasets import _faces, _frames, _images, _number_lines, _scales, _videos

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import Dataset, NewRows

    Numbers = NDArray[np.float64]

BIG, SMALL = "big", "small"
REFUSE, LEFT_OUT = "refuse", "left_out"

READER = Reader(
    title="Aff-Wild: frames of videos, valence and arousal",
    data="frames",
    blocks=("images", "va"),
    settings={"train_part": (BIG, SMALL), "mismatched": (REFUSE, LEFT_OUT)},
    sequences=True,
)
"""mismatched: whether a video whose labels are damaged, or not of its frames, is refused, or left out and named."""

FRAMES_PER_SECOND = 30.0
"""To which the source brings all videos; `RECORD` may say another rate."""

RECORD = "frames.json"
"""What ``prepare frames`` writes beside ``frames/``: its options hold the rate as ``fps``."""

TRAIN = {BIG: ("frames", "labels"), SMALL: ("extra_frames", "extra_labels")}
TEST = ("test_frames", "test_labels")

ANNOTATIONS = "annotations"
FACES = ("frames", "cropped", "cropped_aligned", "faces", "images")
"""What the folder of faces beside `ANNOTATIONS` may be called."""

PARTS = {"train": "train", "training": "train", "val": "validation", "validation": "validation", "test": "test"}
"""A folder in `ANNOTATIONS` → the part of the split."""

ANNOTATORS = "_annotators"
"""What the folder of each annotator's labels is called after that of their mean."""

MARK = -5.0
_MISMATCHED = "videos whose labels are damaged or do not go with their frames"


@dataclass
class _Found:
    """What is read of one sequence after the other: lists of equal length, a row for each frame.

    number : of the frame.  people : annotator → labels.  part : of the split.
    lost, marked : sequence → frames without a face, and frames marked −5.
    wrong : sentences on videos whose labels and frames do not agree.
    """

    path: list[Path] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    clip: list[str] = field(default_factory=list)
    number: list[NDArray[np.int64]] = field(default_factory=list)
    va: list[Numbers] = field(default_factory=list)
    people: list[dict[str, Numbers]] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the folder `root`: blocks ``images`` (n, 3, 64, 64) uint8, memory-mapped, and ``va`` (n, 2).

    A sample is a frame with a face; a sequence is one face in a video; a group is a video. A published test part is the
    split's. With ``mismatched=refuse`` raises UserError for labels that are none and for videos whose labels do not go
    with their frames; with ``left_out`` those are left out and named.
    """
    if root is None:
        raise UserError("the data set aff_wild reads a folder: give it with --root FOLDER")
    if not root.is_dir():
        raise UserError(
            f"{root} is no folder: expected one with frames/ and labels/, or annotations/ and frames/, in it"
        )
    train_part = str(settings["train_part"])
    found = _Found()
    if (root / ANNOTATIONS).is_dir():
        _read_published(root, train_part, found)
    else:
        _read_prepared(root, train_part, found)
    if found.wrong:
        if settings["mismatched"] == REFUSE:
            raise UserError(
                f"{'; '.join(found.wrong[:3])}"
                + (f" (and {len(found.wrong) - 3} more videos like these)" if len(found.wrong) > 3 else "")
                + f"; --set mismatched={LEFT_OUT} reads the other videos"
            )
        found.skipped[_MISMATCHED] = found.wrong
    if not found.path:
        more = f": {found.wrong[0]}" if found.wrong else ""
        raise UserError(f"{root}: no frame with a label is left{more}")
    return _dataset(found, _rate(root / RECORD))


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read faces to predict for; a folder of frames is a recording: see `_frames.read_frames`."""
    return _frames.read_frames(file, blocks, settings, FRAMES_PER_SECOND, whole=True)


def _rate(file: Path) -> float:
    """Return the frames a second that the record of the frames says, where it is there."""
    content = json_files.read(file) if file.is_file() else {}
    options = content.get("options") if isinstance(content, dict) else None
    rate = options.get("fps", FRAMES_PER_SECOND) if isinstance(options, dict) else FRAMES_PER_SECOND
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e4:
        raise UserError(f"{file}: expected the options' fps as frames a second, found {rate!r}")
    return float(rate)


def _dataset(found: _Found, rate: float) -> Dataset:
    va, number = np.concatenate(found.va), np.concatenate(found.number)
    sequences = [*dict.fromkeys(found.clip)]
    rows = _faces.Rows(
        path=found.path,
        sample=found.sample,
        where=found.where,
        va=va,
        clip=found.clip,
        video=[_videos.recording(name) for name in found.clip],
        time=np.round((number - 1) / rate, 6),
        annotators=_people(found),
        whole=True,
        skipped=found.skipped,
        notes=_notes(found, sequences),
    )
    part = np.array(found.part, np.str_)
    return _faces.dataset(
        "aff_wild",
        rows,
        skips=True,
        summary={
            "sequences": len(sequences),
            "frames_per_second": rate,
            "unlabelled": int(np.isnan(va).any(axis=1).sum()),
            "frames_by_sequence": {
                name: {"with a face": len(numbers), "without a face": found.lost[name]}
                for name, numbers in zip(sequences, found.number, strict=True)
            },
        },
        published=part if "test" in found.part else None,
    )


def _people(found: _Found) -> dict[str, Numbers]:
    """Return annotator → labels of all frames (n, 2), NaN where there is none."""
    names = dict.fromkeys(name for of in found.people for name in of)
    return {
        name: np.concatenate(
            [of.get(name, np.full(va.shape, np.nan)) for of, va in zip(found.people, found.va, strict=True)]
        )
        for name in names
    }


def _notes(found: _Found, sequences: list[str]) -> list[str]:
    notes = []
    if several := _videos.shared(sequences):
        named = messages.listed(f"{video} ({', '.join(of)})" for video, of in several.items())
        notes.append(f"{messages.counted(len(several), 'video')} of several sequences, each one group: {named}")
    if lost := sum(found.lost.values()):
        total = lost + len(found.path)
        most = sorted(found.lost, key=lambda name: -found.lost[name])[:3]
        named = ", ".join(f"{name} {found.lost[name]:,}" for name in most if found.lost[name])
        notes.append(f"{lost:,} of {total:,} frames up to the last with a face have none; most: {named}")
    if found.marked:
        count, named = sum(found.marked.values()), messages.listed(found.marked, 3)
        notes.append(f"{count:,} frames are marked {MARK:g}: they have no label ({named})")
    return notes


# ------------------------------------------------------------------------------------------------------ the layouts


def _read_prepared(root: Path, train_part: str, found: _Found) -> None:
    folders = {"train": TRAIN[train_part], **({"test": TEST} if (root / TEST[0]).is_dir() else {})}
    for part, (frames, labels) in folders.items():
        for name in (frames, labels):
            if not (root / name).is_dir():
                there = [path.name for path in _videos.folders(root)]
                raise UserError(
                    f"{root}: expected a folder {name}/{messages.nearest(name, there)}; found "
                    f"{messages.listed(there) or 'no folder'}"
                )
        texts = _texts(root / labels, found)
        annotators = root / f"{labels}{ANNOTATORS}"
        people = {one.name: _texts(one, found) for one in _videos.folders(annotators)} if annotators.is_dir() else {}
        if loose := _videos.files(root / frames):
            found.skipped["files in no video's folder"] = [f"{frames}/{path.name}" for path in loose]
        for folder in _videos.folders(root / frames):
            if (text := texts.pop(folder.name, None)) is None:
                found.skipped.setdefault("videos without labels", []).append(f"{frames}/{folder.name}")
                continue
            with _one_video(found):
                _add_prepared(found, part, folder, text)
                for name, of in people.items():
                    if folder.name in of:
                        _add_annotator(found, name, of[folder.name])
        if texts:
            names = [f"{labels}/{text.name}" for text in texts.values()]
            found.skipped.setdefault("labels without frames", []).extend(names)


def _add_prepared(found: _Found, part: str, folder: Path, text: Path) -> None:
    values, line = _labels(text, _images.VA)
    numbers, files = _videos.images(folder, found.skipped)
    if len(values) != len(files):
        of_all = len(files) and len(values) == numbers[-1]
        raise UserError(
            f"{text} has {messages.counted(len(values), 'line')}, and {folder} {messages.counted(len(files), 'image')}"
            + (": is there a line for each frame, with a face or without?" if of_all else "")
        )
    _add(found, folder.name, part, numbers, files, values, [f"{text}, line {at}" for at in line.tolist()])


def _read_published(root: Path, train_part: str, found: _Found) -> None:
    if train_part != BIG:
        raise UserError(f"{root}: --set train_part={train_part} is of the layout with {TRAIN[SMALL][0]}/, found none")
    faces = [name for name in FACES if (root / name).is_dir()]
    if len(faces) != 1:
        raise UserError(
            f"{root}: expected one folder of faces beside {ANNOTATIONS}/ ({', '.join(FACES)}), found "
            f"{' and '.join(faces) or 'none'}"
        )
    parts = {path.name: path for path in _videos.folders(root / ANNOTATIONS)}
    if unknown := [name for name in parts if name.lower() not in PARTS]:
        raise UserError(f"{parts[unknown[0]]}: {messages.unknown(unknown[0], PARTS, 'part')}")
    if not parts:
        raise UserError(f"{root / ANNOTATIONS}: expected the folders train and test, found none")
    used = set()
    for name, folder in parts.items():
        for axis in _images.VA:
            if not (folder / axis).is_dir():
                raise UserError(f"{folder}: expected the folders valence and arousal, found no {axis}")
        texts = {axis: _texts(folder / axis, found) for axis in _images.VA}
        for video in sorted({*texts["valence"], *texts["arousal"]}, key=_videos.in_order):
            of = [texts[axis].get(video) for axis in _images.VA]
            images = next(
                (one for one in (root / faces[0] / name / video, root / faces[0] / video) if one.is_dir()), None
            )
            used.add(video)
            if of[0] is None or of[1] is None:
                found.skipped.setdefault("videos without one of valence and arousal", []).append(f"{name}/{video}")
            elif images is None:
                found.skipped.setdefault("labels without frames", []).append(f"{name}/{video}")
            else:
                with _one_video(found):
                    _add_published(found, video, PARTS[name.lower()], images, (of[0], of[1]))
    inside = _videos.folders(root / faces[0])
    inside = [one for path in inside for one in (_videos.folders(path) if path.name in parts else [path])]
    if extra := [path.name for path in inside if path.name not in used]:
        found.skipped.setdefault("videos without labels", []).extend(extra)


def _add_published(found: _Found, video: str, part: str, folder: Path, texts: tuple[Path, Path]) -> None:
    read = [_labels(text, (axis,)) for axis, text in zip(_images.VA, texts, strict=True)]
    counts = [len(values) for values, _ in read]
    numbers, files = _videos.images(folder, found.skipped)
    if counts[0] != counts[1]:
        raise UserError(f"{texts[0]} has {messages.counted(counts[0], 'line')}, and {texts[1]} {counts[1]:,}")
    if not files:
        raise UserError(f"{folder}: expected images of frames such as 00001.jpg, found none")
    if numbers[-1] > counts[0]:
        raise UserError(
            f"{texts[0]} has {messages.counted(counts[0], 'line')}, and {files[-1]} is frame {numbers[-1]:,}"
        )
    where = [f"{texts[0]}, line {line}" for line in read[0][1][numbers - 1].tolist()]
    _add(found, video, part, numbers, files, np.column_stack([values[numbers - 1] for values, _ in read]), where)


@contextlib.contextmanager
def _one_video(found: _Found) -> Iterator[None]:
    """Note what is wrong with a video, and go on."""
    try:
        yield
    except UserError as error:
        found.wrong.append(str(error))


def _labels(text: Path, columns: tuple[str, ...]) -> tuple[Numbers, NDArray[np.int64]]:
    """Return the labels (n, c) of a text, NaN where they are marked, and the line of each in the file."""
    values, line = _number_lines.read(text, columns, " ".join(("0.25", "-0.1")[: len(columns)]))
    known = np.where(values == MARK, 0, values)
    if (outside := np.abs(known) > 1).any():
        row, column = (int(i) for i in np.argwhere(outside)[0])
        more = int(outside.sum()) - 1
        raise UserError(
            f"{text}, line {line[row]}: expected {columns[column]} in [-1, 1], or {MARK:g} where there is none, found "
            f"{values[row, column]:g}" + (f" (and {more} more like it)" if more else "") + _scales.hint(known, -1, 1)
        )
    return np.where(values == MARK, np.nan, values), line


def _texts(folder: Path, found: _Found) -> dict[str, Path]:
    """Return video → text of labels in a folder; other files are named."""
    texts = {}
    for path in _videos.files(folder):
        if path.suffix.lower() == ".txt":
            texts[path.stem] = path
        else:
            found.skipped.setdefault("files that are no labels", []).append(f"{folder.name}/{path.name}")
    return texts


def _add(
    found: _Found,
    name: str,
    part: str,
    numbers: NDArray[np.int64],
    files: list[Path],
    values: Numbers,
    where: list[str],
) -> None:
    """Add the frames of a sequence; UserError where another part has it too."""
    if name in found.lost:
        raise UserError(f"{name}: expected each sequence once, found it again in {files[0].parent}")
    marked = np.asarray(np.isnan(values).any(axis=1))
    if marked.any():
        found.marked[name] = int(marked.sum())
        values = np.where(marked[:, None], np.nan, values)  # a label is of both axes
    found.path += files
    found.sample += [f"{name}/{file.stem}" for file in files]
    found.where += where
    found.clip += [name] * len(files)
    found.number.append(numbers)
    found.va.append(values)
    found.people.append({})
    found.part += [part] * len(files)
    found.lost[name] = _videos.lost(numbers)


def _add_annotator(found: _Found, name: str, text: Path) -> None:
    """Add what one annotator says of the sequence that was added last; labels that do not go with it are named."""
    why = "labels of one annotator that are damaged or do not go with the frames"
    try:
        values, _ = _labels(text, _images.VA)
    except UserError as error:
        found.skipped.setdefault(why, []).append(str(error))
        return
    if len(values) == len(found.va[-1]):
        found.people[-1][name] = values
    else:
        found.skipped.setdefault(why, []).append(str(text))
