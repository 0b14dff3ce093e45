"""The search space of meshes/graph_sage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.meshes import _graphs

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_graphs.DEFAULTS}

TINY: dict[str, Any] = {**_graphs.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _graphs.suggest(trial)
