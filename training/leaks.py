"""What a split divides that it must not: a person, a recording or copies of an image that stand in two parts.

Groups are never divided, but a group may be less than that: a split file may name recordings or samples, and the same
picture may be of two people's. Test scores are too good then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from affect.record import COLUMNS, Artifact
from training.messages import counted, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from training.data import Dataset, Strings

RECORDING, SAMPLE = "recording", "sample"


class Leak(NamedTuple):
    """One that stands in several parts: what it is, its name, the parts in order, and how many samples it has."""

    kind: str
    name: str
    parts: tuple[str, ...]
    samples: int


def regrouped(data: Dataset, names: Iterable[str]) -> Dataset:
    """Return the data with recordings or samples as groups, where a split names these; else as it is.

    What the groups were is not to be divided still: it becomes part of `Dataset.kept_together`.
    """
    wanted = set(names)
    if not wanted or wanted & set(data.group.tolist()):
        return data
    finer = [(RECORDING, data.sequence), (SAMPLE, data.sample)]
    for kind, of in finer:
        if of is None or not wanted & set(of.tolist()):
            continue
        together = {**data.kept_together, data.group_kind: data.group}
        if kind == SAMPLE and data.sequence is not None:
            together[RECORDING] = data.sequence
        return replace(data, group=of, group_kind=kind, kept_together=together, published_split=None)
    return data


def found(data: Dataset, of_folds: Iterable[Strings], left_out: str) -> tuple[Leak, ...]:
    """Return what stands in several parts; `of_folds` has each sample's part (n,), of one split or of each fold.

    Samples whose part is `left_out` count in none. What several folds divide is named once, with the first's parts.
    """
    first: dict[tuple[str, str], Leak] = {}
    for part in of_folds:
        for leak in _divided(data, part, part != left_out):
            first.setdefault((leak.kind, leak.name), leak)
    return tuple(first.values())


def _divided(data: Dataset, part: Strings, used: NDArray[np.bool_]) -> Iterator[Leak]:
    for kind, names in data.kept_together.items():
        known = used & (names != "")
        name, index = np.unique(names[known], return_inverse=True)
        parts, of_part = np.unique(part[known], return_inverse=True)
        samples = np.zeros((len(name), len(parts)), np.int64)
        np.add.at(samples, (index, of_part), 1)
        for row in np.flatnonzero((samples > 0).sum(axis=1) > 1):
            of = tuple(str(parts[k]) for k in np.flatnonzero(samples[row]))
            yield Leak(kind, str(name[row]), of, int(samples[row].sum()))


def counts(leaks: Sequence[Leak]) -> dict[str, int]:
    """Return kind → how many of it stand in several parts."""
    return dict(Counter(leak.kind for leak in leaks))


def table(leaks: Sequence[Leak]) -> pd.DataFrame:
    """Return the leaks with the columns of the record's table."""
    import pandas as pd

    rows = [(leak.kind, leak.name, ", ".join(leak.parts), leak.samples) for leak in leaks]
    return pd.DataFrame(rows, columns=[*COLUMNS[Artifact.LEAKS]])


def sentence(leaks: Sequence[Leak]) -> str:
    """Return in words what stands in several parts, the first of each kind by name."""
    told = []
    for kind, count in counts(leaks).items():
        first = next(leak for leak in leaks if leak.kind == kind)
        told.append(
            f"{counted(count, kind)} in two parts of the split ({first.name!r} with "
            f"{counted(first.samples, 'sample')} in {listed(list(first.parts))})"
        )
    return "; ".join(told)


def refusal(leaks: Sequence[Leak]) -> str:
    """Return why such a split is refused, and what can be done."""
    kinds = " and ".join(plural(kind) for kind in counts(leaks))
    return (
        f"the split leaks: {sentence(leaks)}. Its test scores would be too good. Give a split that keeps {kinds} "
        "together, or --allow-leak, which marks every result as leaking"
    )
