"""The search space of meshes/feast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.meshes import _graphs

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_graphs.DEFAULTS, "heads": 4, "depth": 2, "epochs": 15}

TINY: dict[str, Any] = {**_graphs.TINY, "heads": 2}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {**_graphs.suggest(trial), "heads": trial.suggest_categorical("heads", [2, 4, 8, 16])}
