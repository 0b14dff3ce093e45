"""The leaderboard as a table for a thesis: one metric over any two of method, settings and protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import metrics
from dashboard.figures import names, theme
from dashboard.figures.tables import number

if TYPE_CHECKING:
    from collections.abc import Sequence

METHOD, PROTOCOL = "method", "protocol"


def axes(rows: pd.DataFrame) -> list[str]:
    """Return what measured rows (with columns method, protocol, all_settings) can be laid out by."""
    found: dict[str, set[str]] = {}
    for text in rows["all_settings"]:
        for key, value in names.loads(text, {}).items():
            found.setdefault(key, set()).add(str(value))
    settings = sorted(found, key=lambda key: (-len(found[key]), key))
    return [METHOD, *settings, PROTOCOL]


def _along(rows: pd.DataFrame, axis: str) -> pd.Series:
    if axis == METHOD:
        return rows["row"].astype(object)
    if axis == PROTOCOL:
        return rows["protocol"].astype(object)
    return rows["all_settings"].map(lambda text: str(names.loads(text, {}).get(axis, "–"))).astype(object)


def _order(values: Sequence[str]) -> list[str]:
    def key(value: str) -> tuple[int, float, str]:
        try:
            return (0, float(value), value)
        except ValueError:
            return (1, 0.0, value)

    return sorted(dict.fromkeys(values), key=key)


def cells(rows: pd.DataFrame, down: str, across: str, metric: str) -> pd.DataFrame:
    """Return one row a cell: down, across, value, sd, studies, best (of its protocol's cells).

    Where several studies fall into one cell, the one that ended last stands there, never the best on test, which
    would be choosing by test; `studies` says how many there were. Cells are compared within a protocol only.
    """
    laid = rows.assign(down=_along(rows, down), across=_along(rows, across))
    laid = laid.sort_values("ended", kind="stable")
    grouped = laid.groupby(["protocol", "down", "across"], sort=False, observed=True)
    found = grouped.agg(value=("value", "last"), sd=("sd", "last"), studies=("value", "size")).reset_index()
    best = found.groupby("protocol")["value"].transform("max" if metrics.DIRECTION.get(metric) == "maximize" else "min")
    return found.assign(best=found["value"] == best)


def wide(found: pd.DataFrame, down: str, across: str, digits: int = 3) -> pd.DataFrame:
    """Return the cells as a table of text, ``0.357 ± 0.004``, the best of each protocol marked with a star."""
    text = found["value"].map(lambda v: number(v, digits))
    text += found["sd"].map(lambda v: "" if np.isnan(v) else f" ± {number(v, digits)}")
    text += found["best"].map({True: " *", False: ""})
    laid = found.assign(text=text)
    if PROTOCOL not in (down, across) and laid["protocol"].nunique() > 1:
        laid = laid.assign(across=laid["protocol"].astype(str) + " · " + laid["across"].astype(str))
    table = laid.pivot_table(index="down", columns="across", values="text", aggfunc="last", observed=True)
    table = table.reindex(index=_order(laid["down"].tolist()), columns=_order(laid["across"].tolist()))
    return table.fillna("–").rename_axis(index=down.replace("_", " "), columns=None).reset_index()


def draw(found: pd.DataFrame, down: str, across: str, metric: str) -> go.Figure:
    """Draw one protocol's cells as a heat map with the figures written in them."""
    rows, columns = _order(found["down"].tolist()), _order(found["across"].tolist())
    values = found.pivot_table(index="down", columns="across", values="value", aggfunc="last", observed=True)
    values = values.reindex(index=rows, columns=columns)
    fig = go.Figure(
        go.Heatmap(
            z=values.to_numpy(float),
            x=[theme.plain(c) for c in columns],
            y=[theme.plain(r) for r in rows],
            colorscale=theme.SEQUENTIAL,
            reversescale=metrics.DIRECTION.get(metric) != "maximize",
            texttemplate="%{z:.3f}",
            xgap=3,
            ygap=3,
            showscale=False,
            hovertemplate=f"{down} %{{y}}<br>{across} %{{x}}<br>{names.metric(metric)} %{{z:.4f}}<extra></extra>",
        )
    )
    theme.finish(fig, height=100 + 44 * len(rows), x=across.replace("_", " "), legend=False)
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    fig.update_xaxes(type="category", showgrid=False)
    return fig
