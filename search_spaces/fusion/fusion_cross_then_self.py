"""The search space of fusion/fusion_cross_then_self."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.fusion import _sequences

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**_sequences.DEFAULTS, "heads": 4}

TINY: dict[str, Any] = {**DEFAULTS, **_sequences.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        **_sequences.suggest(trial),
        "heads": trial.suggest_categorical("heads", [1, 2, 4, 8]),
    }
