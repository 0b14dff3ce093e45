"""Curves by epoch of runs: every seed thin, and the mean over the seeds of a study thick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dashboard.figures import theme

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import plotly.graph_objects as go

EPOCH, SECONDS = "epoch", "seconds since the run began"
SMOOTHING = {"none": 0.0, "light": 0.6, "medium": 0.8, "strong": 0.95}
"""Weight of what came before in the exponential moving average."""
FROM_FAR = 1000
"""A loss may come down from so many times its usual spread, and all of it is shown."""
FEW = 20
"""Points up to which a curve shows each: a line of one point would not be seen at all."""


def smooth(values: pd.Series, weight: float) -> pd.Series:
    """Return the exponential moving average of a series, corrected for its beginning: a constant stays as it is."""
    return values.ewm(alpha=1 - weight, adjust=True).mean() if weight else values


def curves(
    rows: pd.DataFrame,
    owner: Mapping[str, str],
    began: Mapping[str, pd.Timestamp],
    x: str,
    smoothing: float = 0.0,
    folds: Collection[str] = (),
) -> pd.DataFrame:
    """Return one metric's curves and their mean over seeds: run, run_id (empty for the mean), step, x, value, seeds.

    Parameters
    ----------
    rows : run_id, step, value, time (`dashboard.store.Store.curves`) of one metric.
    owner : run id → the name of the study or run that it belongs to.
    began : run id → when it began.
    x : `EPOCH` or `SECONDS`.
    smoothing : weight (0 … 1) of what came before.
    folds : runs whose curves are of search folds instead of seeds.

    The mean is over the seeds that reached an epoch, `seeds` of them; by time it stands at their mean time. Over folds
    it ends with the shortest: beyond it the mean would be over other groups.
    """
    found = rows.assign(run_id=rows["run_id"].astype(str)).sort_values(["run_id", "step"], kind="stable")
    found = found[found["run_id"].isin(list(owner))].assign(run=lambda t: t["run_id"].map(owner))
    if x == SECONDS:
        start = pd.to_datetime(found["run_id"].map(began), utc=True)
        found["x"] = (pd.to_datetime(found["time"], utc=True) - start).dt.total_seconds()
    else:
        found["x"] = found["step"].astype(float)
    found["value"] = found.groupby("run_id")["value"].transform(lambda of: smooth(of.astype(float), smoothing))
    found["seeds"] = 1
    found = found[["run", "run_id", "step", "x", "value", "seeds"]]
    several = found.groupby("run")["run_id"].transform("nunique") > 1
    grouped = found[several].groupby(["run", "step"], sort=False)
    means = grouped.agg(x=("x", "mean"), value=("value", "mean"), seeds=("value", "size")).reset_index()
    if len(folds):
        all_of = means["run"].map(found.groupby("run")["run_id"].nunique())
        means = means[~means["run"].isin(list(folds)) | (means["seeds"] == all_of)]
    return pd.concat([found, means.assign(run_id="")[found.columns]], ignore_index=True)


def draw_curves(
    table: pd.DataFrame,
    label: str,
    x: str,
    looks: Mapping[str, theme.Look],
    called: Mapping[str, str],
    log: bool = False,
    folds: Collection[str] = (),
) -> go.Figure:
    """Draw every seed, or fold, thin and the mean over them thick; a run with one is thick itself.

    `called` is run id → what a run's hover text says of it, such as its seed. A curve of up to `FEW` points shows each.
    """
    traces: list[dict[str, Any]] = []
    for run, of in table.groupby("run", sort=False):
        look, alone = looks[str(run)], of["run_id"].nunique() == 1
        several = "folds" if str(run) in folds else "seeds"
        for run_id, line in of.groupby("run_id", sort=False):
            line = line.sort_values("step")
            thick = alone or not run_id
            shown = thick or not (of["run_id"] == "").any()
            traces.append(
                {
                    "type": "scatter",
                    "x": line["x"],
                    "y": line["value"],
                    "mode": "lines" if len(line) > FEW or not thick else "lines+markers",
                    "name": theme.plain(run),
                    "legendgroup": theme.plain(run),
                    "showlegend": shown,
                    "opacity": 1.0 if thick else 0.35,
                    "line": {"color": look.colour, "width": 3 if thick else 1, "dash": look.dash},
                    "marker": {"color": look.colour, "symbol": look.symbol, "size": 7},
                    "customdata": np.column_stack([line["step"], line["seeds"]]),
                    "hovertemplate": f"{theme.plain(run)}<br>epoch %{{customdata[0]}}: %{{y:.4g}}"
                    f", {theme.plain(called[str(run_id)]) if run_id else f'mean of %{{customdata[1]}} {several}'}"
                    "<extra></extra>",
                }
            )
    up: dict[str, Any] = {"type": "log"} if log else theme.within(table["value"], label, far=FROM_FAR)
    across = theme.whole(table["step"]) if x == EPOCH else {}
    return theme.figure(traces, 320, x, label, table["run"].nunique() > 1, xaxis=across, yaxis=up)
