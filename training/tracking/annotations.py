"""What people write on a run: notes, tags of their own, and that it is archived."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from affect import record
from training.contract import UserError
from training.messages import unknown
from training.tracking.run import full_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.tracking.store import Store

MLFLOW_NOTE = "mlflow.note.content"
"""Where `mlflow ui` shows a note."""
PERSONAL = {record.tag("note"), record.tag("labels"), record.tag("archived"), MLFLOW_NOTE}
"""Tags that people write on a run. Two copies of a run that differ in these alone are the same run."""


def note(store: Store, name: str, text: str) -> None:
    """Put a note of plain text on a run or study, in place of an older one; an empty text removes it."""
    info = store.get(name)
    if text.strip():
        store.write(info.id, tags={**full_tags({"note": text.strip()}), MLFLOW_NOTE: text.strip()})
    else:
        store.remove_tags(info.id, (record.tag("note"), MLFLOW_NOTE))


def label(store: Store, name: str, labels: Iterable[str], remove: bool = False) -> None:
    """Add tags of a person's own to a run or study, or remove them; UserError for one that it lacks."""
    info = store.get(name)
    present = set(json.loads(info.tags.get("labels") or "[]"))
    names = {text.strip() for text in labels}
    if "" in names:
        raise UserError("a tag is at least one character")
    if remove and names - present:
        missing = min(names - present)
        raise UserError(unknown(missing, sorted(present), f"tag of run {info.id[:12]}:"))
    store.set_tags(info.id, {"labels": record.to_json(sorted(present - names if remove else present | names))})


def archive(store: Store, name: str, undo: bool = False) -> None:
    """Archive a run, a study with all of its children, or bring it back. Nothing is deleted."""
    info = store.get(name)
    children = store.children(info.id) if info.tags.get("kind") == record.Kind.STUDY else []
    for one in [info, *children]:
        if undo:
            store.remove_tags(one.id, (record.tag("archived"),))
        else:
            store.set_tags(one.id, {"archived": "true"})
