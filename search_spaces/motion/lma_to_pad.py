"""The search space of motion/lma_to_pad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.motion import _boosting, _preparation

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    **_preparation.DEFAULTS,
    "objective": "reg:absoluteerror",
    "n_estimators": 600,
    "learning_rate": 0.05,
    "depth": 7,
    "min_child_weight": 5.0,
    "subsample": 0.7,
    "colsample": 0.7,
    "reg_lambda": 1.0,
}

TINY: dict[str, Any] = {**DEFAULTS, "n_estimators": 50, "depth": 4, "learning_rate": 0.2}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {**_preparation.suggest(trial), **_boosting.suggest(trial, n_estimators=(50, 1000), depth=(3, 10))}
