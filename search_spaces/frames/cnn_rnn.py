"""The search space of frames/cnn_rnn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "layer": 1,
    "recurrent_layers": 2,
    "recurrent_size": 128,
    "dropout": 0.5,
    "horizontal_flip": True,
    "max_shift": 2,
    "learning_rate": 5e-4,
    "learning_rate_schedule": "cosine",
    "batch": 128,
    "chunk": 4,
    "epochs": 12,
    "patience": 6,
}

TINY: dict[str, Any] = {
    **DEFAULTS,
    "recurrent_layers": 1,
    "recurrent_size": 100,
    "dropout": 0.1,
    "max_shift": 0,
    "learning_rate": 1e-3,
    "batch": 64,
    "epochs": 2,
    "width": 0.0625,
}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        # whose output is a frame's features: the first or second fully connected one
        "layer": trial.suggest_categorical("layer", [1, 2]),
        "recurrent_layers": trial.suggest_categorical("recurrent_layers", [1, 2]),
        "recurrent_size": trial.suggest_int("recurrent_size", 100, 150),
        "dropout": trial.suggest_float("dropout", 0.0, 0.7),
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
        # pixels of 64
        "max_shift": trial.suggest_int("max_shift", 0, 6),
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True),
        "learning_rate_schedule": trial.suggest_categorical("learning_rate_schedule", ["none", "cosine"]),
        # frames in a step, and successive ones among them
        "batch": trial.suggest_categorical("batch", [64, 128, 256]),
        "chunk": trial.suggest_categorical("chunk", [2, 4, 8, 16]),
        "epochs": trial.suggest_int("epochs", 2, 200, log=True),
        "patience": trial.suggest_int("patience", 4, 40),
    }
