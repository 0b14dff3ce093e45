"""The search space of motion/lma_vae."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.motion import _preparation

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    **_preparation.DEFAULTS,
    "width": 128,
    "depth": 2,
    "activation": "silu",
    "reconstruction": "l1",
    "weighting": "own_units",
    "reconstruction_weight": 300.0,
    "optimiser": "adam",
    "learning_rate": 2e-3,
    "batch": 128,
    "epochs": 80,
}

TINY: dict[str, Any] = {**DEFAULTS, "width": 32, "depth": 1, "learning_rate": 5e-3, "batch": 32, "epochs": 20}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        **_preparation.suggest(trial),
        "width": trial.suggest_categorical("width", [32, 64, 128, 256]),
        "depth": trial.suggest_int("depth", 1, 3),
        "activation": trial.suggest_categorical("activation", ["relu", "silu", "tanh"]),
        "reconstruction": trial.suggest_categorical("reconstruction", ["l1", "mse", "huber"]),
        # errors in the data's own units favour the features that move most, scaled ones make all features equal
        "weighting": trial.suggest_categorical("weighting", ["own_units", "scaled"]),
        "reconstruction_weight": trial.suggest_float("reconstruction_weight", 10.0, 3000.0, log=True),
        "optimiser": trial.suggest_categorical("optimiser", ["adam", "adamw", "rmsprop"]),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "batch": trial.suggest_categorical("batch", [32, 64, 128, 256, 512]),
        "epochs": trial.suggest_int("epochs", 20, 150, log=True),
    }
