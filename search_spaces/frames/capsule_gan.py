"""The search space of frames/capsule_gan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.frames import _gan

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_gan.DEFAULTS, "learning_rate": 2e-3}
"""Chosen on the synthetic frames (*ours*)."""

TINY: dict[str, Any] = {**DEFAULTS, **_gan.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return _gan.suggest(trial)
