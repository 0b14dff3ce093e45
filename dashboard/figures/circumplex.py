"""Valence (or pleasure) and arousal as a plane: truth, predictions, emotions as ellipses, errors by region, codes.

Figures here are square, from −1 to 1 along both axes, with the unit circle in them; they are drawn one beside the
other and keep their places, so that a panel of truth and one of a run's predictions can be compared by eye.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import circumplex as plane
from affect import metrics
from dashboard.figures import theme, truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from affect.circumplex import Ellipse

    Array = NDArray[np.float64]

PAIRS = (("valence", "arousal"), ("pleasure", "arousal"))
"""Targets that span a circumplex; pleasure is valence under its name in PAD."""
ENDS = {"valence": "unpleasant … pleasant", "pleasure": "unpleasant … pleasant", "arousal": "calm … excited"}
TRUE, PRED = "true", "pred"
SIDES = {TRUE: "annotated", PRED: "predicted"}

CODES = ("z_v", "z_a")
"""The codes that are to carry the plane's two axes."""
READINGS = {
    PRED: "prediction of the run",
    "principal": "first principal direction of z_v and of z_a",
    "mean": "mean over z_v and over z_a",
    "probe": "linear probe of z_v and of z_a",
}
ABOUT = {
    PRED: "What the run itself predicts.",
    "principal": "Each code's first principal direction on train, turned and scaled to the train labels.",
    "mean": "The mean over each code's numbers, as they are.",
    "probe": "Least squares from each code to its own axis, fitted on train.",
}
NAMED = 14
"""Emotions that are drawn as ellipses with their names, the most frequent first; more would hide each other."""
FEWEST = 3
"""Samples below which an emotion gets no ellipse."""
NAME_AT, REACH = 1.13, (1.68, 1.28)
"""Radius at which names stand around the circle, and how far the axes reach so that names fit beside it."""


@dataclass(frozen=True)
class Cloud:
    """Samples in the plane: sample, group, label ("" where none), true_ and pred_ of both `axes`, and error.

    error is the distance of prediction and truth, in units of the axes (the square is 2 wide).
    """

    table: pd.DataFrame
    axes: tuple[str, str]

    def side(self, side: str) -> Array:
        """Return the points (n, 2) of a side: ``true`` or ``pred``."""
        return self.table[[f"{side}_{axis}" for axis in self.axes]].to_numpy(np.float64)

    @property
    def labels(self) -> list[str]:
        """Return the emotions there are, the most frequent first; empty where the data has none."""
        return [name for name in self.table["label"].value_counts().index if name]


def axes_of(targets: Sequence[str]) -> tuple[str, str] | None:
    """Return the two targets that span a circumplex, None where they are not among `targets`."""
    return next((pair for pair in PAIRS if set(pair) <= set(targets)), None)


def cloud(predictions: pd.DataFrame, axes: tuple[str, str], part: str) -> Cloud:
    """Return the samples of one part of predictions.parquet; rows without a number on any axis are left out."""
    rows = predictions[predictions["part"] == part]
    columns = {f"{side}_{axis}": rows[f"{side}_{axis}"].astype(float) for side in SIDES for axis in axes}
    label = rows["label"].fillna("").astype(str) if "label" in rows else pd.Series("", index=rows.index)
    table = pd.DataFrame({"sample": rows["sample"].astype(str), "group": rows["group"].astype(str), "label": label})
    table = table.assign(**columns).dropna(subset=list(columns)).reset_index(drop=True)
    return _with_error(Cloud(table, axes))


def _with_error(of: Cloud) -> Cloud:
    return replace(of, table=of.table.assign(error=np.hypot(*(of.side(PRED) - of.side(TRUE)).T)))


def same_truth(a: Cloud, b: Cloud) -> bool:
    """Return whether two clouds are of the same samples with the same annotation: one panel of truth is enough."""
    columns = ["sample", *(f"true_{axis}" for axis in a.axes)]
    return a.axes == b.axes and a.table[columns].equals(b.table[columns])


# -------------------------------------------------------------------------------------------------------- figures


def ellipses(of: Cloud, side: str) -> dict[str, Ellipse]:
    """Return label → ellipse (mean and standard deviations) of the labels with enough samples on that side."""
    points, found = of.side(side), {}
    for label in of.labels[:NAMED]:
        rows = (of.table["label"] == label).to_numpy()
        if rows.sum() >= FEWEST:
            found[label] = next(iter(plane.ellipses_of(points[rows], np.full(rows.sum(), label)).values()))
    return found


def by_emotion(of: Cloud) -> pd.DataFrame:
    """Return a row per emotion: samples, the centres of truth and prediction, and radius (1 is the circle) of both."""
    true, pred = ellipses(of, TRUE), ellipses(of, PRED)
    rows = []
    for label in sorted(true):
        a, b = true[label], pred[label]
        row = {"emotion": label, "samples": int((of.table["label"] == label).sum())}
        for word, one in (("true", a), ("predicted", b)):
            row |= dict(zip((f"{word} {axis}" for axis in of.axes), one.centre.tolist(), strict=True))
        row |= {"true radius": float(np.hypot(*a.centre)), "predicted radius": float(np.hypot(*b.centre))}
        rows.append(row | {"distance": float(np.hypot(*(b.centre - a.centre)))})
    return pd.DataFrame(rows)


def draw(of: Cloud, side: str) -> go.Figure:
    """Draw one side: a dot a sample, an ellipse an emotion (dotted: the truth's, where the side is the prediction's).

    Emotions' names stand around the circle at the angle of their truth, in the same place on both sides.
    """
    away = np.abs(of.side(side))
    farthest = (theme.bulk(away, "high", theme.MOST) or (0.0, 0.0))[1]
    figure = _ground(of, farthest, int((away > farthest).any(axis=1).sum()))
    shown = truth.drawn(of.table)
    size = 7 if len(shown) <= 400 else 5
    for label in shown["label"].unique():
        mine = shown[shown["label"] == label]
        colour = theme.colour(label) if label else theme.ACCENT
        figure.add_scatter(
            x=mine[f"{side}_{of.axes[0]}"],
            y=mine[f"{side}_{of.axes[1]}"],
            mode="markers",
            marker={"color": colour, "size": size, "opacity": 0.5, "symbol": theme.symbol(label)},
            text=_hover(mine, of.axes),
            customdata=mine["sample"].astype(str).tolist(),
            hovertemplate="%{text}<extra></extra>",
        )
    annotated = ellipses(of, TRUE)
    own = annotated if side == TRUE else ellipses(of, side)
    places = around({name: one.centre for name, one in annotated.items()})
    for name, one in own.items():
        colour, called = theme.colour(name), theme.plain(name)
        if side != TRUE:
            edge = plane.outline(annotated[name])
            line = {"color": colour, "width": 1, "dash": "dot"}
            figure.add_scatter(x=edge[:, 0], y=edge[:, 1], mode="lines", line=line, hoverinfo="skip")
        edge = plane.outline(one)
        figure.add_scatter(
            x=edge[:, 0], y=edge[:, 1], mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip"
        )
        figure.add_scatter(
            x=[one.valence],
            y=[one.arousal],
            mode="markers",
            marker={"color": colour, "size": 13, "symbol": theme.symbol(name), "line": {"width": 2, "color": "white"}},
            hovertemplate=f"{called}, mean {SIDES[side]}<br>{of.axes[0]} %{{x:.2f}} ± {one.valence_axis:.2f} sd<br>"
            f"{of.axes[1]} %{{y:.2f}} ± {one.arousal_axis:.2f} sd<extra></extra>",
        )
        angle = places[name]
        x, y = NAME_AT * math.cos(angle), NAME_AT * math.sin(angle)
        figure.add_scatter(
            x=[x, one.valence],
            y=[y, one.arousal],
            mode="lines",
            line={"color": colour, "width": 1},
            opacity=0.35,
            hoverinfo="skip",
        )
        across = "left" if math.cos(angle) > 0.3 else "right" if math.cos(angle) < -0.3 else "center"
        up = "bottom" if math.sin(angle) > 0.8 else "top" if math.sin(angle) < -0.8 else "middle"
        figure.add_annotation(
            x=x, y=y, text=called, font={"color": colour, "size": 12}, showarrow=False, xanchor=across, yanchor=up
        )
    return figure


def around(centres: Mapping[str, Array], gap: float = math.radians(17)) -> dict[str, float]:
    """Return name → angle (radians) of its centre (2,), pushed on anticlockwise where two would be closer than `gap`.

    The first is the one after the widest free arc, so that no push runs into where it began.
    """
    if not centres:
        return {}
    angles = {name: math.atan2(*reversed(centre.tolist())) % math.tau for name, centre in centres.items()}
    order = sorted(angles, key=lambda name: angles[name])
    free = [(angles[name] - angles[order[i - 1]]) % math.tau for i, name in enumerate(order)]
    start = int(np.argmax(free))
    order = order[start:] + order[:start]
    gap = min(gap, math.tau / len(order))
    found = {order[0]: angles[order[0]]}
    for before, name in itertools.pairwise(order):
        ahead = (angles[name] - angles[order[0]]) % math.tau + angles[order[0]]
        found[name] = max(ahead, found[before] + gap)
    return found


def _ground(of: Cloud, most: float = 1.0, beyond: int = 0) -> go.Figure:
    """Return the empty plane with the unit circle; it reaches farther where a value of `most` lies outside.

    `beyond` samples lie farther away than that, and the title of the axis across says so.
    """
    turn = np.linspace(0, math.tau, 121)
    figure = go.Figure()
    line = {"color": theme.NEUTRAL, "width": 1.5}
    figure.add_scatter(x=np.cos(turn), y=np.sin(turn), mode="lines", line=line, hoverinfo="skip")
    more = max(1.0, most / REACH[1] * 1.02)
    x, y = (f"{axis} ({ENDS[axis]})" for axis in of.axes)
    theme.finish(figure, 385, theme.beyond_text(x, beyond), y, legend=False)
    cross = {"zeroline": True, "zerolinecolor": theme.NEUTRAL, "zerolinewidth": 1, "showgrid": False}
    ticks = {"tickvals": [-1, -0.5, 0, 0.5, 1]} if more == 1 else {"nticks": 6}
    across, up = ([-reach * more, reach * more] for reach in REACH)
    figure.update_xaxes(range=across, constrain="domain", **cross, **ticks)
    return figure.update_yaxes(range=up, scaleanchor="x", constrain="domain", constraintoward="top", **cross, **ticks)


def _hover(rows: pd.DataFrame, axes: tuple[str, str]) -> list[str]:
    x, y = axes
    return [
        f"{theme.plain(row['sample'])}{', ' + theme.plain(row['label']) if row['label'] else ''}<br>"
        f"truth: {x} {row[f'true_{x}']:+.2f}, {y} {row[f'true_{y}']:+.2f}<br>"
        f"prediction: {x} {row[f'pred_{x}']:+.2f}, {y} {row[f'pred_{y}']:+.2f}<br>distance {row['error']:.2f}"
        for row in rows.to_dict("records")
    ]


# ---------------------------------------------------------------------------------------------- errors by region


def regions(of: Cloud) -> pd.DataFrame:
    """Return `affect.circumplex.error_field` of truth and prediction, its columns named after the axes."""
    field = plane.error_field(of.side(TRUE), of.side(PRED))
    return field.rename(
        columns={f"{s}_{a}": f"{s}_{b}" for s in SIDES for a, b in zip(plane.AXES, of.axes, strict=True)}
    )


def shrinkage(of: Cloud) -> float:
    """Return how far predictions go along the way from neutral to the truth: 1 all the way, 0 not at all.

    It is the slope of the least-squares line through neutral of prediction on truth, both axes together.
    """
    true, pred = of.side(TRUE), of.side(PRED)
    way = float((true**2).sum())
    return float((true * pred).sum()) / way if way > 0 else math.nan


def draw_regions(of: Cloud) -> go.Figure:
    """Draw an arrow per region of the plane, from the mean truth there to the mean prediction.

    Blue arrows end nearer to neutral than they begin (shrinkage), orange ones farther from it; the wider an arrow the
    more samples.
    """
    table = regions(of)
    figure = _ground(of, float(table.filter(regex="^(true|pred)_").abs().to_numpy().max(initial=0)))
    x, y = of.axes
    most = max(int(table["n"].max()), 1) if len(table) else 1
    for row in table.to_dict("records"):
        begin, end = (np.array([row[f"{side}_{x}"], row[f"{side}_{y}"]]) for side in SIDES)
        colour = theme.ACCENT if np.hypot(*end) <= np.hypot(*begin) else theme.OTHER
        figure.add_annotation(
            x=end[0],
            y=end[1],
            ax=begin[0],
            ay=begin[1],
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            text="",
            showarrow=True,
            arrowhead=2,
            arrowsize=0.8,
            arrowwidth=1.5 + 1.8 * math.sqrt(row["n"] / most),
            arrowcolor=colour,
        )
        lines = (
            f"truth at {row['angle_from']:.0f}° … {row['angle_to']:.0f}°, "
            f"radius {row['radius_from']:.2f} … {row['radius_to']:.2f}: {row['n']} samples",
            f"mean truth {x} {begin[0]:+.2f}, {y} {begin[1]:+.2f}",
            f"mean prediction {x} {end[0]:+.2f}, {y} {end[1]:+.2f}",
            f"mean distance {row['error']:.2f}",
        )
        figure.add_scatter(
            x=[begin[0]],
            y=[begin[1]],
            mode="markers",
            marker={"color": colour, "size": 8},
            hovertemplate="<br>".join(lines) + "<extra></extra>",
        )
    return figure


# ------------------------------------------------------------------------------------------------------ the codes


def readable(embeddings: pd.DataFrame) -> bool:
    """Return whether embeddings.parquet has the two codes that are to carry the axes, on train as well."""
    on_train = embeddings.loc[embeddings["part"] == "train", "code"]
    return set(CODES) <= set(on_train)


def read(of: Cloud, predictions: pd.DataFrame, embeddings: pd.DataFrame, reading: str) -> Cloud:
    """Return the cloud with each code's reading (`READINGS`) in the place of the prediction.

    Directions are fitted on train codes, and on the train labels where the reading needs them. Samples without a code
    are left out. ValueError where `readable` says no.
    """
    if reading == PRED:
        return of
    if not readable(embeddings):
        raise ValueError(f"embeddings.parquet has no train rows of {' and '.join(CODES)}")
    train = predictions[predictions["part"] == "train"].set_index("sample")
    table = of.table.set_index("sample", drop=False)
    found = {}
    for code, axis in zip(CODES, of.axes, strict=True):
        rows = embeddings[embeddings["code"] == code].assign(sample=lambda t: t["sample"].astype(str))
        values = rows.filter(regex=r"^d\d+$").dropna(axis=1, how="all").set_axis(rows["sample"], axis=0)
        known = values[(rows["part"] == "train").to_numpy()]
        label = train[f"true_{axis}"].reindex(known.index).to_numpy(np.float64)
        known, label = known[np.isfinite(label)], label[np.isfinite(label)]
        here = values[~values.index.duplicated()].reindex(table.index)
        found[axis] = _read(known.to_numpy(np.float64), label, here.to_numpy(np.float64), reading)
    table = table.assign(**{f"pred_{axis}": values for axis, values in found.items()})
    kept = table.dropna(subset=[f"pred_{axis}" for axis in of.axes]).reset_index(drop=True)
    return _with_error(replace(of, table=kept))


def _read(train: Array, label: Array, codes: Array, reading: str) -> Array:
    """Return one number (m,) for each of `codes` (m, d); `train` (n, d) and `label` (n,) are what is fitted on."""
    if reading == "mean":
        return codes.mean(axis=1)
    centre = train.mean(axis=0)
    if reading == "probe":
        weights, *_ = np.linalg.lstsq(train - centre, label - label.mean(), rcond=None)
        return (codes - centre) @ weights + label.mean()
    direction = np.linalg.svd(train - centre, full_matrices=False)[2][0]
    along = (train - centre) @ direction
    sign = -1.0 if float(metrics.pcc(label, along)) < 0 else 1.0
    scale = float(label.std() / along.std()) if along.std() > 0 else 0.0
    return label.mean() + sign * scale * ((codes - centre) @ direction)


def agreement(clouds: Mapping[str, Cloud]) -> pd.DataFrame:
    """Return a row per name: how both axes agree with the annotation (CCC, PCC), distance, and reach (shrinkage)."""
    rows = []
    for name, of in clouds.items():
        row: dict[str, object] = {"run": name}
        for metric, measure in (("CCC", metrics.ccc), ("PCC", metrics.pcc)):
            for axis, true, pred in zip(of.axes, of.side(TRUE).T, of.side(PRED).T, strict=True):
                row[f"{metric}, {axis}"] = measure(true, pred) if len(true) else math.nan
        row |= {"mean distance": float(of.table["error"].mean()), "reach": shrinkage(of), "samples": len(of.table)}
        rows.append(row)
    return pd.DataFrame(rows)
