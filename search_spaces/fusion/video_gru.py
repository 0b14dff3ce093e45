"""The search space of fusion/video_gru."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.fusion import _sequences

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_sequences.DEFAULTS, "layers": 1}

TINY: dict[str, Any] = {**DEFAULTS, **_sequences.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        **_sequences.suggest(trial),
        "layers": trial.suggest_int("layers", 1, 2),
    }
