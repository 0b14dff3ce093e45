"""The search space of fusion/bayesian_ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

PRIORS = ("alpha_1", "alpha_2", "lambda_1", "lambda_2")

DEFAULTS: dict[str, Any] = {"statistics": "mean", **dict.fromkeys(PRIORS, 1e-6)}

TINY: dict[str, Any] = {**DEFAULTS, "statistics": "mean_sd"}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        "statistics": trial.suggest_categorical("statistics", ["mean", "mean_sd"]),
        # with thousands of frames only large values change anything
        **{name: trial.suggest_float(name, 1e-7, 1e4, log=True) for name in PRIORS},
    }
