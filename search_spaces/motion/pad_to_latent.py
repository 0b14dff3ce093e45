"""The search space of motion/pad_to_latent: pad_to_lma's bounds, and outliers and scaling in the latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.motion import pad_to_lma

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**pad_to_lma.DEFAULTS}

TINY: dict[str, Any] = {**pad_to_lma.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return pad_to_lma.suggest(trial)
