"""What the networks of single frames are searched over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "dropout": 0.5,
    "horizontal_flip": True,
    "max_shift": 2,
    "learning_rate": 1e-4,
    "learning_rate_schedule": "cosine",
    "batch": 32,
    "epochs": 10,
    "patience": 4,
}
"""The learning rate is the source's; the others are *ours*."""

TINY: dict[str, Any] = {
    "dropout": 0.1,
    "horizontal_flip": False,
    "max_shift": 0,
    "learning_rate": 1e-3,
    "batch": 16,
    "epochs": 1,
    "width": 0.0625,
}


def suggest(trial: optuna.Trial, *, dropout: bool = True) -> dict[str, Any]:
    """Draw one configuration, without dropout where the network has no layer for it."""
    return {
        **({"dropout": trial.suggest_float("dropout", 0.0, 0.7)} if dropout else {}),
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
        # pixels of 64
        "max_shift": trial.suggest_int("max_shift", 0, 6),
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 3e-3, log=True),
        "learning_rate_schedule": trial.suggest_categorical("learning_rate_schedule", ["none", "cosine"]),
        "batch": trial.suggest_categorical("batch", [16, 32, 64, 128]),
        "epochs": trial.suggest_int("epochs", 1, 100, log=True),
        "patience": trial.suggest_int("patience", 2, 20),
    }
