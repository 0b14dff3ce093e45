"""The search space of motion/pad_to_lma_correlated: pad_to_lma's, and which axes a feature is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.motion import pad_to_lma

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**pad_to_lma.DEFAULTS, "axes": 2, "correlation": "pearson"}

TINY: dict[str, Any] = {**pad_to_lma.TINY, "axes": 2, "correlation": "pearson"}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        **pad_to_lma.suggest(trial),
        "axes": trial.suggest_int("axes", 1, 3),
        "correlation": trial.suggest_categorical("correlation", ["pearson", "spearman"]),
    }
