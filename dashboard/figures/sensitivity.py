"""What evaluations found: sensitivity of a one-value latent, correlations, round trip, diagnostics.

Each table is the artifact of that name (`affect.record`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import record
from dashboard.figures import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# ----------------------------------------------------------------------------------------------------- sensitivity


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """Return features × z: the change over the feature's range for one step of z, the most movable feature first.

    A constant feature has no range and is left out.
    """
    pivot = table.pivot_table(index="feature", columns="z_from", values="change_over_range", sort=False)
    pivot = pivot.dropna(how="all")
    return pivot.reindex(pivot.abs().max(axis=1).sort_values(ascending=False, kind="stable").index)


def step(table: pd.DataFrame) -> float:
    """Return the step in z that the changes are for; nan where the table is empty."""
    return float(table["step"].iloc[0]) if len(table) else math.nan


def draw_sensitivity(table: pd.DataFrame, size: float) -> go.Figure:
    """Draw how far each feature moves for a step of `size` in z, against where z starts."""
    top = float(np.nanmax(np.abs(table.to_numpy()))) if table.size else 1.0
    signed = bool((table.to_numpy() < 0).any())
    return theme.heat(
        table.to_numpy(float),
        list(table.columns),
        list(table.index),
        "%{y}<br>z from %{x:.3g} to +" + f"{size:g}" + ": %{z:+.2%} of its range",
        scale=theme.DIVERGING if signed else theme.SEQUENTIAL,
        ends=(-top if signed else 0, top),
        bar=theme.colour_bar("of range", tickformat=".1%"),
        titles=("z at the start of the step", ""),
        row=20,
        above=150,
        numeric=True,
        xgap=0,
        ygap=0,
    ).update_yaxes(tickfont={"size": 11})


def draw_movement(table: pd.DataFrame, features: Sequence[str]) -> go.Figure:
    """Draw the change of a few features, in their own units, against where z starts. `table` is the artifact."""
    figure = go.Figure()
    looks = theme.looks(features)
    for feature in features:
        of = table[table["feature"] == feature].sort_values("z_from")
        figure.add_scatter(
            x=of["z_from"],
            y=of["change"],
            mode="lines+markers" if len(of) <= 40 else "lines",
            name=theme.plain(feature),
            line={"color": looks[feature].colour, "width": 2},
            marker={"symbol": looks[feature].symbol},
            hovertemplate=theme.plain(feature) + "<br>z from %{x:.3g}: change %{y:+.4g}<extra></extra>",
        )
    return theme.finish(figure, 340, "z at the start of the step", f"change for a step of {step(table):g}")


# ---------------------------------------------------------------------------------------------------- correlations


def correlations(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return features × axes with the correlation `kind` (pearson or spearman), strongest feature first."""
    pivot = table.pivot_table(index="feature", columns="axis", values=kind, sort=False, dropna=False)
    pivot = pivot.reindex(columns=list(dict.fromkeys(table["axis"])))
    return pivot.reindex(pivot.abs().max(axis=1).sort_values(ascending=False, kind="stable", na_position="last").index)


def used(table: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return, in the shape of `like`, whether the method used an axis for a feature."""
    pivot = table.pivot_table(index="feature", columns="axis", values="used", aggfunc="max", sort=False)
    return pivot.reindex(index=like.index, columns=like.columns).fillna(False).astype(bool)


def draw_correlations(table: pd.DataFrame, marks: pd.DataFrame, kind: str) -> go.Figure:
    """Draw correlations as a heat map; ● marks the axes that the method used for a feature."""
    values = table.to_numpy(float)
    words = [
        ["n/a" if math.isnan(v) else f"{v:+.2f}{' ●' if m else ''}" for v, m in zip(row, flags, strict=True)]
        for row, flags in zip(values, marks.to_numpy(), strict=True)
    ]
    return theme.heat(
        values,
        list(table.columns),
        list(table.index),
        "%{y} and %{x}<br>" + kind + " %{text}",
        scale=theme.DIVERGING,
        ends=(-1, 1),
        bar=theme.colour_bar(kind),
        top=True,
        text=words,
        texttemplate="%{text}",
        textfont={"size": 11},
        ygap=1,
    ).update_yaxes(tickfont={"size": 11})


# ------------------------------------------------------------------------------------------------------ round trip


def round_trip(table: pd.DataFrame) -> pd.DataFrame:
    """Return per target, and as their mean under `all`: mae (of recovered PAD), mae_real (read from real features), n.

    The second shows how much of the first is the reader's own error. A generator can get below it by leaving out the
    spread of real movement, which makes its features easier to read.
    """
    errors = pd.DataFrame(
        {
            "target": table["target"],
            "mae": (table["recovered"] - table["true"]).abs(),
            "mae_real": (table["recovered_from_real"] - table["true"]).abs(),
        }
    )
    grouped = errors.groupby("target", sort=False)
    found = grouped[["mae", "mae_real"]].mean()
    found["n"] = grouped.size()
    if len(found) > 1:
        found.loc[record.ALL] = [found["mae"].mean(), found["mae_real"].mean(), found["n"].min()]
    return found.reset_index().astype({"n": int})


def draw_round_trip(table: pd.DataFrame) -> go.Figure:
    """Draw the error of the recovered PAD beside that of PAD read from real features."""
    figure = go.Figure()
    for column, name, colour in (
        ("mae", "from generated features", theme.ACCENT),
        ("mae_real", "from real features", theme.NEUTRAL),
    ):
        figure.add_bar(
            x=[theme.plain(t) for t in table["target"]],
            y=table[column],
            name=name,
            marker={"color": colour},
            text=[f"{v:.3f}" for v in table[column]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{x}}, {name}<br>MAE %{{y:.4f}} on a range of −1 to 1<extra></extra>",
        )
    return theme.finish(figure, 340, "", "MAE of PAD")


def round_trip_example(table: pd.DataFrame, sample: str) -> pd.DataFrame:
    """Return one sample's PAD: target, true, recovered (from generated features), recovered_from_real."""
    of = table[table["sample"].astype(str) == sample]
    return of[["target", "true", "recovered", "recovered_from_real"]].reset_index(drop=True)


def draw_recovered(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw recovered against true values of one target, a point per sample; on the dotted line the trip is perfect."""
    of = table[table["target"] == target]
    figure = go.Figure()
    for column, name, colour, mark in (
        ("recovered_from_real", "from real features", theme.NEUTRAL, "circle-open"),
        ("recovered", "from generated features", theme.ACCENT, "circle"),
    ):
        figure.add_scatter(
            x=of["true"],
            y=of[column],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": mark, "size": 7, "opacity": 0.7},
            customdata=of["sample"].map(theme.plain),
            hovertemplate=f"%{{customdata}}<br>true %{{x:.3f}}, {name} %{{y:.3f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[-1, 1],
        y=[-1, 1],
        mode="lines",
        line={"color": theme.NEUTRAL, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    name = theme.plain(target)
    return theme.finish(figure, 380, f"true {name}", f"recovered {name}")


# ----------------------------------------------------------------------------------------------------- diagnostics


def diagnostics(table: pd.DataFrame, scores: Mapping[str, float]) -> pd.DataFrame:
    """Return the diagnostics beside the run's own test score: diagnostic, target, metric, value, test, n.

    The means over targets come first. `scores` are the run's metrics by full name; `test` is nan where the run has no
    such score.
    """
    own = [
        scores.get(record.metric("test", metric, target), math.nan)
        for metric, target in zip(table["metric"], table["target"], strict=True)
    ]
    words = table["diagnostic"].astype(str).str.replace("_", " ")
    found = table.assign(diagnostic=words, test=own, n=table["n"].astype(int))
    means_first = found.sort_values("target", key=lambda t: t != record.ALL, kind="stable")
    return means_first[["diagnostic", "target", "metric", "value", "test", "n"]].reset_index(drop=True)


def explanations(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return each diagnostic with the sentence that explains it."""
    rows = table.drop_duplicates("diagnostic")
    pairs = zip(rows["diagnostic"], rows["explanation"], strict=True)
    return [(str(name).replace("_", " "), str(text)) for name, text in pairs]
