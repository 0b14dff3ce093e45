"""The best trials of a search, and what they came to when they were fitted again with new seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dashboard.figures import confirmed as figures
from dashboard.results import confirmed
from dashboard.views.items import Item, Section

if TYPE_CHECKING:
    from dashboard.results.study import Study


def section(study: Study, prefix: str) -> Iterator[Item]:
    """Yield the best trials beside the same configurations fitted again; nothing where none was."""
    rows = confirmed.table(study)
    if rows.empty:
        return
    text = (
        f"{confirmed.sentence(rows, study.label)} A dot on the line kept what the search promised; the bars are the "
        "standard deviation over the new seeds. None of these fits saw the test part."
    )
    fig = figures.draw(rows, study.label)
    yield Section("The best trials, fitted again", text, fig, rows, f"{prefix}confirmed", formats={"drop": "%+.4f"})
