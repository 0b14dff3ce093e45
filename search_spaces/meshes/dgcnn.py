"""The search space of meshes/dgcnn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.meshes import _graphs

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_graphs.DEFAULTS, "k": 10, "depth": 2, "epochs": 10}

TINY: dict[str, Any] = {**_graphs.TINY, "k": 5, "epochs": 2}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {**_graphs.suggest(trial), "k": trial.suggest_categorical("k", [5, 10, 16, 20, 30])}
