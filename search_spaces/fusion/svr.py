"""The search space of fusion/svr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "statistics": "mean",
    "kernel": "rbf",
    "C": 1.0,
    "epsilon": 0.1,
    "gamma": 1.0,
    "most_samples": 4000,
}

TINY: dict[str, Any] = {**DEFAULTS, "most_samples": 800}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        "statistics": trial.suggest_categorical("statistics", ["mean", "mean_sd"]),
        "kernel": trial.suggest_categorical("kernel", ["linear", "rbf"]),
        "C": trial.suggest_float("C", 1e-3, 1e2, log=True),
        "epsilon": trial.suggest_float("epsilon", 1e-2, 0.3, log=True),
        # over the number of features; a linear kernel has none
        "gamma": trial.suggest_float("gamma", 1e-2, 1e1, log=True),
        # the time grows with its square
        "most_samples": trial.suggest_categorical("most_samples", [800, 2000, 4000, 8000]),
    }
