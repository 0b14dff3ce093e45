"""Runs against a baseline: differences by group and by region, and the samples on which runs disagree.

A run is given by the prediction tables of its final runs; its error of a sample is the mean over them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import circumplex as plane
from affect.record import ALL
from dashboard.figures import circumplex, predictions, theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go

MOST_GROUPS = 30
"""Groups that are drawn; the table has all."""


# --------------------------------------------------------------------------------------------------------- errors


def errors(tables: Sequence[pd.DataFrame], target: str = ALL) -> pd.DataFrame:
    """Return a row per test sample: sample, group, sequence, and error, its mean over the final runs.

    Of numbers the error is |prediction − truth|, for `ALL` in percent of each target's range and the mean over targets;
    of classes it is 1 where the class is missed and 0 where it is not.
    """
    found = []
    for table in tables:
        rows = predictions.of_part(table, "test")
        if target == ALL and predictions.targets(rows):
            error = predictions.relative_errors(rows).mean(axis=1)
        else:
            name = target if target != ALL else next(iter(predictions.classes(rows)), "")
            if f"true_{name}" not in rows:
                raise ValueError(f"predictions.parquet has no target {name!r}")
            true, pred = rows[f"true_{name}"], rows[f"pred_{name}"]
            numeric = name in predictions.targets(rows)
            error = (pred - true).abs() if numeric else (true.astype(str) != pred.astype(str)).astype(float)
        kept = rows[["sample", "group"]].astype(str)
        sequence = rows["sequence"].astype(object) if "sequence" in rows else rows["group"]
        found.append(kept.assign(sequence=sequence.fillna(rows["group"]).astype(str), error=error.astype(float)))
    joined = pd.concat(found, ignore_index=True)
    return joined.groupby(["sample", "group", "sequence"], sort=False).agg(error=("error", "mean")).reset_index()


def by_group(baseline: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return how much larger each run's mean error of each group is than the baseline's.

    `baseline` and `others` are what `errors` returns; only samples that both have are compared. Columns: run, group,
    samples, baseline, error, difference; the group with the largest gain of the first run comes first.
    """
    frames = []
    for run, of in others.items():
        both = baseline[["sample", "group", "error"]].merge(of[["sample", "error"]], on="sample", suffixes=("_a", ""))
        grouped = both.groupby("group", sort=False)
        means = grouped.agg(samples=("error", "size"), baseline=("error_a", "mean"), error=("error", "mean"))
        means = means.assign(difference=means["error"] - means["baseline"], run=run).reset_index()
        frames.append(means.sort_values("difference", kind="stable"))
    columns = ["run", "group", "samples", "baseline", "error", "difference"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def draw_groups(table: pd.DataFrame, unit: str, looks: Mapping[str, theme.Look]) -> go.Figure:
    """Draw a mark per run and group; left of 0 the run errs less than the baseline."""
    first = list(dict.fromkeys(table["group"]))
    shown = first if len(first) <= MOST_GROUPS else [*first[: MOST_GROUPS // 2], *first[-MOST_GROUPS // 2 :]]
    traces = []
    for run, of in table[table["group"].isin(shown)].groupby("run", sort=False):
        look = looks[str(run)]
        traces.append(
            {
                "type": "scatter",
                "x": of["difference"],
                "y": [theme.plain(group) for group in of["group"]],
                "mode": "markers",
                "name": theme.plain(run),
                "marker": {"color": look.colour, "symbol": look.symbol, "size": 10},
                "customdata": of[["samples", "baseline", "error"]],
                "hovertemplate": f"%{{y}}, %{{customdata[0]}} samples<br>{theme.plain(run)}: %{{customdata[2]:.4g}}<br>"
                "baseline: %{customdata[1]:.4g}<br>difference %{x:+.4g}<extra></extra>",
            }
        )
    order = [theme.plain(group) for group in shown]
    up = {"type": "category", "autorange": "reversed", "categoryorder": "array", "categoryarray": order}
    zero = {"zeroline": True, "zerolinecolor": theme.NEUTRAL}
    return theme.figure(traces, 120 + 20 * len(shown), f"difference of the error ({unit})", xaxis=zero, yaxis=up)


# -------------------------------------------------------------------------------------------------------- regions


def by_region(baseline: Sequence[pd.DataFrame], other: Sequence[pd.DataFrame], axes: tuple[str, str]) -> pd.DataFrame:
    """Return by region of the circumplex how much farther a run's predictions are from the truth than the baseline's.

    Regions are those of `affect.circumplex.error_field`. Columns: its angle_from … radius_to and n, x and y (mean
    truth), baseline and error (mean distance, over the final runs), and difference.
    """
    place = ["angle_from", "angle_to", "radius_from", "radius_to"]

    def fields(tables: Sequence[pd.DataFrame], error: str) -> pd.DataFrame:
        clouds = [circumplex.cloud(table, axes, "test") for table in tables]
        every = pd.concat(
            [plane.error_field(of.side(circumplex.TRUE), of.side(circumplex.PRED)) for of in clouds if len(of.table)],
            ignore_index=True,
        )
        every[error] = every["error"] * every["n"]
        found = every.groupby(place, as_index=False).agg(
            total=(error, "sum"),
            rows=("n", "sum"),
            n=("n", "max"),
            x=("true_valence", "mean"),
            y=("true_arousal", "mean"),
        )
        return found.assign(**{error: found["total"] / found["rows"]}).drop(columns=["total", "rows"])

    own, of = fields(baseline, "baseline"), fields(other, "error")
    both = own.merge(of[[*place, "error"]], on=place)
    return both.assign(difference=both["error"] - both["baseline"])


def draw_regions(table: pd.DataFrame, axes: tuple[str, str], most: float) -> go.Figure:
    """Draw a mark per region at its mean truth: blue where the run is nearer to the truth than the baseline, else red.

    `most` is the difference at the ends of the colours, so that figures of several runs have one scale.
    """
    most = most or 1.0
    turn = np.linspace(0, 2 * math.pi, 121)
    circle = {
        "type": "scatter",
        "x": np.cos(turn),
        "y": np.sin(turn),
        "mode": "lines",
        "line": {"color": theme.NEUTRAL, "width": 1},
        "hoverinfo": "skip",
    }
    largest = max(int(table["n"].max()), 1) if len(table) else 1
    marks = {
        "type": "scatter",
        "x": table["x"],
        "y": table["y"],
        "mode": "markers",
        "marker": {
            "size": 8 + 22 * np.sqrt(table["n"] / largest),
            "color": table["difference"],
            "colorscale": theme.DIVERGING,
            "cmin": -most,
            "cmax": most,
            "colorbar": theme.colour_bar("difference of the distance"),
            "line": {"color": theme.NEUTRAL, "width": 1},
        },
        "customdata": table[["n", "baseline", "error", "difference"]],
        "hovertemplate": "%{customdata[0]} samples<br>distance %{customdata[2]:.3f}, baseline %{customdata[1]:.3f}<br>"
        "difference %{customdata[3]:+.3f}<extra></extra>",
    }
    x, y = (f"{axis} ({circumplex.ENDS[axis]})" for axis in axes)
    square = {"range": [-1.15, 1.15], "tickvals": [-1, -0.5, 0, 0.5, 1], "constrain": "domain"}
    return theme.figure(
        [circle, marks], 470, x, y, legend=False,
        xaxis=square, yaxis=square | {"scaleanchor": "x"}, margin={"b": theme.BAR_AND_TITLE},
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------- disagreement


def mean_predictions(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the test predictions of a run's finals as one table: numbers are their mean, classes the most frequent.

    Of equally frequent classes the first in the alphabet stands. Rows keep the first final's order.
    """
    rows = pd.concat([predictions.of_part(table, "test") for table in tables], ignore_index=True)
    first = rows.drop_duplicates("sample").reset_index(drop=True)
    if len(first) == len(rows):
        return first
    grouped = rows.groupby("sample", sort=False)
    for name in predictions.targets(rows):
        first[f"pred_{name}"] = first["sample"].map(grouped[f"pred_{name}"].mean())
    for name in predictions.classes(rows):
        most = grouped[f"pred_{name}"].agg(lambda of: of.astype(str).mode().iloc[0])
        first[f"pred_{name}"] = first["sample"].map(most)
    return first


def disagreement(tables: Mapping[str, pd.DataFrame], target: str, limit: int = 20) -> pd.DataFrame:
    """Return the samples on which the runs' predictions are farthest apart, with the truth and each prediction.

    `tables` are what `mean_predictions` returns. Of numbers, `apart` is the largest minus the smallest prediction; of
    classes, the number of different ones minus 1. No recording (no group, where there are none) has more than
    `predictions.OF_ONE`
    rows. Samples that not all runs have are left out.
    """
    first = next(iter(tables.values()))
    shown = [column for column in ("sample", "group", "sequence", "time") if column in first]
    found = first[[*shown, f"true_{target}"]].rename(columns={f"true_{target}": "truth"})
    for name, table in tables.items():
        found = found.merge(table[["sample", f"pred_{target}"]].rename(columns={f"pred_{target}": name}), on="sample")
    values = found[list(tables)]
    if target in predictions.targets(first):
        found["apart"] = values.max(axis=1) - values.min(axis=1)
    else:
        found["apart"] = values.astype(str).nunique(axis=1) - 1
    found = found[found["apart"] > 0].sort_values("apart", ascending=False, kind="stable")
    return predictions.few_of_one(found).head(limit).reset_index(drop=True)[[*shown, "apart", "truth", *tables]]


def apart_by_recording(tables: Mapping[str, pd.DataFrame], targets: Sequence[str]) -> list[str]:
    """Return the recordings, those first in which the runs' predictions are farthest apart on average.

    A distance is the largest minus the smallest prediction over the target's range of truth; the mean over targets.
    """
    first = next(iter(tables.values()))
    total = pd.Series(0.0, index=first["sample"])
    for name in targets:
        having = [t.drop_duplicates("sample").set_index("sample") for t in tables.values() if f"pred_{name}" in t]
        values = pd.concat([t[f"pred_{name}"] for t in having], axis=1).reindex(total.index).astype(float)
        span = float(np.ptp(having[0][f"true_{name}"].to_numpy(float)))
        if span > 0:
            total += ((values.max(axis=1) - values.min(axis=1)) / span).fillna(0)
    mean = total.groupby(first.set_index("sample")["sequence"].astype(str)).mean()
    return [str(name) for name in mean.sort_values(ascending=False, kind="stable").index]
