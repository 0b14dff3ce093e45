"""Trials that are scored on folds: each trial's scores with their spread, and one trial's epochs on each fold.

Folds come from `dashboard.results.trial_folds`, trials from `dashboard.results.study.Study.trials`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme

MOST = 40
"""Trials whose spread is drawn: more dots beside each other could not be told apart."""


def spread(values: pd.DataFrame, trials: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Return each trial's folds and their mean, by trial and fold: trial, state, fold, value, mean, sd, folds.

    `folds` is how many have been scored, `sd` that over them (n − 1). Of more than `MOST` trials the best by their mean
    are kept. Trials without a scored fold are left out.
    """
    joined = values.merge(trials[["run_id", "trial", "state"]].astype({"run_id": str}), on="run_id")
    of_run = joined.groupby("run_id")["value"]
    joined = joined.assign(mean=of_run.transform("mean"), sd=of_run.transform("std"), folds=of_run.transform("size"))
    complete = joined.drop_duplicates("run_id").sort_values("mean", ascending=direction != "maximize", kind="stable")
    kept = joined[joined["run_id"].isin(complete["run_id"].head(MOST))]
    columns = ["trial", "state", "fold", "value", "mean", "sd", "folds"]
    return kept.sort_values(["trial", "fold"])[columns].reset_index(drop=True)


def draw_spread(table: pd.DataFrame, label: str, best: int | None = None, what: str = "trial") -> go.Figure:
    """Draw a dot a fold, and for each trial its mean as a bar whose whiskers end at its least and its most.

    `what` is what the column `trial` holds: numbers of trials, or names of runs.
    """
    before = "trial " if what == "trial" else ""
    count = int(table["fold"].nunique())
    names = {trial: str(trial) + (" ★" if trial == best else "") for trial in table["trial"].unique()}
    means = table.groupby("trial", sort=True).agg(
        mean=("mean", "first"),
        low=("value", "min"),
        high=("value", "max"),
        folds=("folds", "first"),
        state=("state", "first"),
    )
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": [names[trial] for trial in means.index],
            "y": means["mean"],
            "mode": "markers",
            "name": "mean, least and most",
            "marker": {"symbol": "line-ew-open", "size": 16, "color": theme.NEUTRAL, "line": {"width": 3}},
            "error_y": {
                "type": "data",
                "array": means["high"] - means["mean"],
                "arrayminus": means["mean"] - means["low"],
                "color": theme.NEUTRAL,
                "thickness": 1.2,
                "width": 4,
            },
            "customdata": [
                f"{before}{theme.plain(trial)}, {row.state}: mean over {row.folds} folds"
                for trial, row in means.iterrows()
            ],
            "hovertemplate": f"%{{customdata}}<br>{label} = %{{y:.4g}}<extra></extra>",
        }
    ]
    for place, (fold, of) in enumerate(table.groupby("fold", sort=True)):
        traces.append(
            {
                "type": "scatter",
                "x": [names[trial] for trial in of["trial"]],
                "y": of["value"],
                "mode": "markers",
                "name": f"fold {fold}",
                "marker": {
                    "color": theme.PALETTE[place % len(theme.PALETTE)],
                    "symbol": theme.SYMBOLS[place % len(theme.SYMBOLS)],
                    "size": 8,
                },
                "customdata": of["trial"].map(theme.plain),
                "hovertemplate": f"{before}%{{customdata}}, fold {fold}<br>{label} = %{{y:.4g}}<extra></extra>",
            }
        )
    across = {"type": "category", "categoryorder": "array", "categoryarray": list(names.values())}
    up = theme.within(table["value"], label)
    if not up and table["value"].nunique() == 1:  # Plotly's own axis about one value reaches from -1 to 1
        value = float(table["value"].iloc[0])
        up = {"range": [value - 0.1 * (abs(value) or 1.0), value + 0.1 * (abs(value) or 1.0)]}
    return theme.figure(traces, 360 if count <= 8 else 420, what, label, xaxis=across, yaxis=up)


def epochs(curves: pd.DataFrame, mean: pd.DataFrame) -> pd.DataFrame:
    """Return one curve of one trial: fold (``mean`` for the mean), step, value.

    curves : `trial_folds.by_fold` of it.  mean : `trial_folds.mean_over_folds` of it.
    """
    folds = curves.assign(fold=curves["fold"].astype(int).astype(str))[["fold", "step", "value"]]
    return pd.concat([folds, mean.assign(fold="mean")[["fold", "step", "value"]]], ignore_index=True)


def draw_epochs(table: pd.DataFrame, label: str) -> go.Figure:
    """Draw every fold's epochs thin and their mean thick."""
    traces: list[dict[str, Any]] = []
    several = table["fold"].nunique() > 2
    for place, (fold, of) in enumerate(table.groupby("fold", sort=False)):
        thick = fold == "mean"
        if thick and not several:
            continue  # of one fold the mean is the fold
        name = "mean over folds" if thick else f"fold {fold}"
        traces.append(
            {
                "type": "scatter",
                "x": of["step"],
                "y": of["value"],
                "mode": "lines" if len(of) > 20 else "lines+markers",
                "name": name,
                "line": {
                    "color": theme.NEUTRAL if thick else theme.PALETTE[place % len(theme.PALETTE)],
                    "width": 4 if thick else 1.3,
                },
                "marker": {"size": 5, "symbol": theme.SYMBOLS[place % len(theme.SYMBOLS)]},
                "hovertemplate": f"{name}<br>epoch %{{x}}: {label} = %{{y:.4g}}<extra></extra>",
            }
        )
    return theme.figure(
        traces, 340, "epoch", label, xaxis=theme.whole(table["step"]), yaxis=theme.within(table["value"], label)
    )
