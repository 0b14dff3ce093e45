"""The search space of frames/resnet50."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.frames import _family

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_family.DEFAULTS, "learning_rate": 1e-3}
del DEFAULTS["dropout"]  # it has no fully connected layer before its output

TINY: dict[str, Any] = {**DEFAULTS, **{key: value for key, value in _family.TINY.items() if key != "dropout"}}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _family.suggest(trial, dropout=False)
