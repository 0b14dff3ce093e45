"""The model of a kept run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.study import kept_model, provenance

if TYPE_CHECKING:
    from training.contract import Model
    from training.tracking.store import RunInfo, Store


def load(store: Store, name: str, device: str) -> tuple[RunInfo, Model]:
    """Return the run `name` (of a study, its first final run) and its model; UserError where it has none."""
    info = store.final(name)
    return info, kept_model.load(store, info, provenance.device(device))
