"""From the rows of label files to a data set of faces; the underscore marks what readers share.

A reader turns its files into `Rows`; `dataset` reads the images, transfers valence and arousal where there are none,
groups the rows so that no person, or where persons are unknown no copy of an image, is in two parts of a split, and
counts what it left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from affect import circumplex
from training import image_files, left_out
from training.contract import UserError
from training.data import Block, Dataset
from training.datasets import _duplicates, _images, _paths, _scales

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = ("continuous", "discrete")
"""Values of the setting ``labels`` of readers whose valence and arousal may be transferred."""

_NOT_ANNOTATED = "valence and arousal are transferred, not annotated"


@dataclass(frozen=True)
class Rows:
    """What a label file says of n images.

    Parameters
    ----------
    path : the image of each row.  sample : its unique name.  where : file and line that say so, for messages.
    emotion : name of each, or None.  va : (n, 2) in [-1, 1], or None where it is to be transferred.
    va_source : where va comes from, if it was transferred by ``python -m training prepare transfer``.
    person : name of each, or None.  clip : name of the recording of each, or None.  time : (n,) seconds, or None.
    video : what a split keeps together where a clip is but one face or one part of it, or None.
    annotators : annotator → (n, 2), where several people annotated valence and arousal.
    box : the set's face box of each, None in it where it has none.  whole : the images are faces already.
    others : images of rows that are left out.
    skipped : reason (a plural) → names of rows and files that are left out.  notes : further sentences on the files.
    """

    path: list[Path]
    sample: list[str]
    where: list[str]
    emotion: list[str] | None = None
    va: NDArray[np.float64] | None = None
    va_source: str = ""
    person: list[str] | None = None
    clip: list[str] | None = None
    video: list[str] | None = None
    time: NDArray[np.float64] | None = None
    annotators: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    box: list[_images.Box | None] | None = None
    whole: bool = False
    others: list[Path] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.path)

    def take(self, kept: NDArray[np.int64]) -> Rows:
        """Return the rows `kept` (m,)."""
        rows = kept.tolist()

        def some(values: Any) -> Any:
            return None if values is None else [values[row] for row in rows]

        return replace(
            self,
            **{
                name: some(getattr(self, name))
                for name in ("path", "sample", "where", "emotion", "person", "clip", "video", "box")
            },
            va=None if self.va is None else self.va[kept],
            time=None if self.time is None else self.time[kept],
            annotators={name: values[kept] for name, values in self.annotators.items()},
        )


def joined(tables: list[Rows]) -> Rows:
    """Return the rows of all tables (with the same things known of each), one after the other."""

    def chained(name: str) -> Any:
        values = [getattr(table, name) for table in tables]
        if any(one is None for one in values):
            return None
        return np.concatenate(values) if isinstance(values[0], np.ndarray) else [one for of in values for one in of]

    several = ("path", "sample", "where", "emotion", "va", "person", "clip", "video", "time", "box")
    skipped: dict[str, list[str]] = {}
    for table in tables:
        left_out.add(skipped, table.skipped)
    once: dict[str, Any] = {
        "skipped": skipped,
        "notes": [note for table in tables for note in table.notes],
        "others": [path for table in tables for path in table.others],
    }
    return replace(tables[0], **once, **{name: chained(name) for name in several})


def dataset(
    name: str,
    rows: Rows,
    *,
    skips: bool,
    labels: str = "continuous",
    summary: Mapping[str, Any] | None = None,
    published: NDArray[np.str_] | None = None,
) -> Dataset:
    """Read the images of `rows` and return blocks ``images`` (n, 3, 64, 64) uint8 and ``va`` (n, 2).

    With `skips` an image that cannot be read is left out and counted, for sets that are known to have such; otherwise
    the first one is refused. `labels` chooses continuous or discrete draws where va is transferred. `published` (n,) is
    the part of each row where the set fixes one. Raises UserError for that, for an emotion without an anchor ellipse,
    and where no image is left.
    """
    check_names(rows)
    rows = with_unnamed(rows)
    found = _images.load(rows.path, rows.box, whole=rows.whole)
    rows = _without_failed(rows, found, skips)
    if not len(rows):
        first = next((f": {path}: {why}" for path, why in _reasons(rows)), "")
        raise UserError(f"{name}: no image is left to learn from{first}")
    part = None if published is None else published[found.kept]
    notes = [*rows.notes, *found.notes()]
    va, va_notes = _va(rows, labels)
    transferred = rows.va is None or bool(rows.va_source)
    notes += va_notes
    if (centred := int((found.how == _images.CENTRE).sum())) and not rows.whole:
        notes.append(f"no face was found in {centred} of {len(rows)} images: their central square was taken")
    notes += left_out.sentences(rows.skipped)
    group, kind = _groups(rows, found)
    assigned = None
    if part is not None:
        assigned, keep, split_notes = _published(group, part, kind)
        notes += split_notes
        if len(keep) < len(rows):
            rows, va, group, found = rows.take(keep), va[keep], group[keep], found.take(keep)
    label = None if rows.emotion is None else np.array(rows.emotion, np.str_)
    version = hashlib.sha256("\n".join([*found.content.tolist(), *rows.sample]).encode() + va.round(6).tobytes())
    cut = [f"cut {_images.VERSION}", *map(str, rows.box or ())]
    version.update("\n".join([*(rows.emotion or ()), *group.tolist(), *cut]).encode())
    return Dataset(
        name=name,
        version=version.hexdigest()[:16],
        synthetic=False,
        blocks={
            "images": Block(found.images),
            "va": Block(va, _images.VA, low=-1.0, high=1.0, origin="transferred" if transferred else ""),
        },
        sample=np.array(rows.sample, np.str_),
        group=group,
        group_kind=kind,
        persons_known=rows.person is not None,
        label=label,
        sequence=None if rows.clip is None else np.array(rows.clip, np.str_),
        time=rows.time,
        published_split=assigned,
        kept_together={} if kind == "image" else {"near-duplicate": _copies(rows, found)},
        annotators={"va": rows.annotators} if rows.annotators else {},
        summary={
            **(summary or {}),
            "rows": len(rows),
            **left_out.summary(rows.skipped),
            "groups": len(np.unique(group)),
            "group_kind": kind,
            "rows_by_label": {} if label is None else dict(sorted(Counter(label.tolist()).items())),
            "valence_and_arousal": _origin(rows, labels),
            "faces": dict(Counter(found.how.tolist())),
            "grey_images": int(found.grey.sum()),
            "transparent_images": int(found.transparent.sum()),
            "notes": notes,
        },
    )


def with_unnamed(rows: Rows) -> Rows:
    """Return the rows with the names of what lies beside their images, and that no row names, among the skipped."""
    named = {*rows.path, *rows.others}
    skipped = {why: list(names) for why, names in rows.skipped.items()}
    told = {name for names in skipped.values() for name in names}
    for folder in sorted({path.parent for path in named}):
        try:
            files = sorted(folder.iterdir())
        except OSError:  # it is not there: each of its images is missed by name
            continue
        for file in files:
            if image_files.is_system(file):
                skipped.setdefault(image_files.SYSTEM, []).append(f"{folder.name}/{file.name}")
            elif image_files.is_image(file) and file not in named and f"{folder.name}/{file.name}" not in told:
                skipped.setdefault("images without a label", []).append(f"{folder.name}/{file.name}")
    return replace(rows, skipped=skipped)


def check_names(rows: Rows) -> None:
    """Raise UserError where two rows have one name, and both of their places."""
    seen: dict[str, int] = {}
    for named in (rows.sample, rows.emotion or (), rows.person or (), rows.clip or ()):
        for row, name in enumerate(named):
            if not name.isascii() and not _is_text(name):
                raise UserError(f"{rows.where[row]}: expected text, found {name!r}, which has no form in UTF-8")
    for row, sample in enumerate(rows.sample):
        if sample in seen:
            raise UserError(
                f"{rows.where[row]}: expected each image once, found {sample!r} as in {rows.where[seen[sample]]}"
            )
        seen[sample] = row


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a character that JSON writes in two halves
        return False
    return True


def check_range(va: NDArray[np.float64], where: list[str], low: float = -1, high: float = 1) -> None:
    """Raise UserError for the first value of `va` (n, 2) that is not in [low, high]."""
    outside = ~((va >= low) & (va <= high))
    if outside.any():
        row, axis = (int(i) for i in np.argwhere(outside)[0])
        more = int(outside.sum()) - 1
        raise UserError(
            f"{where[row]}: expected {_images.VA[axis]} in [{low:g}, {high:g}], found {va[row, axis]:g}"
            + (f" (and {more} more like it)" if more else "")
            + _scales.hint(va, low, high)
        )


def _without_failed(rows: Rows, found: _images.Loaded, skips: bool) -> Rows:
    """Return the rows whose images could be read; the others are skipped, or refused."""
    if not found.failed:
        return rows
    if not skips:
        row, why = next(iter(found.failed.items()))
        more = len(found.failed) - 1
        raise UserError(
            f"{rows.where[row]}: expected an image {rows.path[row]}, found {why}"
            + ("" if image_files.exists(rows.path[row]) or rows.path[row].is_dir() else _paths.nearest(rows.path[row]))
            + (f" (and {more} more rows like it)" if more else "")
        )
    skipped = {why: list(of) for why, of in rows.skipped.items()}
    for row, why in found.failed.items():
        skipped.setdefault(f"images that cannot be read: {why.partition(' (')[0]}", []).append(rows.sample[row])
    return replace(rows.take(found.kept), skipped=skipped)


def _reasons(rows: Rows) -> list[tuple[str, str]]:
    return [(sample, why) for why, of in rows.skipped.items() for sample in of[:1]]


def _va(rows: Rows, labels: str) -> tuple[NDArray[np.float64], list[str]]:
    """Return valence and arousal (n, 2), and notes on where they come from."""
    if rows.va is not None:
        notes = [f"{_NOT_ANNOTATED}: {rows.va_source}"] if rows.va_source else []
        return rows.va, notes + _scales.notes(rows.va, _images.VA)
    if rows.emotion is None:
        raise UserError(
            f"{rows.where[0]}: expected valence and arousal, or an emotion to transfer them to; found neither"
        )
    for emotion, where in dict(zip(reversed(rows.emotion), reversed(rows.where), strict=True)).items():
        try:
            circumplex.find(emotion)
        except LookupError as error:
            raise UserError(
                f"{where}: {error.args[0]}; give the row an emotion that has one, or valence and arousal of its own "
                "(python -m training prepare transfer --from TABLE.csv makes them of your own ellipses)"
            ) from None
    va = circumplex.transfer(rows.emotion, discrete=labels == "discrete")
    return va, [f"{_NOT_ANNOTATED}: {_default(labels)}"]


def _origin(rows: Rows, labels: str) -> str:
    """Say where valence and arousal come from."""
    if rows.va is None:
        return f"transferred: {_default(labels)}"
    return f"transferred: {rows.va_source}" if rows.va_source else "annotated"


def _default(labels: str) -> str:
    return f"{labels} draws in Affectory's default ellipses of the emotions, seed 0"


def _groups(rows: Rows, found: _images.Loaded) -> tuple[NDArray[np.str_], str]:
    """Return the group of each row (n,), and what a group is: a person, a video, a clip, or copies of an image."""
    if rows.person is not None:
        return np.array(rows.person, np.str_), "person"
    if rows.video is not None:
        return np.array(rows.video, np.str_), "video"
    if rows.clip is not None:
        return np.array(rows.clip, np.str_), "clip"
    return _copies(rows, found), "image"


def _copies(rows: Rows, found: _images.Loaded) -> NDArray[np.str_]:
    """Return the name of the first image that each row nearly equals (n,): its own where there is no other."""
    return np.array(rows.sample, np.str_)[_duplicates.groups(found.perceptual)]


def _published(
    group: NDArray[np.str_], part: NDArray[np.str_], kind: str
) -> tuple[dict[str, str], NDArray[np.int64], list[str]]:
    """Return group → part, the rows to keep, and notes: what is in the test part is not trained on."""
    tested = np.isin(group, group[part == "test"])
    keep = np.flatnonzero((part == "test") | ~tested)
    left_out = len(group) - len(keep)
    why = "copies of published test images" if kind == "image" else f"their {kind} is in the published test part"
    notes = [f"{left_out} train images are left out: {why}"] if left_out else []
    return dict(zip(group[keep].tolist(), part[keep].tolist(), strict=True)), keep, notes
