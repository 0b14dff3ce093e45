"""What every graph network of meshes searches beside what is its layer's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "width": 32,
    "depth": 3,
    "embedding": 64,
    "dropout": 0.5,
    "horizontal_flip": True,
    "label_smoothing": 0.1,
    "learning_rate": 3e-3,
    "weight_decay": 1e-3,
    "batch": 32,
    "epochs": 20,
    "patience": 8,
}

TINY: dict[str, Any] = {
    **DEFAULTS,
    "width": 16,
    "depth": 1,
    "embedding": 32,
    "dropout": 0.1,
    "horizontal_flip": False,
    "learning_rate": 1e-2,
    "batch": 16,
    "epochs": 5,
}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Return the parameters that `training.networks.mesh_classifier.fit` takes."""
    return {
        "width": trial.suggest_categorical("width", [16, 32, 64, 128]),
        "depth": trial.suggest_int("depth", 1, 5),
        "embedding": trial.suggest_categorical("embedding", [32, 64, 128, 256, 512]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.7),
        # a smirk to the left and one to the right are the same class, and a person's face is nearly symmetric
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
        "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.3),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-1, log=True),
        "batch": trial.suggest_categorical("batch", [16, 32, 64]),
        "epochs": trial.suggest_int("epochs", 2, 200, log=True),
        "patience": trial.suggest_int("patience", 4, 40),
    }
