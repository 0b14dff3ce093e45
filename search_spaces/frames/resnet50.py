"""The search space of frames/resnet50."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.frames import _family

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_family.DEFAULTS, "dropout": 0.0, "learning_rate": 1e-3}

TINY: dict[str, Any] = {**DEFAULTS, **_family.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _family.suggest(trial)
