"""One protocol's scores over two settings as a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import metrics
from dashboard.figures import theme
from dashboard.results import names, pivot


def draw(
    found: pd.DataFrame, down: str, across: str, metric: str, span: tuple[float, float] | None = None
) -> go.Figure:
    """Draw one protocol's cells as a heat map with the scores written in them, published ones in brackets.

    `span` is what the colours reach from and to, where several figures share a scale.
    """
    rows, columns = pivot.order(found["down"], down), pivot.order(found["across"], across)

    def laid(column: str) -> pd.DataFrame:
        values = found.pivot_table(index="down", columns="across", values=column, aggfunc="last", observed=True)
        return values.reindex(index=rows, columns=columns)

    values, paper = laid("value").to_numpy(float), laid("published").to_numpy(float)
    known = np.isfinite(paper)
    below = np.where(known & np.isfinite(values), np.char.mod("<br>(%.3f)", paper), "")
    fig = theme.heat(
        values,
        columns,
        rows,
        f"{theme.plain(down)} %{{y}}<br>{theme.plain(across)} %{{x}}<br>"
        f"{theme.plain(names.metric(metric))} %{{z:.4f}}%{{text}}",
        ends=(None, None) if span is None else span,
        titles=(theme.plain(across.replace("_", " ")), ""),
        row=56 if known.any() else 44,
        above=100,
        reversescale=metrics.DIRECTION.get(metric) != "maximize",
        text=below,
        texttemplate="%{z:.3f}%{text}",
        xgap=3,
        ygap=3,
    )
    for i, j in zip(*np.nonzero(known & np.isnan(values)), strict=True):
        words = f"({paper[i, j]:.3f})"
        fig.add_annotation(x=j, y=i, text=words, showarrow=False, font={"size": 12, "color": theme.NEUTRAL})
    return fig
