"""The page Sample: one sample of the chosen runs, with its truth, its predictions and what resembles it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from affect.record import ALL, Artifact
from dashboard.figures import latent, predictions
from dashboard.views import sample
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message
from dashboard.views.view import Page, View


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the sample that is asked for, else the one with the first run's largest error on test."""
    tables = choice.tables(Artifact.PREDICTIONS)
    if not tables:
        return
    text = ask.text("Sample", "sample_name", "part of its name")
    every = pd.concat([table["sample"].astype(str) for table in tables.values()]).drop_duplicates()
    names = latent.matching(every, text) if text else []
    if text and not names:
        yield Message(f"None of these samples has {text} in its name.")
    elif len(names) > 1:
        yield Message(f"{len(names)} names contain {text}; this is {names[0]}.")
    if not names:
        first = predictions.of_part(next(iter(tables.values())), "test")
        names = [*predictions.worst(first, ALL)["sample"], *_missed(first), *every]
    yield from sample.panel(choice, str(names[0]))


def _missed(table: pd.DataFrame) -> list[str]:
    """Return the samples whose class was missed, the most confident mistake first."""
    return [str(one) for name in predictions.classes(table) for one in predictions.mistakes(table, name)["sample"]]


PAGE = Page(
    title="Sample",
    how="One sample: its image, mesh or course over time, its truth, what every run predicts for it, and the samples "
    "that resemble it. Rows and dots of the other pages lead here.",
    views=(View("Sample", Artifact.PREDICTIONS, view),),
    group="Look inside",
    place=85,
    empty="No run has been scored yet.",
    key="sample_view",
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("sample")
