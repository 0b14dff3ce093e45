"""A run's card with what misleads nobody: badges, standing, caveats, and published values set apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from affect.published import published
from dashboard.results import card, comparing
from dashboard.views.items import CardOf

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.views.choice import Reads


def card_of(index: Index, read: Reads, run_id: str, across: int = 1) -> CardOf:
    """Return the card of a run with its standing in its protocol."""
    made = card.make(index.runs, run_id, published(), pd.Timestamp.now("UTC"))
    return CardOf(made, comparing.standing(read, index, run_id), across=across)
