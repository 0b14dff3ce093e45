"""The search space of meshes/linear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "model": "discriminant",
    "coordinates": "differences",
    "penalty": 5e-6,
    "horizontal_flip": False,
}

TINY: dict[str, Any] = {**DEFAULTS, "model": "ridge", "penalty": 1e-3}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        "model": trial.suggest_categorical("model", ["discriminant", "ridge", "logistic"]),
        # differences weigh what is local more, positions what the whole face does
        "coordinates": trial.suggest_categorical("coordinates", ["positions", "differences"]),
        "penalty": trial.suggest_float("penalty", 1e-7, 1e-2, log=True),
        # mirror images double the train part, and take from a model what distinguishes left from right
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
    }
