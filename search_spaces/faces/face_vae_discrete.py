"""The search space of faces/face_vae_discrete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.faces import _network

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_network.DEFAULTS, "alignment_weight": 0.004}

TINY: dict[str, Any] = {**_network.TINY, "alignment_weight": 0.1}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        **_network.suggest(trial),
        # against the mean squared error of a pixel; an entropy is some ten times a squared error of the same label
        "alignment_weight": trial.suggest_float("alignment_weight", 3e-4, 0.3, log=True),
    }
