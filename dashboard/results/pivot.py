"""The leaderboard as a table for a thesis: one metric over any two of method, settings, target and protocol.

Rows are those of `board.measured` and `board.published`, with the columns protocol, all_settings (a mapping) and, where
there are several, target. A published score stands with the measured one, marked, and is compared with nothing.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import metrics, record
from affect.published import settings_of
from dashboard.results import board, names, tables
from dashboard.results.tables import number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from dashboard.results.protocol import Protocol

METHOD, PROTOCOL, TARGET = "method", "protocol", "target"
BOTH = " × "
"""Stands between the two settings of an axis that is both of them."""


def rows(
    protocol: Protocol,
    metric: str,
    targets: Sequence[str],
    archived: bool = False,
    methods: Collection[str] = (),
    labels: Collection[str] = (),
    paper: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the measured and the published rows of one protocol, for each of the targets.

    `methods` and `labels` say which studies to show, as in `board.measured`.
    """
    parts = []
    for target in targets:
        measured = board.measured(protocol, metric, target, archived, methods, labels)
        settings = [dict(run.settings) for run in protocol.index.records(measured["run_id"])]
        validation = protocol.scores(metric, target, part="validation")
        measured = measured.assign(validation=[float(validation[run]) for run in measured["run_id"]])
        parts.append(_placed(measured, settings, called(target, targets)))
        published = board.published(protocol, metric, target, methods, paper=paper)
        settings = [dict(settings_of(text)) for text in published["published_settings"]]
        parts.append(_placed(published, settings, called(target, targets)))
    found = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    found = found.astype({"value": float, "sd": float, "validation": float}).assign(protocol=protocol.label)
    return found.assign(ended=pd.to_datetime(found["ended"], utc=True))


def _placed(part: pd.DataFrame, settings: list[dict[str, object]], target: str) -> pd.DataFrame:
    return part.assign(all_settings=pd.Series(settings, index=part.index, dtype=object), target=target)


def called(target: str, targets: Iterable[str]) -> str:
    """Return what a target is called among `targets`: beside rotated meshes, the mean over all is the upright ones."""
    return "upright" if target == record.ALL and record.ROTATED in set(targets) else names.target(target)


def axes(rows: pd.DataFrame) -> list[str]:
    """Return what rows (with columns method, protocol, all_settings) can be laid out by.

    Two settings that both differ make one axis together, after each alone.
    """
    found: dict[str, set[str]] = {}
    for settings_of_row in rows.loc[rows["kind"] == board.MEASURED, "all_settings"]:
        for key, value in settings_of_row.items():
            found.setdefault(key, set()).add(str(value))
    settings = sorted(found, key=lambda key: (-len(found[key]), key))
    several = [key for key in settings if len(found[key]) > 1]
    both = [BOTH.join(pair) for pair in combinations(several, 2)]
    return [METHOD, *settings, *both, *([TARGET] if TARGET in rows and rows[TARGET].nunique() > 1 else []), PROTOCOL]


def along(rows: pd.DataFrame, axis: str) -> pd.Series:
    """Return where each row stands along an axis of `axes`."""
    if axis in (METHOD, PROTOCOL, TARGET):
        return rows["row" if axis == METHOD else axis].astype(object)
    keys = axis.split(BOTH)

    places = [" · ".join(str(own.get(key, "–")) for key in keys) for own in rows["all_settings"]]
    return pd.Series(places, index=rows.index, dtype=object)


def order(values: Iterable[str], axis: str = "") -> list[str]:
    """Return each value once, numbers in their order before words in theirs; targets stay as they come."""

    def key(value: str) -> tuple[int, float, str]:
        try:
            return (0, float(value), value)
        except ValueError:
            return (1, 0.0, value)

    found = dict.fromkeys(values)
    return list(found) if axis == TARGET else sorted(found, key=key)


def cells(rows: pd.DataFrame, down: str, across: str, metric: str, each: str = "") -> pd.DataFrame:
    """Return one row a cell: down, across, each, value, sd, validation, studies, best, published.

    Where several studies fall into one cell, the one that ended last stands there, never the best on test, which
    would be choosing by test; `studies` says how many there were. `each` is an axis that has a table for each of its
    values: `best` is the best score of a protocol and target in all of these tables together. The published score is
    that of the settings of the study that stands there; a cell that has none alone is nan else.
    """
    if TARGET not in rows:
        rows = rows.assign(target="")
    if "validation" not in rows:
        rows = rows.assign(validation=np.nan)
    laid = rows.assign(down=along(rows, down), across=along(rows, across), each=along(rows, each) if each else "")
    keys = [PROTOCOL, TARGET, "each", "down", "across"]
    ours = laid[laid["kind"] == board.MEASURED].sort_values("ended", kind="stable")
    grouped = ours.groupby(keys, sort=False, observed=True)
    last = grouped.agg(
        value=("value", "last"), sd=("sd", "last"), validation=("validation", _final), studies=("value", "size")
    )
    last = last.assign(all_settings=grouped["all_settings"].last()).reset_index()
    paper: dict[tuple[str, ...], list[tuple[dict[str, str], float]]] = {}
    for row in laid[laid["kind"] == board.PUBLISHED].to_dict("records"):
        known = row["all_settings"], float(row["value"])
        paper.setdefault(tuple(str(row[key]) for key in keys), []).append(known)
    scores = []
    for row in last.to_dict("records"):
        own = {k: str(v) for k, v in row["all_settings"].items()}
        published = paper.pop(tuple(str(row[key]) for key in keys), [])
        fitting = [value for known, value in published if all(own.get(k) == str(v) for k, v in known.items())]
        scores.append(fitting[0] if len(fitting) == 1 else np.nan)
    best = last.groupby([PROTOCOL, TARGET])["value"].transform(
        "max" if metrics.DIRECTION.get(metric) == "maximize" else "min"
    )
    found = last.assign(best=last["value"] == best, published=scores).drop(columns="all_settings")
    alone = [
        {
            **dict(zip(keys, place, strict=True)),
            "value": np.nan,
            "sd": np.nan,
            "validation": np.nan,
            "studies": 0,
            "best": False,
        }
        | {"published": published[0][1]}
        for place, published in paper.items()
        if len(published) == 1
    ]
    return pd.concat([found, pd.DataFrame(alone, columns=found.columns).astype(found.dtypes)], ignore_index=True)


def _final(values: pd.Series) -> float:
    """Return the last value, nan too: of one study, never another's."""
    return float(values.iloc[-1])


def wide(found: pd.DataFrame, down: str, across: str, digits: int = 3, validation: bool = False) -> pd.DataFrame:
    """Return the cells as a table of text, ``0.357 ± 0.004 * (published 0.344)``; the star is a protocol's best.

    With `validation` its score stands before that of test, ``0.361 | 0.357 ± 0.004``, and – where there is none.
    """
    text = pd.Series([tables.spread(v, sd, digits) for v, sd in zip(found["value"], found["sd"], strict=True)])
    text = text.set_axis(found.index).astype(object) + found["best"].map({True: " *", False: ""})
    if validation:
        before = found["validation"].map(lambda v: "–" if np.isnan(v) else number(v, digits))
        text = before.where(found["value"].notna(), "") + found["value"].notna().map({True: " | ", False: ""}) + text
    paper = found["published"].map(lambda v: "" if np.isnan(v) else f"(published {number(v, digits)})")
    laid = found.assign(text=(text + " " + paper).str.strip())
    if PROTOCOL not in (down, across) and laid["protocol"].nunique() > 1:
        laid = laid.assign(across=laid["protocol"].astype(str) + " · " + laid["across"].astype(str))
    table = laid.pivot_table(index="down", columns="across", values="text", aggfunc="last", observed=True)
    table = table.reindex(index=order(laid["down"], down), columns=order(laid["across"], across))
    return table.fillna("–").rename_axis(index=down.replace("_", " "), columns=None).reset_index()
