"""What each modality adds: its lag, and scores with one masked. Tables are those of modalities.parquet."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme

MASKED = ["modality", "target", "metric", "value", "difference", "low", "high", "p", "groups"]


def lags(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the scan of one target: modality, lag_s, value."""
    of = table[(table["kind"] == "lag") & (table["target"] == target)]
    return of[["modality", "lag_s", "value"]].reset_index(drop=True)


def peaks(table: pd.DataFrame, target: str) -> dict[str, float]:
    """Return modality → the lag in seconds at which its correlation with the labels is highest."""
    of = table[(table["kind"] == "peak") & (table["target"] == target)]
    return {str(name): float(lag) for name, lag in zip(of["modality"], of["lag_s"], strict=True)}


def verdict(table: pd.DataFrame, target: str) -> str:
    """Return a sentence on audio's lag against video; on what can be seen alone where one of them is missing."""
    lag = peaks(table, target)
    parts = [f"{theme.plain(name)} follows the labels best at {seconds:+.2f} s" for name, seconds in lag.items()]
    if {"audio", "video"} <= set(lag):
        difference = lag["audio"] - lag["video"]
        word = "later" if difference >= 0 else "earlier"
        parts.append(f"so audio comes {abs(difference):.2f} s {word} than video")
    return ", ".join(parts)[:1].upper() + ", ".join(parts)[1:] + "." if parts else ""


def draw_lags(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw the correlation of each modality with the labels against the lag."""
    figure = go.Figure()
    scan = lags(table, target)
    looks = theme.looks(list(dict.fromkeys(scan["modality"].astype(str))))
    for name, of in scan.groupby("modality", sort=False):
        of = of.sort_values("lag_s")
        look = looks[str(name)]
        figure.add_scatter(
            x=of["lag_s"],
            y=of["value"],
            mode="lines+markers",
            name=theme.plain(str(name)),
            line={"color": look.colour, "width": 2},
            marker={"symbol": look.symbol},
            hovertemplate=theme.plain(str(name)) + "<br>labels of %{x:.1f} s before: r %{y:.3f}<extra></extra>",
        )
    return theme.finish(figure, 340, "lag behind the labels (s)", "correlation on test")


def masked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with one modality masked, and how far each is from the score without a mask."""
    of = table[table["kind"] == "masked"]
    return (
        of[MASKED].rename(columns={"modality": "masked", "low": "95 % low", "high": "95 % high"}).reset_index(drop=True)
    )
