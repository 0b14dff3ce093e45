"""Groups to parts, and the protocol: what must be equal for two figures to be compared.

A split never divides a group (clip, person, video …). It is stratified by class over groups, 70 / 15 / 15, and depends
on the names of the groups and on `split_seed` alone: not on the order of the rows, and not on a library's generator.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.metrics import CLASSIFICATION, REGRESSION
from affect.record import PARTS, digest
from training.contract import CLASSES, LABEL, Block, Dataset, Part, Split, UserError
from training.messages import nearest, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from training.contract import Strings, Values

TRAIN, VALIDATION, TEST = PARTS
SHARE = 0.15
"""Share of a class's groups in validation, and in test."""

SHORT = {"pleasure": "P", "valence": "V", "arousal": "A", "dominance": "D"}
_KEYS = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True, eq=False)
class Protocol:
    """Which samples are learned from, tuned on and tested on, and what is predicted from what.

    Parameters
    ----------
    name : readable; the MLflow experiment. Two protocols may share a name (another version of the data), never an `id`.
    id : hash of the data's name and version, group → part, inputs, targets and label range.
    split_id : hash of sample → part alone.
    part : (n,) train, validation or test, for each row of `data`.
    inputs : name of the data's block that a method is given.
    targets : names of the columns that it predicts; `target_block` is the block that they are of, or `LABEL`.
    low, high : label range, or None.
    classes : what a classifier tells apart, by name; empty where numbers are predicted.
    groups : part → number of groups.
    notes : sentences that stand beside every result.
    """

    name: str
    id: str
    split_id: str
    part: Strings
    data: Dataset
    inputs: str
    target_block: str
    targets: tuple[str, ...]
    low: float | None
    high: float | None
    groups: Mapping[str, int]
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Protocol) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def split(self, test: bool) -> Split:
        """Return what a method is handed. With `test`, test inputs are among it, without y, label and true names."""
        block = self.data.blocks[self.inputs]
        return Split(
            train=self._part(TRAIN),
            validation=self._part(VALIDATION),
            test=self._part(TEST) if test else None,
            inputs=block.columns,
            targets=self.targets,
            low=self.low,
            high=self.high,
            classes=self.classes,
            triangles=block.triangles,
        )

    def truth(self) -> dict[str, Values]:
        """Return part → targets (n, t), test included, in the parts' own row order; class names of a classifier."""
        values = self.data.blocks[self.target_block].values if not self.classes else self._label()[:, None]
        return {name: values[self.part == name] for name in PARTS}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics of `affect.metrics` that score its predictions."""
        return CLASSIFICATION if self.classes else REGRESSION

    def _label(self) -> Strings:
        assert self.data.label is not None  # `make` has seen to it
        return self.data.label

    def labels(self) -> dict[str, Strings] | None:
        """Return part → class names (n,), test included, or None where the data has no classes."""
        label = self.data.label
        return None if label is None else {name: label[self.part == name] for name in PARTS}

    def table(self) -> pd.DataFrame:
        """Return a row per sample: sample, group, part, and label where the data has classes."""
        import pandas as pd

        columns = {"sample": self.data.sample, "group": self.data.group, "part": self.part}
        if self.data.label is not None:
            columns["label"] = self.data.label
        return pd.DataFrame(columns)

    def _part(self, name: str) -> Part:
        data, rows = self.data, self.part == name
        hidden = name == TEST

        def pick(values: Any) -> Any:
            # indexing by a mask copies: no method can change the data that later fits see
            if values is None:
                return None
            picked = values[rows]
            picked.flags.writeable = False  # trials share a split: none may change what the next one sees
            return picked

        def names(values: Any) -> Any:
            # names tell: afraid_dance2_0 is a clip. Test samples that belong together still bear one name
            if values is None or not hidden:
                return pick(values)
            return np.char.add("test ", np.unique(values[rows], return_inverse=True)[1].astype(np.str_))

        return Part(
            sample=names(data.sample),
            group=names(data.group),
            x=pick(data.blocks[self.inputs].values),
            y=None if hidden else pick(self._y()),
            label=None if hidden else pick(data.label),
            sequence=names(data.sequence),
            time=pick(data.time),
        )

    def _y(self) -> Values:
        if not self.classes:
            return self.data.blocks[self.target_block].values
        return np.searchsorted(np.array(self.classes), self._label()).astype(np.int64)


def make(
    data: Dataset, inputs: str, targets: str, split_seed: int = 0, published: Mapping[str, str] | None = None
) -> Protocol:
    """Split `data` for predicting the block `targets`, or the class of a sample (`LABEL`), from the block `inputs`.

    `published` (group → part, see `read`), or else the data's own published split, is kept as it is; where it has two
    parts they are train and test, and 15 % of the train groups, chosen by `split_seed`, become validation.
    Raises UserError where there are too few groups, or a group that the published split does not know.
    """
    classes = _classes(data) if targets == LABEL else ()
    for name in {inputs, targets} - {LABEL}:
        if name not in data.blocks:
            raise UserError(f"{data.name} has no block {name!r}; it has {', '.join(data.blocks)}")
    if targets != LABEL and not data.blocks[targets].columns:
        raise UserError(f"the block {targets!r} of {data.name} has no named columns and cannot be predicted")
    if len(np.unique(data.sample)) != len(data.sample):
        raise ValueError(f"{data.name} has sample names that occur twice")

    published = published if published is not None else data.published_split
    counts = _classes_of_groups(data)
    if published is None:
        assigned, notes = _fresh(counts, data.group_kind, split_seed)
    else:
        assigned, notes = _as_published(published, counts, data, split_seed)
    if not data.persons_known:
        notes = ["persons unknown: the same person may be on two sides of the split", *notes]

    part = np.array([assigned[group] for group in data.group.tolist()], dtype=np.str_)
    part.flags.writeable = False
    seeded = published is None or VALIDATION not in published.values()
    block = Block(np.empty(0), (CLASSES,)) if classes else data.blocks[targets]
    return Protocol(
        name=_name(data, inputs, targets, split_seed if seeded else 0, published is not None),
        id=digest(
            {
                "data": data.name,
                "version": data.version,
                "groups": assigned,
                "inputs": inputs,
                "targets": [targets, *block.columns, *classes],
                "range": [block.low, block.high],
            }
        ),
        split_id=digest(dict(zip(data.sample.tolist(), part.tolist(), strict=True))),
        part=part,
        data=data,
        inputs=inputs,
        target_block=targets,
        targets=block.columns,
        low=block.low,
        high=block.high,
        groups={name: sum(p == name for p in assigned.values()) for name in PARTS},
        notes=tuple(notes),
        classes=classes,
    )


def _classes(data: Dataset) -> tuple[str, ...]:
    if data.label is None:
        raise UserError(f"{data.name} has no classes to predict")
    return tuple(np.unique(data.label).tolist())


def read(path: Path, data: Dataset) -> dict[str, str]:
    """Read a split file, JSON of ``{"train": [group, …], "val": […], "test": […]}``, to group → part.

    A file of two parts has train and the source's test, whatever the latter is called. Raises UserError for what is no
    such file, a group named twice, and a group of `data` that no part has (with the nearest names that the file has).
    Names that the data does not have are kept: `make` says how many they are.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read as a split file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected UTF-8 text, found the byte {error.object[error.start]:#04x}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: expected JSON, found: {error.msg}") from error

    expected = 'expected {"train": [group, …], "val": […], "test": […]}'
    if not isinstance(content, dict):
        raise UserError(f"{path}: {expected}, found a {type(content).__name__}")
    assigned: dict[str, str] = {}
    for key, groups in content.items():
        if key not in _KEYS:
            raise UserError(f"{path}: {expected}, found the part {key!r}{nearest(key, _KEYS)}")
        if not isinstance(groups, list) or not all(isinstance(g, str | int) for g in groups):
            raise UserError(f"{path}: {expected}, found part {key!r} that is no list of names")
        for group in map(str, groups):
            if assigned.get(group, _KEYS[key]) != _KEYS[key]:
                raise UserError(f"{path}: {data.group_kind} {group!r} is in {assigned[group]} and in {_KEYS[key]}")
            assigned[group] = _KEYS[key]
    if TEST not in assigned.values():
        assigned = {group: TEST if part == VALIDATION else part for group, part in assigned.items()}
    _check(assigned, data, str(path))
    return assigned


# ------------------------------------------------------------------------------------------------- groups to parts


def _classes_of_groups(data: Dataset) -> dict[str, Counter[str]]:
    """Return group → how many rows it has of each class (of one nameless class where the data has none)."""
    found: dict[str, Counter[str]] = {}
    labels = [""] * len(data.group) if data.label is None else data.label.tolist()
    for group, label in zip(data.group.tolist(), labels, strict=True):
        found.setdefault(group, Counter())[label] += 1
    return found


def _fresh(classes: Mapping[str, Counter[str]], kind: str, seed: int) -> tuple[dict[str, str], list[str]]:
    if len(classes) < len(PARTS):
        found = f"{len(classes)} {plural(kind)}" if len(classes) != 1 else f"1 {kind} only"
        raise UserError(
            f"the data has {found}; train, validation and test need at least {len(PARTS)}, "
            f"for no {kind} may be on two sides"
        )
    draws = [(VALIDATION, SHARE), (TEST, SHARE)]
    return _draw(classes, kind, seed, draws)


def _as_published(
    published: Mapping[str, str], classes: Mapping[str, Counter[str]], data: Dataset, seed: int
) -> tuple[dict[str, str], list[str]]:
    kind, notes = data.group_kind, []
    _check(published, data, "the published split")
    assigned = {group: published[group] for group in classes}
    if absent := len(set(published) - set(classes)):
        notes.append(
            f"the published split names {absent} {plural(kind) if absent > 1 else kind} that the data does not have"
        )
    if VALIDATION not in published.values():
        train = {group: counts for group, counts in classes.items() if assigned[group] == TRAIN}
        if len(train) < 2:
            raise UserError(f"the published split has {len(train)} {kind} in train; 2 are needed, one for validation")
        drawn, said = _draw(train, kind, seed, [(VALIDATION, SHARE)])
        assigned |= drawn
        share = f"{100 * SHARE:.0f} %"
        notes += [
            f"the published split has train and test only: {share} of the train {plural(kind)} are validation",
            *said,
        ]
    if empty := [name for name in PARTS if name not in assigned.values()]:
        raise UserError(f"the published split leaves {' and '.join(empty)} without a {kind} of {data.name}")
    return assigned, notes


def _draw(
    classes: Mapping[str, Counter[str]], kind: str, seed: int, draws: Sequence[tuple[str, float]]
) -> tuple[dict[str, str], list[str]]:
    """Draw parts' shares from the groups of each class; what is not drawn is train. Returns group → part, and notes."""
    parts = len(draws) + 1
    owners = Counter(label for counts in classes.values() for label in counts)
    rare = {label for label, n in owners.items() if n < parts}
    strata: dict[str, list[str]] = {}
    for group, counts in classes.items():
        if rare.isdisjoint(counts):
            # a group of several classes counts by its most frequent one
            strata.setdefault(min(counts, key=lambda one: (-counts[one], one)), []).append(group)
    # classes that are too seldom a group's most frequent one are drawn from together
    small = [label for label, groups in strata.items() if len(groups) < parts]
    together = [group for label in small for group in strata.pop(label)]
    drawable = [groups for groups in (*strata.values(), together) if len(groups) >= parts]
    notes = []
    if not drawable:
        drawable = [list(classes)]
        notes.append(f"too few {plural(kind)} of each class: the split is not stratified")
    elif rare:
        some = ("classes " if len(rare) > 1 else "class ") + ", ".join(sorted(rare))
        have, are = ("have", "are") if len(rare) > 1 else ("has", "is")
        notes.append(f"{some} {have} fewer than {parts} {plural(kind)} and {are} in train")

    assigned = dict.fromkeys(classes, TRAIN)
    for groups in drawable:
        # by hash and not by the order of rows, which is no property of the data
        shuffled = sorted(groups, key=lambda group: _key(seed, group))
        n = {name: max(1, int(share * len(groups) + 0.5)) for name, share in draws}
        for name, _ in draws:
            assigned |= dict.fromkeys(shuffled[: n[name]], name)
            shuffled = shuffled[n[name] :]
    return assigned, notes


def _key(seed: int, group: str) -> str:
    """Return a group's place in the seeded order: a hash, so that it is the same with every library and machine."""
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()


def _check(assigned: Mapping[str, str], data: Dataset, source: str) -> None:
    """Raise UserError where a group of the data has no part, or a part is none."""
    for group, part in assigned.items():
        if part not in PARTS:
            raise UserError(f"{source}: {data.group_kind} {group!r} is in {part!r}; expected {', '.join(PARTS)}")
    groups = np.unique(data.group).tolist()
    missing = [group for group in groups if group not in assigned]
    if missing:
        hint = nearest(missing[0], set(assigned) - set(groups) or assigned)
        raise UserError(
            f"{source}: {len(missing)} of {len(groups)} {plural(data.group_kind)} of {data.name} are in no part; "
            f"the first is {missing[0]!r}{hint}"
        )


# ---------------------------------------------------------------------------------------------------------- names


def _name(data: Dataset, inputs: str, targets: str, seed: int, published: bool) -> str:
    what = CLASSES if targets == LABEL else _columns(data.blocks[targets], targets)
    if targets != LABEL and data.blocks[targets].origin:
        what += f" {data.blocks[targets].origin}"
    if inputs == targets:
        what += " reconstructed"
    elif _is_affect(data.blocks[inputs]):
        what += f" from {_columns(data.blocks[inputs], inputs)}"
    name = f"{data.name} · by {data.group_kind} · {what}"
    if seed:
        name += f" · split seed {seed}"
    if published:
        name += " · published split"
    return name


def _is_affect(block: Block) -> bool:
    return bool(block.columns) and all(column in SHORT for column in block.columns)


def _columns(block: Block, name: str) -> str:
    if _is_affect(block):
        return " ".join(SHORT[column] for column in block.columns)
    return " ".join(block.columns) if len(block.columns) <= 3 else f"{len(block.columns)} {name}"
