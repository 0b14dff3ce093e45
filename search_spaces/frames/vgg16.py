"""The search space of frames/vgg16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.frames import _family

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_family.DEFAULTS, "dropout": 0.1, "batch": 16, "epochs": 6}
"""Without batch norm it dies from larger steps, and learns little with three layers of much dropout."""

TINY: dict[str, Any] = {**DEFAULTS, **_family.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _family.suggest(trial)
