"""The search space of fusion/decision_tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {"statistics": "mean", "depth": 8, "min_samples_leaf": 20}

TINY: dict[str, Any] = {**DEFAULTS, "depth": 5}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        "statistics": trial.suggest_categorical("statistics", ["mean", "mean_sd"]),
        "depth": trial.suggest_int("depth", 1, 20),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 500, log=True),
    }
