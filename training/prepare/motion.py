"""BVH recordings → one table of LMA features, the file that the data set ``lma`` reads.

Each recording's rows are kept as soon as they are computed, in a folder beside the table: after a kill the same command
goes on with the others. A recording that is no good is named, and the others are still done.
"""

from __future__ import annotations

import shutil
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.record import digest
from training import cache, image_files, left_out, messages
from training.contract import UserError
from training.datasets import lma
from training.datasets._table import Table
from training.motion_capture import bvh, features, figures, skeletons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from rich.console import Console

OTHER = "files that are no BVH"
BAD = "recordings that cannot be used"
UNLABELLED = "recordings without labels"
LABELS = ("label", *lma.PAD)


@dataclass(frozen=True)
class Options:
    """What decides the features of a recording.

    Parameters
    ----------
    preset : of `features.PRESETS`.
    skeleton : a preset's name, a skeleton read from TOML, or None: the preset whose joints a recording has.
    scale : metres in the file's unit, in place of the skeleton's own.
    window, hop : seconds.
    """

    preset: str
    skeleton: str | skeletons.Skeleton | None = None
    scale: float | None = None
    window: float = 1.0
    hop: float = 1.0


@dataclass
class Done:
    """What was written: the number of recordings and of rows, and what was left out by reason."""

    recordings: int
    rows: int
    skipped: dict[str, list[str]]
    reasons: list[str]
    """Why recordings cannot be used, a sentence each."""


def run(
    sources: Sequence[Path], out: Path, options: Options, labels: Path | None, workers: int, console: Console
) -> Done:
    """Write the table `out` of the windows of all recordings in `sources` (BVH files, or folders of them).

    Columns: clip, window, frame_counter, time (seconds, of the window's beginning), the features, and of `labels` (a
    CSV with the column clip) label and EMOTION_P, EMOTION_A, EMOTION_D. Beside the table lie the windows' moving
    figures (`figures.file_of`). Raises UserError where `out` is there already, a source is not, or no recording can be
    used.
    """
    import pandas as pd

    cache.check_new(out)
    if options.preset not in features.PRESETS:
        raise UserError(messages.unknown(options.preset, features.PRESETS, "preset"))
    skipped: dict[str, list[str]] = {}
    files = _files(sources, skipped)
    known = None if labels is None else _labels(labels)
    parts = out.with_name(f".{out.name}.parts")
    reasons: dict[str, str] = {}
    made: dict[str, Path] = {}
    for clip, result in _each(files, parts, options, workers, console):
        if isinstance(result, Path):
            made[clip] = result
        else:
            reasons[clip] = result
    if not made:
        raise UserError("no recording can be used:\n" + "\n".join(reasons.values()))
    tables, moving = [], []
    for clip in sorted(made):
        table = pd.read_parquet(made[clip])
        table.insert(0, "clip", clip)
        if known is not None:
            if clip not in known:
                skipped.setdefault(UNLABELLED, []).append(clip)
                continue
            table = table.assign(**known[clip])
        tables.append(table)
        moving.append(np.load(_moving(made[clip])))
    if not tables:
        found = messages.listed(sorted(known or {}))
        raise UserError(f"{labels}: none of the recordings has labels: they are {messages.listed(made)}, found {found}")
    whole = pd.concat(tables, ignore_index=True)
    names = [f"{clip}:{window}" for clip, window in zip(whole["clip"], whole["window"], strict=True)]
    figures.write(out, names, np.concatenate(moving))
    with cache.whole(out) as part:
        whole.to_csv(part, index=False, compression="gzip" if out.suffix == ".gz" else None)
    shutil.rmtree(parts, ignore_errors=True)
    skipped = {**({BAD: sorted(reasons)} if reasons else {}), **skipped}
    return Done(len(tables), len(whole), skipped, list(reasons.values()))


def _files(sources: Sequence[Path], skipped: dict[str, list[str]]) -> dict[str, Path]:
    """Return clip → file of the recordings in `sources`; what is no BVH in a folder is noted in `skipped`."""
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            for path in image_files.walk(source, skipped):
                if path.name.lower().endswith(bvh.SUFFIXES):
                    found.append(path)
                else:
                    skipped.setdefault(OTHER, []).append(path.relative_to(source).as_posix())
        elif source.exists():
            found.append(source)
        else:
            raise UserError(f"{source}: there is no such file or folder")
    if not found:
        raise UserError(f"{messages.listed(map(str, sources))}: expected recordings (.bvh or .bvh.gz), found none")
    clips: dict[str, Path] = {}
    for path in found:
        clip = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
        if clip in clips and clips[clip].resolve() != path.resolve():
            raise UserError(f"{path}: the clip {clip} is there already ({clips[clip]}); rename one of the two")
        clips[clip] = path
    return clips


def _labels(file: Path) -> dict[str, dict[str, Any]]:
    """Return clip → its label and PAD from a CSV."""
    table = Table(file)
    table.require(("clip",), why="; it names the recording, as its file without the ending")
    there = [name for name in LABELS if table.optional(name)]
    if not there:
        table.require(LABELS, why="; one of them at least")
    pad = [name for name in there if name in lma.PAD]
    numbers, texts = table.read(pad, ["clip", *(["label"] if "label" in there else [])])
    known: dict[str, dict[str, Any]] = {}
    for row, clip in enumerate(texts["clip"].tolist()):
        if clip in known:
            raise table.refuse(row, "clip", "each clip once")
        known[clip] = {name: texts[name][row] if name in texts else numbers[name][row] for name in there}
    return known


def _each(
    files: Mapping[str, Path], parts: Path, options: Options, workers: int, console: Console
) -> Iterator[tuple[str, Path | str]]:
    """Yield each clip with the file of its rows, or with the reason why it has none; those that are done come first."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts.mkdir(parents=True, exist_ok=True)
    targets = {clip: parts / f"{_key(clip, path, options)}.parquet" for clip, path in files.items()}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("recordings", total=len(files))
        for clip, target in targets.items():
            if target.exists():
                progress.advance(task)
                yield clip, target
        left = [clip for clip, target in targets.items() if not target.exists()]
        with ProcessPoolExecutor(min(workers, max(1, len(left)))) as pool:
            running = {pool.submit(_one, files[clip], targets[clip], options): clip for clip in left}
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    clip = running.pop(future)
                    progress.advance(task)
                    reason = future.result()
                    yield clip, reason or targets[clip]


def _key(clip: str, path: Path, options: Options) -> str:
    """Return what names a clip's rows: they are made anew where the file or an option has changed."""
    state = path.stat()
    skeleton = options.skeleton
    called = skeleton if isinstance(skeleton, str | None) else [skeleton.name, dict(skeleton.joints), skeleton.scale]
    return digest([clip, state.st_size, state.st_mtime_ns, {**options.__dict__, "skeleton": called}], 24)


def _one(path: Path, target: Path, options: Options) -> str:
    """Write the rows of one recording; return why there are none, empty where all is well."""
    import pandas as pd

    try:
        made, moving = windows(path, options)
    except UserError as error:
        return str(error)
    table = pd.DataFrame(made.values, columns=list(made.names))
    table.insert(0, "time", made.time)
    table.insert(0, "frame_counter", made.frame)
    table.insert(0, "window", range(len(table)))
    with cache.whole(_moving(target), sync=False) as part:
        np.save(part, moving)
    with cache.whole(target, sync=False) as part:  # last: it says that the recording is done
        table.to_parquet(part, index=False)
    return ""


def _moving(target: Path) -> Path:
    return target.with_suffix(".npy")


def windows(path: Path, options: Options) -> tuple[features.Windows, NDArray[np.float32]]:
    """Return the features of a recording's windows, and their moving figures (w, f, 15, 3).

    Raises UserError where the recording cannot be used.
    """
    recording = bvh.read(path)
    skeleton = skeletons.scaled(skeletons.of(recording, options.skeleton, path), options.scale)
    made = features.windows(recording, skeleton, options.preset, options.window, options.hop, path)
    moving = figures.of_recording(recording, skeleton.places(recording, path), made.time, made.seconds)
    return made, moving


def skeleton(text: str | None) -> str | skeletons.Skeleton | None:
    """Return what ``--skeleton`` names: a preset, or a TOML file's skeleton."""
    if text is None:
        return None
    return skeletons.load(Path(text)) if text.endswith(".toml") else skeletons.named(text).name


def sentences(done: Done, preset: str) -> tuple[str, ...]:
    """Return sentences on what was left out, with the reason for each recording, and on the preset's quirks."""
    quirks = [f"published: {quirk}" for quirk in features.QUIRKS] if preset == "published" else []
    return (*left_out.sentences(done.skipped), *done.reasons, *quirks)
