"""The readable name of a protocol, under which MLflow lists its runs: what is equal for all scores within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.contract import CLASSES, FRAME, LABEL
from training.splits import LOSO

if TYPE_CHECKING:
    from training.data import Block, Dataset

SHORT = {"pleasure": "P", "valence": "V", "arousal": "A", "dominance": "D"}


def name(
    data: Dataset,
    targets: str,
    seed: int,
    published: bool,
    folds: int | str | None,
    rule: str,
    reconstructed: bool,
    leaks: bool,
) -> str:
    """Return the name of a protocol on `data`.

    targets : the block that is predicted, or `LABEL`.  seed : of the split.  published : whether it was published so.
    folds : number of test folds, `LOSO`, or None.  rule : the label rule.  reconstructed : whether inputs are targets.
    leaks : whether something that must not be divided stands in two parts.
    """
    what = CLASSES if targets == LABEL else _columns(data.blocks[targets], targets)
    if targets != LABEL and data.blocks[targets].origin:
        what += f" {data.blocks[targets].origin}"
    if reconstructed:
        what += " reconstructed"
    if rule != FRAME:
        what += f" ({rule.replace('_', ' ')})"
    words = f"{data.name} · by {data.group_kind} · {what}"
    if seed:
        words += f" · split seed {seed}"
    if published:
        words += " · published split"
    if folds is not None:
        words += f" · leave one {data.group_kind} out" if folds == LOSO else f" · {folds} test folds"
    if leaks:
        words += " · LEAK"
    return words


def _columns(block: Block, name: str) -> str:
    if all(column in SHORT for column in block.columns):
        return " ".join(SHORT[column] for column in block.columns)
    return " ".join(block.columns) if len(block.columns) <= 3 else f"{len(block.columns)} {name}"
