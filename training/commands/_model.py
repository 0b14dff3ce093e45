"""The model of a kept run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affect.record import Artifact
from training import registry
from training.contract import UserError
from training.study import provenance

if TYPE_CHECKING:
    from training.contract import Model
    from training.tracking.store import RunInfo, Store


def load(store: Store, name: str, device: str) -> tuple[RunInfo, Model]:
    """Return the run `name` (of a study, its first final run) and its model; UserError where it has none."""
    info = store.final(name)
    if "method" not in info.tags:
        raise UserError(f"run {info.id[:8]} ({info.name}) was not written by Affectory")
    folder = store.artifacts(info.id) / Artifact.MODEL
    if not folder.is_dir():
        raise UserError(f"run {info.id[:8]} has no model: {folder} is missing")
    return info, registry.method(info.tags["method"]).load(folder, provenance.device(device))
