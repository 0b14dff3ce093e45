"""What the sources published for the methods, as facts to stand beside measured scores: never ranked with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from affect.record import ROTATED

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("published_results.csv")

TEXTS = ("source", "role", "dataset", "method", "settings", "evaluation", "split", "target", "metric", "bound", "note")
RESULT, CONTEXT = "result", "context"
"""Roles: a score of a method that this project has, and one that only tells the reader where a source stands."""

METRIC = {"explained_variance": "ev", "f1_macro": "f1"}
"""Where a source's word for a metric is not `affect.metrics`'s."""

UNDER = {"f1_macro_rotated": ("f1", ROTATED)}
"""A source's word for a metric that a record has as a metric of a target of its own."""


def published() -> pd.DataFrame:
    """Return the published scores, a row each.

    Text columns, empty where the source says nothing: source, role, dataset, method (the name of the method's file,
    without its family), settings and evaluation (``name=value;name=value``, by name, as `affect.record.settings_text`
    writes them; a subset of a run's settings), split, target and metric (a metric of `affect.metrics` has its name
    there), bound (such as "about"), note. `value` is a number, in the unit of the data that was published on. Raises
    ValueError where the file has been broken.
    """
    import pandas as pd

    table = pd.read_csv(FILE, dtype=dict.fromkeys(TEXTS, "str") | {"value": "float64"}, keep_default_na=False)
    if missing := {*TEXTS, "value"} - set(table.columns):
        raise ValueError(f"{FILE.name} has no column {', '.join(sorted(missing))}")
    if strange := set(table["role"]) - {RESULT, CONTEXT}:
        raise ValueError(f"{FILE.name}: expected the role {RESULT} or {CONTEXT}, found {', '.join(sorted(strange))}")
    for word, (_, target) in UNDER.items():
        table.loc[table["metric"] == word, "target"] = target
    return table.assign(metric=table["metric"].replace(METRIC | {word: metric for word, (metric, _) in UNDER.items()}))


def settings_of(text: str) -> dict[str, str]:
    """Return ``name=value;name=value`` as a mapping, empty for an empty text; ValueError for what is neither."""
    pairs = [pair.partition("=") for pair in text.split(";")] if text else []
    if any(not (name and equals and value) for name, equals, value in pairs):
        raise ValueError(f"expected name=value;name=value, found {text!r}")
    return {name: value for name, _, value in pairs}
