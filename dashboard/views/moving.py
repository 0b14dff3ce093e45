"""Windows of motion as moving figures: one sample, and what a feature means on a body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact
from dashboard.figures import motion, predictions
from dashboard.results import names
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.results.record import Record

FEW = "Of {n} test windows the figures are kept: those with the largest errors, and others evenly over the test part."


def has_features(run: Record) -> bool:
    """Return whether a run predicts features of a body in motion."""
    return any(target in motion.DISTANCES for target in run.targets)


def tables(choice: Choice) -> dict[str, pd.DataFrame]:
    """Return the moving figures of the chosen runs; a damaged file is named and left out."""
    return choice.tables(Artifact.FIGURES) if choice.first(Artifact.FIGURES) else {}


def of_sample(choice: Choice, sample: str, key: str = "moving") -> Iterator[Item]:
    """Show a window as a moving figure where one of the chosen runs has it; nothing for data that has no figures."""
    found = tables(choice)
    table = next((table for table in found.values() if (table["sample"] == sample).any()), None)
    if table is not None:
        joints, places = motion.of_sample(table, sample)
        frame = table[table["sample"] == sample]
        yield Section("", "The window in motion, in body heights.", motion.draw(joints, places), frame, key, across=2)
    elif found:
        count = max(table["sample"].nunique() for table in found.values())
        yield Section(text=f"No moving figure was kept of this window. {FEW.format(n=count)}")


def chosen(choice: Choice, ask: Ask, samples: Sequence[str], key: str) -> Iterator[Item]:
    """Ask for one of the samples that have a figure, in the order given, and show it moving."""
    having = {str(name) for table in tables(choice).values() for name in table["sample"].unique()}
    options = [sample for sample in dict.fromkeys(samples) if sample in having]
    if options:
        yield from of_sample(choice, ask.one("In motion", options, key), key)


def features(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what much and little of a feature look like: two windows, with the lengths that the feature measures."""
    figures = tables(choice)
    predicted = {name: table for name, table in choice.tables(Artifact.PREDICTIONS).items() if name in figures}
    known = [t for t in dict.fromkeys(t for table in predicted.values() for t in predictions.targets(table))]
    if not known:
        yield Message("These runs predict no feature of a body.")
        return
    drawn = [target for target in known if target in motion.DISTANCES] or known
    order = [*drawn, *(target for target in known if target not in drawn)]
    feature = ask.one("Feature", order, "feature", name=names.target)
    name = next(name for name, table in predicted.items() if feature in predictions.targets(table))
    rows = predicted[name]
    rows = rows[(rows["part"] == "test") & rows["sample"].isin(set(figures[name]["sample"]))]
    ranked = rows.sort_values(f"true_{feature}", kind="stable")
    lines = motion.DISTANCES.get(feature, ())
    what = "The thick lines are what the feature measures. " if lines else ""
    yield Section("", f"{what}{FEW.format(n=len(ranked))}")
    for number, (word, row) in enumerate((("least", ranked.iloc[0]), ("most", ranked.iloc[-1]))):
        sample, true, pred = str(row["sample"]), float(row[f"true_{feature}"]), float(row[f"pred_{feature}"])
        joints, places = motion.of_sample(figures[name], sample)
        yield Section(
            f"The {word} of {names.target(feature)}",
            f"{sample}: {true:.4g}; {name} predicts {pred:.4g}.",
            motion.draw(joints, places, lines),
            figures[name][figures[name]["sample"] == sample],
            f"feature_{number}",
            across=2,
        )
