"""Folds of a search (``--folds``): train and validation divided anew, so that each of their groups scores every trial.

The test part stays as it is, and so does the protocol: a study whose trials are scored on folds stands in the same
leaderboard as one whose trials are scored on one validation part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from training import splits
from training.protocols import LEFT_OUT, UNLABELLED, split_id
from training.splits import TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.protocols import Protocol


def divide(protocol: Protocol, count: int | None, seed: int) -> Protocol:
    """Return the protocol with `count` search folds, of one that is tested by folds each with its own; None: as it is.

    Raises UserError where there are fewer groups than folds.
    """
    if count is None:
        return protocol
    if protocol.folds:
        folds = tuple(divide(fold, count, seed) for fold in protocol.folds)
        notes = [note for fold in folds for note in fold.notes if note not in protocol.notes]
        return replace(protocol, folds=folds, notes=(*protocol.notes, *dict.fromkeys(notes)))
    learned = np.isin(protocol.part, (TRAIN, VALIDATION))
    classes = splits.classes_of_groups(protocol.data, learned)
    assigned, notes = splits.search_folds(classes, protocol.data.group_kind, seed, count)
    found = tuple(_fold(protocol, of_fold) for of_fold in assigned)
    return replace(protocol, search_folds=found, notes=(*protocol.notes, *notes))


def _fold(protocol: Protocol, assigned: Mapping[str, str]) -> Protocol:
    """Return the protocol with the groups of train and validation as `assigned`: group → part."""
    groups, place = np.unique(protocol.data.group, return_inverse=True)
    of_row = np.array([assigned.get(group, LEFT_OUT) for group in groups.tolist()], dtype=protocol.part.dtype)[place]
    part = protocol.part.copy()
    labelled = np.isin(part, (TRAIN, VALIDATION))
    part[labelled] = of_row[labelled]
    # samples without a label serve where their group is a train group
    rest = ~labelled & (of_row != LEFT_OUT)
    part[rest] = np.where(of_row[rest] == TRAIN, UNLABELLED, LEFT_OUT)
    part.flags.writeable = False
    counts = {name: sum(p == name for p in assigned.values()) for name in (TRAIN, VALIDATION)}
    return replace(protocol, part=part, split_id=split_id(protocol.data, part), groups={**protocol.groups, **counts})
