"""The search space of motion/pad_to_lma: three inputs need few and shallow trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.motion import _boosting, _preparation

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    **_preparation.DEFAULTS,
    "objective": "reg:absoluteerror",
    "n_estimators": 100,
    "learning_rate": 0.2,
    "depth": 4,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample": 1.0,
    "reg_lambda": 1.0,
}

TINY: dict[str, Any] = {**DEFAULTS, "n_estimators": 20, "depth": 3}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {**_preparation.suggest(trial), **_boosting.suggest(trial, n_estimators=(20, 200), depth=(1, 6))}
