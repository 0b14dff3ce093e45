"""Whether a run's Parquet table holds what `affect.record` says: columns of the right type, rows, and no row twice.

A page may rely on a table that passed: numbers are numbers, names are never missing, and a name stands once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from affect.record import COLUMNS, Artifact

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS: dict[str, tuple[str, ...]] = {
    Artifact.PROJECTIONS: ("x", "y", "trustworthiness"),
    Artifact.FEATURE_ERRORS: ("mse", "mae", "mae_over_range", "example_true", "example_pred"),
    Artifact.ROUND_TRIP: ("true", "recovered", "recovered_from_real"),
    Artifact.SENSITIVITY: ("z_from", "step", "change", "change_over_range"),
    Artifact.MODALITIES: ("lag_s", "value", "difference", "low", "high", "p", "groups"),
    Artifact.ATTENTION: ("head", "before_s", "weight"),
    Artifact.CORRELATIONS: ("pearson", "spearman"),
    Artifact.DIAGNOSTICS: ("value", "n"),
    Artifact.RECONSTRUCTIONS: ("mse", "mae"),
    Artifact.ALIGNMENT: ("value", "n"),
    Artifact.SAMPLES: ("step",),
    Artifact.ROTATIONS: ("angle", "draw", "value"),
    Artifact.ACTIVATIONS: ("vertex", "level", "pc1", "pc2", "pc3"),
    Artifact.SEPARATION: ("distance", "over_spread"),
    Artifact.MESH: ("vertex", "x", "y", "z"),
    Artifact.TRIANGLES: ("a", "b", "c"),
    Artifact.FIGURES: ("frame", "x", "y", "z"),
    Artifact.TEST_MESHES: ("vertex", "x", "y", "z"),
    Artifact.NEIGHBOURS: ("rank", "distance"),
}
"""Columns that hold numbers; a missing one is nan."""

KEYS: dict[str, tuple[str, ...]] = {
    Artifact.SPLIT: ("sample",),
    Artifact.PREDICTIONS: ("sample",),
    Artifact.EMBEDDINGS: ("sample", "part", "code"),
    Artifact.FEATURE_ERRORS: ("row", "feature"),
    Artifact.ROUND_TRIP: ("sample", "target"),
    Artifact.SENSITIVITY: ("feature", "z_from"),
    Artifact.CORRELATIONS: ("feature", "axis"),
    Artifact.RECONSTRUCTIONS: ("sample",),
    Artifact.ACTIVATIONS: ("kind", "class", "vertex"),
    Artifact.SEPARATION: ("code", "class", "other"),
    Artifact.MESH: ("vertex",),
    Artifact.FIGURES: ("sample", "frame", "joint"),
    Artifact.THUMBNAILS: ("sample",),
    Artifact.TEST_MESHES: ("sample", "vertex"),
    Artifact.NEIGHBOURS: ("sample", "rank"),
}
"""Columns that together name a row: each of them is there, and no two rows have the same."""

MAY_MISS = (
    *("sequence", "time", "label", "code", "note", "parameters", "explanation", "predictor", "target"),
    *("png", "valence", "arousal"),
)
MAY_BE_EMPTY = (Artifact.SAMPLES, Artifact.SEPARATION, Artifact.DIAGNOSTICS)


def problem(name: str, frame: pd.DataFrame) -> str:
    """Return what is wrong with a table of that file name, empty where nothing is or the record knows no such table."""
    if name not in COLUMNS:
        return ""
    if missing := [column for column in COLUMNS[name] if column not in frame.columns]:
        return f"has no column {', '.join(missing)}"
    if frame.columns.duplicated().any():
        return f"has the column {frame.columns[frame.columns.duplicated()][0]!r} twice"
    if frame.empty and name not in MAY_BE_EMPTY:
        return "has no rows"
    numbers = [*NUMBERS.get(name, ()), *_numbered(name, frame)]
    for column in numbers:
        if not pd.api.types.is_numeric_dtype(frame[column]) or pd.api.types.is_bool_dtype(frame[column]):
            return f"has {_kind(frame[column])} in the column {column}; expected numbers"
    return _targets(name, frame) or _names(name, frame, numbers) or _twice(name, frame)


def _numbered(name: str, frame: pd.DataFrame) -> list[str]:
    """Return the columns d0, d1 … of codes."""
    if name != Artifact.EMBEDDINGS:
        return []
    return [c for c in map(str, frame.columns) if c.startswith("d") and c[1:].isdigit()]


def _targets(name: str, frame: pd.DataFrame) -> str:
    """Check that predictions have a truth and a prediction of something, both numbers or both names of classes."""
    if name != Artifact.PREDICTIONS:
        return ""
    targets = [c.removeprefix("true_") for c in map(str, frame.columns) if c.startswith("true_")]
    whole = [target for target in targets if f"pred_{target}" in frame.columns]
    if not whole:
        return "has no column true_… with its pred_…"
    for target in whole:
        both = [pd.api.types.is_numeric_dtype(frame[f"{side}_{target}"]) for side in ("true", "pred")]
        if both[0] != both[1]:
            return f"has numbers and texts for {target}: true_ and pred_ must be of one type"
        lost = int(frame[[f"true_{target}", f"pred_{target}"]].isna().any(axis=1).sum())
        if lost:
            return f"has {lost} missing values of {target}"
    return ""


def _names(name: str, frame: pd.DataFrame, numbers: Sequence[str]) -> str:
    for column in COLUMNS[name]:
        if column in numbers or column in MAY_MISS:
            continue
        if lost := int(frame[column].isna().sum()):
            return f"has {lost} missing values in the column {column}"
    return ""


def _twice(name: str, frame: pd.DataFrame) -> str:
    keys = list(KEYS.get(name, ()))
    if not keys:
        return ""
    twice = frame.duplicated(keys)
    if not twice.any():
        return ""
    first = ", ".join(str(value) for value in frame.loc[twice, keys].iloc[0])
    return f"has {int(twice.sum())} rows twice, the first is {first}"


def _kind(values: pd.Series) -> str:
    return "no numbers" if not len(values) else f"values such as {str(values.iloc[0])[:40]!r}"
