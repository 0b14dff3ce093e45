"""The search space of fusion/feed_forward: that of fusion_concat, whose network it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.fusion import fusion_concat

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {**fusion_concat.DEFAULTS}

TINY: dict[str, Any] = {**fusion_concat.TINY}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return fusion_concat.suggest(trial)
