"""The search space of frames/cnn_m."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.frames import _family

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_family.DEFAULTS, "learning_rate": 5e-4, "epochs": 8}
"""With batch norm after each convolution, it bears a larger learning rate."""

TINY: dict[str, Any] = {**DEFAULTS, **_family.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _family.suggest(trial)
