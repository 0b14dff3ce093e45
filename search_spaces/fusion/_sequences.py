"""What the networks over the steps of windows are searched over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "width": 64,
    "dropout": 0.2,
    "loss": "rmse",
    "learning_rate": 1e-3,
    "weight_decay": 1e-5,
    "batch": 128,
    "epochs": 40,
}

TINY: dict[str, Any] = {"width": 16, "dropout": 0.0, "learning_rate": 5e-3, "batch": 256, "epochs": 4}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        # a multiple of every number of heads
        "width": trial.suggest_categorical("width", [16, 32, 64, 128, 256]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        # CCC of a batch needs frames of different values: batches are never small
        "loss": trial.suggest_categorical("loss", ["rmse", "ccc"]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-7, 1e-2, log=True),
        "batch": trial.suggest_categorical("batch", [64, 128, 256, 512]),
        "epochs": trial.suggest_int("epochs", 2, 100, log=True),
    }
