"""Groups to parts: what a split never divides is a group (clip, person, video …).

A split is stratified by class over groups, 70 / 15 / 15, and depends on the names of the groups and on `split_seed`
alone: not on the order of the rows, and not on a library's generator.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from affect.record import PARTS
from training import json_files, leaks
from training.contract import UserError
from training.data import Dataset
from training.messages import listed, nearest, plural, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data import Indices, Strings

TRAIN, VALIDATION, TEST = PARTS
SHARE = 0.15
"""Share of a class's groups in validation, and in test."""

MOST = 1.4
"""How many times its share a part may have before that is said: one of five groups is 1.33 times 15 %."""

LOSO = "loso"
"""The number of test folds that leaves one group out at a time."""

OTHERS = "others"
"""What a split file says of the part of all groups that it does not name."""

_KEYS = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST}

Classes = dict[str, Counter[str]]
"""Group → how many labelled samples it has of each class; of one nameless class where it has none."""


def names(path: Path) -> set[str]:
    """Return every name in the lists of a split file; none of what is no such file, which `read` refuses."""
    content = json_files.read(path)
    lists = [groups for groups in content.values() if isinstance(groups, list)] if isinstance(content, dict) else []
    return {str(name) for groups in lists for name in groups if isinstance(name, str | int)}


def read(path: Path, data: Dataset) -> dict[str, str]:
    """Read a split file, JSON of ``{"train": [group, …], "val": […], "test": […]}``, to group → part.

    In place of a list, one part may say ``"others"``: all groups that no other part names. A file of two parts has
    train and the source's test, whatever the latter is called. Raises UserError for what is no
    such file, a group named twice, and a group of `data` that no part has (with the nearest names that the file has).
    Names that the data does not have are kept: `make` says how many they are.
    """
    content = json_files.read(path)
    expected = 'expected {"train": [group, …], "val": […], "test": […]}'
    if not isinstance(content, dict):
        raise UserError(f"{path}: {expected}, found a {type(content).__name__}")
    assigned: dict[str, str] = {}
    rest = [key for key, groups in content.items() if groups == OTHERS]
    if len(rest) > 1:
        raise UserError(f"{path}: {expected}, found {OTHERS!r} in {' and '.join(rest)}")
    for key, groups in content.items():
        if key not in _KEYS:
            raise UserError(f"{path}: {expected}, found the part {short(key)!r}{nearest(short(key), _KEYS)}")
        if key in rest:
            continue
        if not isinstance(groups, list) or not all(isinstance(g, str | int) for g in groups):
            raise UserError(f"{path}: {expected}, found part {key!r} that is no list of names")
        for group in map(str, groups):
            if assigned.get(group, _KEYS[key]) != _KEYS[key]:
                raise UserError(f"{path}: {data.group_kind} {group!r} is in {assigned[group]} and in {_KEYS[key]}")
            assigned[group] = _KEYS[key]
    for key in rest:
        assigned |= {group: _KEYS[key] for group in np.unique(data.group).tolist() if group not in assigned}
    if TEST not in assigned.values():
        assigned = {group: TEST if part == VALIDATION else part for group, part in assigned.items()}
    _check(assigned, data, str(path))
    return assigned


# ------------------------------------------------------------------------------------------------- groups to parts


def classes_of_groups(data: Dataset, labelled: NDArray[np.bool_]) -> Classes:
    """Return the classes of each group that has a labelled sample; `labelled` is (n,).

    Samples whose class is unknown ("") count only in groups that have no other: unknown is no class.
    """
    classes: Classes = {}
    labels = data.label[labelled].tolist() if data.label is not None else [""] * int(labelled.sum())
    for group, label in zip(data.group[labelled].tolist(), labels, strict=True):
        classes.setdefault(group, Counter())[label] += 1
    for counts in classes.values():
        if len(counts) > 1:
            counts.pop("", None)
    return classes


def fresh(classes: Classes, kind: str, seed: int) -> tuple[dict[str, str], list[str]]:
    """Return group → part, 70 / 15 / 15 by class, and notes; UserError where there are too few groups."""
    if len(classes) < len(PARTS):
        count = f"{len(classes)} {plural(kind)}" if len(classes) != 1 else f"1 {kind} only"
        raise UserError(
            f"the data has {count}; train, validation and test need at least {len(PARTS)}, "
            f"since no {kind} may be in two of them"
        )
    draws = [(VALIDATION, SHARE), (TEST, SHARE)]
    return _draw(classes, kind, seed, draws)


def as_published(
    published: Mapping[str, str], classes: Classes, data: Dataset, seed: int
) -> tuple[dict[str, str], list[str]]:
    """Return group → part as a publication fixed it, and notes; validation is drawn from train where it has none."""
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
        drawn, drawn_notes = _draw(train, kind, seed, [(VALIDATION, SHARE)])
        assigned |= drawn
        share = f"{100 * SHARE:.0f} %"
        notes += [
            f"the published split has train and test only: {share} of the train {plural(kind)} are validation",
            *drawn_notes,
        ]
    if empty := [name for name in PARTS if name not in assigned.values()]:
        raise UserError(f"the published split leaves {' and '.join(empty)} without a {kind} of {data.name}")
    return assigned, notes


def folds(classes: Classes, kind: str, seed: int, count: int | str) -> tuple[list[dict[str, str]], list[str]]:
    """Return group → part for each fold of `count`, or of as many as there are groups for `LOSO`, and notes.

    Every group is in test exactly once, with the groups of its class spread over the folds; of the others in a fold
    15 % are validation and the rest train. Raises UserError for a number of folds that the groups do not allow.
    """
    number = len(classes) if count == LOSO else count
    # of three groups, a fold that tests two leaves one for train and validation
    least = 2 if len(classes) > len(PARTS) else len(PARTS)
    if not isinstance(number, int) or not least <= number <= len(classes):
        raise UserError(
            f"--test-folds {count}: the data has {len(classes)} {plural(kind)}; expected {least} to {len(classes)} "
            f"folds, or {LOSO} (one {kind} in test at a time), and at least {len(PARTS)} {plural(kind)}"
        )
    assigned = []
    folds_of: dict[str, list[str]] = {}
    for k, test in enumerate(_dealt(classes, seed, number)):
        others = {group: counts for group, counts in classes.items() if group not in set(test)}
        parts, notes = _draw(others, kind, seed, [(VALIDATION, SHARE)])
        assigned.append({**dict.fromkeys(classes, TRAIN), **parts, **dict.fromkeys(test, TEST)})
        for note in notes:
            folds_of.setdefault(note, []).append(str(k + 1))
    return assigned, [_of_folds(numbers, number, note) for note, numbers in folds_of.items()]


def search_folds(classes: Classes, kind: str, seed: int, count: int) -> tuple[list[dict[str, str]], list[str]]:
    """Return group → train or validation for each of `count` folds of a search, and notes.

    `classes` are those of the groups of train and validation alone. Every group is in validation exactly once, but for
    those of a class that no other group has: they are in train in every fold, as no model could know the class there.
    Raises UserError for a number of folds that the groups do not allow.
    """
    owners = Counter(label for counts in classes.values() for label in counts)
    single = sorted(label for label, n in owners.items() if label and n == 1)
    divided = {group: counts for group, counts in classes.items() if not counts.keys() & set(single)}
    if len(divided) < 2:
        single, divided = [], classes
    if not 2 <= count <= len(divided):
        raise UserError(
            f"--folds {count}: train and validation have {len(divided)} {plural(kind)} to divide; "
            f"expected 2 to {len(divided)} folds"
        )
    notes = []
    if single:
        of = f"{'classes' if len(single) > 1 else 'class'} {listed(single)}"
        notes.append(f"--folds: one {kind} alone has the {of}, and is in train in every fold of the search")
    everyone = dict.fromkeys(classes, TRAIN)
    return [everyone | dict.fromkeys(held_out, VALIDATION) for held_out in _dealt(divided, seed, count)], notes


def _dealt(classes: Classes, seed: int, count: int) -> list[list[str]]:
    """Return the groups in `count` folds, those of each class spread over them."""
    strata: dict[str, list[str]] = {}
    for group, counts in classes.items():
        strata.setdefault(min(counts, key=lambda one: (-counts[one], one)), []).append(group)
    # dealt on from stratum to stratum, so that folds differ by one group at the most
    dealt = [g for _, groups in sorted(strata.items()) for g in sorted(groups, key=lambda group: _key(seed, group))]
    return [dealt[k::count] for k in range(count)]


def _of_folds(numbers: Sequence[str], total: int, note: str) -> str:
    """Return a note of some folds' draws that says which folds they are."""
    if len(numbers) == total:
        return f"in each fold: {note}"
    return f"{'folds' if len(numbers) > 1 else 'fold'} {listed(numbers)} of {total}: {note}"


def places(names: Strings) -> Indices:
    """Return a number for each name (n,): its place in an order that tells nothing of the names."""
    unique, place = np.unique(names, return_inverse=True)
    hashes = np.array([_key("test", name) for name in unique.tolist()])
    return np.argsort(np.argsort(hashes))[place]


def numbered(names: Strings) -> Strings:
    """Return ``test 0``, ``test 1`` … for names (n,), in the order of their places; equal names stay equal."""
    return np.char.add("test ", places(names).astype(np.str_))


def _draw(
    classes: Classes, kind: str, seed: int, draws: Sequence[tuple[str, float]]
) -> tuple[dict[str, str], list[str]]:
    """Draw parts' shares from the groups of each class; what is not drawn is train. Returns group → part, and notes."""
    parts = len(draws) + 1
    owners = Counter(label for counts in classes.values() for label in counts)
    rare = {label for label, n in owners.items() if label and n < parts}
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
    crowded = 0
    for groups in drawable:
        # by hash and not by the order of rows, which is no property of the data
        shuffled = sorted(groups, key=lambda group: _key(seed, group))
        n = {name: max(1, int(share * len(groups) + 0.5)) for name, share in draws}
        crowded += any(n[name] > MOST * share * len(groups) for name, share in draws)
        for name, _ in draws:
            assigned |= dict.fromkeys(shuffled[: n[name]], name)
            shuffled = shuffled[n[name] :]
    shares = {name: sum(part == name for part in assigned.values()) / len(classes) for name, _ in draws}
    if any(shares[name] > MOST * share for name, share in draws):
        drawn = " and ".join(f"{shares[name]:.0%} in {name} ({share:.0%} are meant)" for name, share in draws)
        notes.append(
            f"{crowded} of {len(drawable)} classes have so few {plural(kind)} that one in each part is more than its "
            f"share: {drawn}" + (f". --test-folds tests on every {kind} and trains on more" if TEST in shares else "")
            # what is drawn in a fold is validation alone
        )
    return assigned, notes


def check_recordings(data: Dataset) -> None:
    """Raise UserError where a recording is in two groups: a split would divide it, and its frames hardly differ."""
    if data.sequence is None or leaks.RECORDING in data.kept_together:  # then the division itself is looked for
        return
    pairs = np.unique(np.stack([data.sequence, data.group]), axis=1)
    twice = np.flatnonzero(pairs[0, 1:] == pairs[0, :-1])
    if len(twice):
        name, one, other = pairs[0, twice[0]], pairs[1, twice[0]], pairs[1, twice[0] + 1]
        divided, recordings = len(np.unique(pairs[0, twice])), len(np.unique(pairs[0]))
        raise UserError(
            f"{data.name}: the recording {str(name)!r} is in two {plural(data.group_kind)}, {str(one)!r} and "
            f"{str(other)!r}; a split must not divide it (found in {divided} of {recordings} recordings)"
        )


def _key(seed: int | str, group: str) -> str:
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
