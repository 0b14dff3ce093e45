"""What the methods with attention give their design."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.contract import Params


def options(params: Params) -> dict[str, Any]:
    """Return the width of steps, the heads of each attention (all of one size), and the dropout."""
    return {"width": params["width"], "heads": params["heads"], "dropout": params["dropout"]}
