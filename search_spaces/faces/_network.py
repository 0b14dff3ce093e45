"""What the search spaces of all variational autoencoders of faces share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "width": 32,
    "kl_weight": 3e-5,
    "horizontal_flip": True,
    "learning_rate": 1e-3,
    "learning_rate_schedule": "cosine",
    "batch": 16,
    "epochs": 30,
}

TINY: dict[str, Any] = {**DEFAULTS, "width": 8, "learning_rate": 3e-3, "batch": 16, "epochs": 3}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw the network and its fit."""
    return {
        "width": trial.suggest_categorical("width", [8, 16, 32, 64]),
        # against the mean squared error of a pixel: 1 / (64 · 64 · 3) is a decoder with a variance of a half
        "kl_weight": trial.suggest_float("kl_weight", 1e-7, 1e-3, log=True),
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 5e-3, log=True),
        "learning_rate_schedule": trial.suggest_categorical("learning_rate_schedule", ["none", "cosine"]),
        "batch": trial.suggest_categorical("batch", [16, 32, 64, 128]),
        "epochs": trial.suggest_int("epochs", 3, 80, log=True),
    }
