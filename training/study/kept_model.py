"""The model that a run keeps, read back: its files must be those that the run wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from affect.record import Artifact
from training import registry
from training.contract import UserError
from training.tracking import artifacts

if TYPE_CHECKING:
    from training.contract import Model
    from training.tracking.store import RunInfo, Store


def load(store: Store, info: RunInfo, device: str) -> Model:
    """Return the model of a run, on "cpu", "cuda" or "mps".

    Raises UserError where the run has none, its files are not those that the run wrote (by the tag `hashes`), or they
    cannot be read.
    """
    if "method" not in info.tags:
        raise UserError(f"run {info.id[:8]} ({info.name}) was not written by Affectory")
    folder = store.artifacts(info.id) / Artifact.MODEL
    if not folder.is_dir():
        raise UserError(f"run {info.id[:8]} has no model: {folder} is missing")
    hashes = json.loads(info.tags.get("hashes") or "{}")
    if Artifact.MODEL in hashes and artifacts.content_hash(folder) != hashes[Artifact.MODEL]:
        raise UserError(
            f"run {info.id[:8]}: the files of its model are not those that the run wrote ({folder}); restore them from "
            "a copy, or fit the study again"
        )
    method = registry.method(info.tags["method"])
    try:
        model: Model = method.load(folder, device)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # whatever a reader of damaged files raises
        reason = str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f"run {info.id[:8]}: its model cannot be read ({type(error).__name__}: {reason}); its files are in {folder}"
        ) from error
    return model
