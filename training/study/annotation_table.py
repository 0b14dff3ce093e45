"""What was annotated over time, as a study's run keeps it: a page draws it without any final run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from affect.record import COLUMNS, Artifact

if TYPE_CHECKING:
    import pandas as pd

    from training.protocols import Protocol


def tables(protocol: Protocol) -> dict[str, pd.DataFrame]:
    """Return the artifact of annotations by its name; nothing where the data has no time, or the targets are classes.

    A row is a sample's targets, in the order of recordings and time. Where there are several annotators, rows of each
    follow, of those samples that have a value.
    """
    data = protocol.data
    if data.sequence is None or data.time is None or protocol.classes:
        return {}
    import pandas as pd

    order = np.lexsort((data.time, data.sequence))
    known = {"": data.blocks[protocol.target_block].values, **data.annotators.get(protocol.target_block, {})}
    parts = []
    for annotator, values in known.items():
        rows = order if annotator == "" else order[np.isfinite(values[order]).any(axis=1)]
        columns = (data.sample[rows], data.sequence[rows], data.time[rows], np.full(len(rows), annotator))
        named = dict(zip(COLUMNS[Artifact.ANNOTATIONS], columns, strict=True))
        parts.append(pd.DataFrame(named | dict(zip(protocol.targets, values[rows].T, strict=True))))
    return {Artifact.ANNOTATIONS: pd.concat(parts, ignore_index=True)}
