"""A classifier's score against the angle by which test meshes are turned, from rotations.parquet (`affect.record`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from affect import record
from dashboard.figures import theme
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMMARY = ("run", "metric", "upright", "rotated", "± sd over draws", "draws", "chance")


def by_angle(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one metric's mean, least and most over the draws of each angle (degrees), and how many draws there are."""
    mine = _over_all(table, metric)
    found = mine.dropna(subset="angle").groupby("angle")["value"].agg(["mean", "min", "max", "size"])
    return found.rename(columns={"size": "draws"}).reset_index()


def summary(tables: Mapping[str, pd.DataFrame], metric: str, chance: float = math.nan) -> pd.DataFrame:
    """Return for each run one metric upright, and its mean and standard deviation over draws from all of SO(3)."""
    rows = []
    for run, table in tables.items():
        mine = _over_all(table, metric)
        drawn = mine.loc[mine["angle"].isna(), "value"]
        upright = mine.loc[mine["angle"] == 0, "value"].mean()
        rows.append((run, names.metric(metric), upright, drawn.mean(), drawn.std(), len(drawn), chance))
    return pd.DataFrame(rows, columns=list(SUMMARY)).dropna(axis=1, how="all")


def metrics_of(table: pd.DataFrame) -> list[str]:
    """Return the metrics that a table has."""
    return list(dict.fromkeys(table["metric"].astype(str)))


def draw(
    tables: Mapping[str, pd.DataFrame],
    metric: str,
    chance: float = math.nan,
    looks: Mapping[str, theme.Look] | None = None,
) -> go.Figure:
    """Draw one metric against the angle, a line a run; at the right its draws from all of SO(3), a dot each.

    `chance` is what predicting the most frequent class scores.
    """
    fig = go.Figure()
    looks = looks or theme.looks(tables)
    for place, (run, table) in enumerate(tables.items()):
        line = by_angle(table, metric)
        tint = looks[run].colour
        fig.add_scatter(
            x=line["angle"],
            y=line["mean"],
            error_y={"array": line["max"] - line["mean"], "arrayminus": line["mean"] - line["min"], "thickness": 1},
            mode="lines+markers",
            line={"color": tint, "width": 2, "dash": looks[run].dash},
            marker={"symbol": looks[run].symbol},
            name=theme.plain(run),
            legendgroup=run,
            customdata=line["draws"],
            hovertemplate="%{x:.0f}°: %{y:.3f}, mean of %{customdata} draws<extra>%{fullData.name}</extra>",
        )
        drawn = _over_all(table, metric)
        drawn = drawn[drawn["angle"].isna()]
        fig.add_scatter(
            x=[205 + 3 * place] * len(drawn),
            y=drawn["value"],
            mode="markers",
            marker={"color": tint, "size": 9, "symbol": "diamond-open", "line": {"width": 2}},
            showlegend=False,
            legendgroup=run,
            customdata=drawn["draw"],
            hovertemplate="all of SO(3), draw %{customdata}: %{y:.3f}<extra></extra>",
        )
    if not math.isnan(chance):
        fig.add_hline(y=chance, line={"color": theme.NEUTRAL, "dash": "dot", "width": 1.5})
    title = f"test {theme.plain(names.metric(metric))}"
    theme.finish(fig, 380, "angle about a random axis (degrees)", title, len(tables) > 1)
    ticks = list(range(0, 181, 30))
    fig.update_xaxes(tickvals=[*ticks, 205], ticktext=[*(f"{t}°" for t in ticks), "any"], range=[-5, 215])
    return fig.update_yaxes(range=[0, 1.02])


def _over_all(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[(table["metric"] == metric) & (table["target"] == record.ALL)]
