"""How metrics, targets, methods, times and groups are called on a page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import metrics, record
from affect.record import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def present(value: Any) -> bool:
    """Return whether a tag is there: not missing and not empty."""
    return not (value is None or value is pd.NA or (isinstance(value, float) and value != value) or value == "")


def number(value: Any) -> float:
    """Return a figure of the run table as a float, nan where it is missing."""
    return float(value) if present(value) else math.nan


def method(path: Any) -> str:
    """Return a method's short name: the path without its family."""
    return str(path).rpartition("/")[2] if present(path) else "?"


def metric(name: str) -> str:
    """Return what a metric is called on a page."""
    return metrics.LABEL.get(name, name.replace("_", " "))


def better(name: str) -> str:
    """Return which way is better, in words; empty for a metric that `affect.metrics` does not know."""
    return {"minimize": "lower is better", "maximize": "higher is better"}.get(metrics.DIRECTION.get(name, ""), "")


LEAK = "🔴 LEAK"
"""What stands before the data's name in a list where the split divides a person or a recording."""

BASELINES = {
    record.MEAN: "predicting the train mean",
    record.LABEL_MEAN: "oracle: class mean, true class known",
    record.MAJORITY: "predicting the most frequent class",
}
"""What a baseline's row is called. The class mean needs the true class of a test sample: no method can know it."""

TARGETS = {
    record.PICTURE: "reconstructed image",
    record.WEIGHED: "weighted sum",
    record.ROTATED: "under random rotations",
}
"""Targets that are no values of the data."""


def target(name: str, count: int | None = None) -> str:
    """Return what a target is called: the mean over all targets has a name of its own."""
    if name != record.ALL:
        return TARGETS.get(name) or name.replace("_", " ")
    return "mean over all targets" if count is None else f"mean over {count} targets"


def target_list(found: Sequence[str]) -> str:
    """Return targets as a phrase: up to four by name, more by number."""
    if not found:
        return "unknown targets"
    if len(found) <= 4:
        return ", ".join(str(t).replace("_", " ") for t in found)
    return f"{len(found)} values ({', '.join(str(t).replace('_', ' ') for t in found[:2])} …)"


def kind(run: Mapping[str, Any]) -> str:
    """Return in words what a run is: a study, its trial 3, its final with seed 1, a method fitted as a need."""
    number = run.get("trial")
    words = {
        Kind.STUDY: "study",
        Kind.TRIAL: f"trial {number}" if present(number) else "trial",
        Kind.CONFIRMATION: f"trial {number} fitted again, seed {run.get('seed')}",
        Kind.FINAL: f"final run, seed {run.get('seed')}" if present(run.get("seed")) else "final run",
        Kind.NEED: "fitted for another method, never scored on test",
    }
    return words.get(str(run.get("kind")), "run that Affectory did not write")


def spaced(name: str) -> str:
    """Return a name of code as words: ``lma vae``."""
    return name.replace("_", " ")


def plural(noun: str) -> str:
    """Return the plural of a noun for groups: clips, persons, identities."""
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


def count(number: int, noun: str) -> str:
    """Return a number of things: ``1 person``, ``8 persons``."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def drawn(shown: int, total: int) -> str:
    """Return how many samples a figure draws: ``3,000 of 7,200 samples drawn``, or ``7,200 samples`` for all."""
    if shown < total:
        return f"{shown:,} of {total:,} samples drawn"
    return f"{total:,} {'sample' if total == 1 else 'samples'}"


def duration(seconds: float | None) -> str:
    """Return a length of time in the two largest of days, hours, minutes and seconds."""
    if seconds is None or seconds != seconds:
        return "unknown"
    seconds = max(int(seconds), 0)
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((i for i, (n, _) in enumerate(parts) if n), 3)
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n) or "0 s"


def ago(then: Any, now: pd.Timestamp) -> str:
    """Return how long ago a time was, roughly, or its date in UTC where that is more than a week."""
    if pd.isna(then):
        return ""
    seconds = (now - then).total_seconds()
    if seconds > 7 * 86_400:
        return then.tz_convert("UTC").strftime("%-d %b %Y (UTC)")
    for length, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def code(value: Any) -> str:
    """Return a commit as people read it, and whether the tree was dirty."""
    if not present(value):
        return "unknown commit"
    commit = str(value)
    return f"{commit.rstrip('+')[:10]} (uncommitted changes)" if commit.endswith("+") else commit[:10]
