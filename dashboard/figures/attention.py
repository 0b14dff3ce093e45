"""Attention over time: how much of each step a network takes, under the trace of what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from affect.record import NOTHING
from dashboard.figures import predictions, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

MEAN = -1
"""The head that is the mean over all heads."""


def in_recording(attention: pd.DataFrame, table: pd.DataFrame, sequence: str, head: int) -> pd.DataFrame:
    """Return one head's weights in one recording: sample, its time, modality, before_s, weight."""
    here = table[table["sequence"].astype(str) == sequence][["sample", "time"]].drop_duplicates("sample")
    rows = attention[attention["head"] == head].merge(here, on="sample")
    return rows[["sample", "time", "modality", "before_s", "weight"]].sort_values(["time", "modality", "before_s"])


def shares(weights: pd.DataFrame) -> pd.DataFrame:
    """Return what is taken of each modality on average, as a share of all that is taken of anything, and of nothing."""
    of = weights.groupby("modality")["weight"].sum()
    return (of / of.sum()).rename("share").reset_index()


def by_step(of: pd.DataFrame) -> pd.DataFrame:
    """Return the weights of one modality, a row for each step of seconds looked back and a column for each time.

    Frames lie 0, 0.2, 0.4 … s back; audio windows of 1 s end at any time of the last second, and are in the row 0–1.
    A step is the usual distance of two of a sample's; where each sample has one alone, a second.
    """
    apart = of.sort_values(["sample", "before_s"]).groupby("sample")["before_s"].diff().dropna()
    step = float(apart.median()) if len(apart) else 1.0
    # times are rounded to milliseconds
    place = np.floor(of["before_s"] / step + 0.01).astype(int)
    wide = of.assign(place=place).pivot_table(index="place", columns="time", values="weight", aggfunc="sum")
    exact = np.allclose(of["before_s"], place * step, atol=0.01 * step)
    names = [f"{k * step:.3g}" if exact else f"{k * step:.3g}–{(k + 1) * step:.3g}" for k in wide.index]
    return wide.set_axis(pd.Index(names, name="before_s"))


def draw(weights: pd.DataFrame, trace: pd.DataFrame, targets: Sequence[str]) -> go.Figure:
    """Draw the trace (time, true_…, pred_…), and under it a map for each modality: seconds looked back over time."""
    bands = [name for name in dict.fromkeys(weights["modality"]) if name != NOTHING]
    fig = make_subplots(
        rows=1 + len(bands),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.07,
        row_heights=[1.6, *[1.0] * len(bands)],
        subplot_titles=["", *[f"{theme.plain(name)}: seconds looked back" for name in bands]],
    )
    for target in targets:
        for side, dash in (("true", "dot"), ("pred", "solid")):
            fig.add_scatter(
                x=trace["time"],
                y=trace[f"{side}_{target}"],
                name=f"{theme.plain(target)}, {'annotated' if side == 'true' else 'predicted'}",
                line={"dash": dash, "color": theme.colour(target)},
                mode="lines",
                row=1,
                col=1,
            )
    highest = float(weights.loc[weights["modality"] != NOTHING, "weight"].max() or 1.0)
    for k, name in enumerate(bands, 2):
        of = weights[weights["modality"] == name]
        wide = by_step(of)
        fig.add_heatmap(
            x=wide.columns.to_numpy(),
            y=wide.index.to_list(),
            z=wide.to_numpy(),
            zmin=0,
            zmax=highest,
            colorscale=theme.SEQUENTIAL,
            showscale=k == 2,
            colorbar={"title": {"text": "weight"}, "len": 0.5, "y": 0.25},
            hovertemplate=f"{theme.plain(name)}, %{{y}} s before %{{x:.2f}} s<br>weight %{{z:.3f}}<extra></extra>",
            row=k,
            col=1,
        )
        fig.update_yaxes(type="category", row=k, col=1)
    theme.finish(fig, height=280 + 150 * len(bands))
    fig.update_xaxes(title_text="seconds", row=1 + len(bands), col=1)
    return fig


def trace(table: pd.DataFrame, sequence: str, targets: Sequence[str]) -> pd.DataFrame:
    """Return the truth and the prediction of one recording in time order."""
    rows = table[table["sequence"].astype(str) == sequence].sort_values("time", kind="stable")
    columns = [f"{side}_{target}" for target in targets for side in predictions.SIDES]
    return rows[["sample", "time", *columns]].reset_index(drop=True)
