"""Codes drawn on a plane, of one run or of several on the same samples: a dot a sample.

`projections` is projections.parquet, `embeddings` embeddings.parquet and `predictions` predictions.parquet
(`affect.record`). A `Plane` is one run's picture of one code.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import projections as projecting
from affect import record
from dashboard.figures import predictions, theme
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ALGORITHMS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
PARAMETERS = {"perplexity": "perplexity", "neighbours": "neighbours", "min_dist": "least distance"}
OFFERED: dict[str, tuple[float, ...]] = {
    "perplexity": (5, 10, 20, 30, 50, 100, 200),
    "neighbours": (5, 10, 15, 30, 50, 100, 200),
    "min_dist": (0, 0.1, 0.25, 0.5, 0.9),
}
"""Values of each parameter that a page offers; the default of `affect.projections` is among them."""

PART, ERROR, PICTURE_ERROR, EMOTION = "part", "error", "picture error", "emotion"
LISTED = 12
"""Names up to which each has a trace and a place in the legend; more are told apart by colour and by hovering."""
SCALE = [[0.0, theme.PALETTE[0]], [0.5, "#A9B1BB"], [1.0, theme.PALETTE[1]]]
"""Blue to orange through a grey that stands out on white and on near-black."""
MOST = 20_000
"""Samples that are projected at most while a person waits."""
ABOUT_ERROR = (
    "Error is |prediction − truth| in % of the target's range, mean over targets; of classes, the probability not "
    "given to the true one."
)
CORNERS = 40
"""Corners to which a circled area is thinned, so that it fits into an address."""


@dataclass(frozen=True)
class Plane:
    """One run's code on a plane.

    table : sample, x, y, and where a prediction is known what `about` says of the sample.
    seed, parameters, trustworthiness : of the projection.
    total : how many samples of the run have codes, where more than are in the table.
    residual : what `affect.projections.procrustes` left between it and the first run's; None for the first.
    """

    name: str
    run_id: str
    table: pd.DataFrame
    algorithm: str
    seed: int = 0
    parameters: Mapping[str, float] | None = None
    trustworthiness: float = math.nan
    residual: float | None = None
    total: int = 0

    @property
    def points(self) -> NDArray[np.float32]:
        """Return x and y (n, 2)."""
        return self.table[["x", "y"]].to_numpy(np.float32)

    def caption(self) -> str:
        """Say what the picture is and how far to trust it."""
        used = self.parameters or {}
        chosen = [f"{word} {used[name]:g}" for name, word in PARAMETERS.items() if name in used]
        seed = [] if self.algorithm == "pca" else [f"seed {self.seed}"]
        samples = names.drawn(len(self.table), max(self.total, len(self.table)))
        words = [", ".join([ALGORITHMS[self.algorithm], *chosen, *seed]), samples]
        if not math.isnan(self.trustworthiness):
            words.append(f"trustworthiness {self.trustworthiness:.3f}")
        if self.residual is not None:
            differs = f"{self.residual:.0%} of the variance still differs (Procrustes)"
            words.append(f"rotated and scaled to match the first plot; {differs}")
        return " · ".join(words)


# ------------------------------------------------------------------------------------------------------- the codes


def codes(table: pd.DataFrame) -> list[str]:
    """Return the codes in projections.parquet or embeddings.parquet, in its order."""
    return [str(code) for code in table["code"].unique()]


def kept(projections: pd.DataFrame, code: str, algorithm: str, run_id: str, name: str) -> Plane | None:
    """Return the projection that a run kept of a code, or None."""
    rows = projections[(projections["code"] == code) & (projections["algorithm"] == algorithm)]
    if rows.empty:
        return None
    first = rows.iloc[0]
    table = rows[["sample", "x", "y"]].reset_index(drop=True)
    parameters, trust = json.loads(first["parameters"]), float(first["trustworthiness"])
    return Plane(name, run_id, table, algorithm, int(first["seed"]), parameters, trust)


def made(found: projecting.Projection, sample: pd.Series, algorithm: str, seed: int, run_id: str, name: str) -> Plane:
    """Return a projection that was made just now as a plane."""
    table = pd.DataFrame({"sample": sample.to_numpy(), "x": found.points[:, 0], "y": found.points[:, 1]})
    return Plane(name, run_id, table, algorithm, seed, dict(found.parameters), found.trustworthiness)


def values(embeddings: pd.DataFrame, code: str) -> tuple[pd.Series, NDArray[np.float64]]:
    """Return the names (n,) and the codes (n, d) of all samples that have that code."""
    rows = embeddings[embeddings["code"] == code]
    columns = [c for c in map(str, rows) if c.startswith("d") and c[1:].isdigit()]
    numbers = rows[columns].to_numpy(np.float64)
    return rows["sample"].reset_index(drop=True), numbers[:, ~np.isnan(numbers).all(axis=0)]


def to_project(sample: pd.Series, wanted: pd.Series | None) -> NDArray[np.int64]:
    """Return the rows to project: those of the `wanted` samples, else all, and of very many an even choice."""
    if wanted is not None:
        return np.flatnonzero(sample.isin(wanted))
    return np.arange(len(sample))[:: max(1, -(-len(sample) // MOST))]


def together(planes: Sequence[Plane]) -> list[Plane]:
    """Return the planes on the samples that all have, each turned, mirrored and scaled onto the first.

    Where they share fewer than three samples they are returned as they are.
    """
    if len(planes) < 2:
        return list(planes)
    shared = set.intersection(*(set(p.table["sample"]) for p in planes))
    if len(shared) < 3:
        return list(planes)
    first = planes[0].table[planes[0].table["sample"].isin(shared)].reset_index(drop=True)
    found = [replace(planes[0], table=first)]
    for plane in planes[1:]:
        table = plane.table.set_index("sample").loc[first["sample"]].reset_index()
        points, residual = projecting.procrustes(found[0].points, table[["x", "y"]].to_numpy(np.float32))
        moved = table.assign(x=points[:, 0], y=points[:, 1])
        found.append(replace(plane, table=moved, residual=residual))
    return found


# -------------------------------------------------------------------------------------------- what a sample is like


def about(
    predicted: pd.DataFrame | None, pictures: pd.DataFrame | None = None, group_kind: str = "group"
) -> pd.DataFrame:
    """Return what is known of each sample, by sample: part, emotion, group (under its kind), targets, error.

    error is the mean over targets of |prediction − truth| in percent of the target's range; of a classifier the
    probability that it did not give to the true class. picture error is the reconstruction's mean squared error.
    """
    if predicted is None:
        return pd.DataFrame(index=pd.Index([], name="sample", dtype=object))
    found: dict[str, Any] = {PART: predicted["part"]}
    labels = next((predicted[c] for c in ("label", "true_emotion") if c in predicted), None)
    if labels is not None and labels.notna().any():
        found[EMOTION] = labels.fillna("").astype(str)
    found[group_kind] = predicted["group"].astype(str)
    for target in predictions.targets(predicted):
        found[target] = predicted[f"true_{target}"]
        found[f"predicted {target}"] = predicted[f"pred_{target}"]
    errors = predictions.relative_errors(predicted)
    if "pred_emotion" in predicted:
        found["predicted emotion"] = predicted["pred_emotion"].astype(str)
        found[ERROR] = 1 - _probability(predicted)
    elif len(errors.columns):
        found[ERROR] = errors.mean(axis=1)
    table = pd.DataFrame(found).set_axis(pd.Index(predicted["sample"], name="sample"))
    if pictures is not None:
        table[PICTURE_ERROR] = pictures.set_index("sample")["mse"].reindex(table.index)
    return table[~table.index.duplicated()]


def _probability(predicted: pd.DataFrame) -> pd.Series:
    """Return the probability (n,) given to the true class; nan where it has no column."""
    columns = [c for c in map(str, predicted) if c.startswith("prob_")]
    given = {c.removeprefix("prob_"): predicted[c].to_numpy(float) for c in columns}
    found = np.full(len(predicted), math.nan)
    for label, column in given.items():
        rows = (predicted["true_emotion"] == label).to_numpy()
        found[rows] = column[rows]
    return pd.Series(found, index=predicted.index)


def joined(plane: Plane, known: pd.DataFrame) -> Plane:
    """Return the plane with what is known of its samples as further columns."""
    more = known.reindex(plane.table["sample"])
    return replace(plane, table=pd.concat([plane.table, more.reset_index(drop=True)], axis=1))


def colourings(tables: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns that dots can be coloured by: emotion first, then what some table has."""
    columns = dict.fromkeys(c for table in tables for c in map(str, table) if c not in ("sample", "x", "y"))
    order = [c for c in (EMOTION, *columns) if c in columns and any(t[c].notna().any() for t in tables if c in t)]
    return list(dict.fromkeys(order)) or [PART]


# ------------------------------------------------------------------------------------------------------- selection


def matching(samples: pd.Series, text: str) -> list[str]:
    """Return the samples that are meant by `text`: the one of that name, else those whose names contain it."""
    wanted = text.strip()
    if not wanted:
        return []
    if (samples == wanted).any():
        return [wanted]
    return samples[samples.str.contains(wanted, case=False, regex=False)].tolist()


def neighbours(
    embeddings: pd.DataFrame, code: str, sample: str, known: pd.DataFrame, count: int = projecting.NEIGHBOURS
) -> pd.DataFrame:
    """Return the samples whose codes are nearest to that of `sample`, nearest first: sample, distance, `known`.

    Distances are Euclidean, in the units of the code, over all samples that have one. Empty for a sample without.
    """
    samples, code_of = values(embeddings, code)
    rows = np.flatnonzero(samples == sample)
    if not len(rows):
        return pd.DataFrame(columns=["sample", "distance"])
    near, distance = projecting.nearest(code_of, int(rows[0]), count)
    found = pd.DataFrame({"sample": samples.to_numpy()[near], "distance": distance})
    return pd.concat([found, known.reindex(found["sample"]).reset_index(drop=True)], axis=1)


def inside(points: NDArray[Any], corners: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which points (n, 2) lie inside the polygon of some corners (m, 2), by the even-odd rule."""
    found = np.zeros(len(points), dtype=bool)
    x, y = points[:, 0], points[:, 1]
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return found


def signature(code: str, planes: Sequence[Plane]) -> str:
    """Return six letters that say in which pictures an outline was drawn: in others it means nothing."""
    shown = [[p.run_id, p.algorithm, dict(p.parameters or {}), p.seed] for p in planes]
    return record.digest([code, shown], 6)


def write_area(place: int, corners: NDArray[Any]) -> str:
    """Write the area circled in the figure of that number as an address keeps it; thinned to `CORNERS` corners."""
    some = corners[:: max(1, -(-len(corners) // CORNERS))]
    return f"{place}~" + "~".join(f"{x:.4g},{y:.4g}" for x, y in some)


def read_area(text: str) -> tuple[int, NDArray[np.float64]] | None:
    """Read what `write_area` wrote; None where it is nothing of the kind."""
    place, _, rest = text.partition("~")
    try:
        corners = np.array([[float(v) for v in corner.split(",")] for corner in rest.split("~")])
        whole = int(place)
    except ValueError:
        return None
    good = corners.ndim == 2 and corners.shape[1] == 2 and len(corners) >= 3 and np.isfinite(corners).all()
    return (whole, corners) if good and whole >= 0 else None


# ------------------------------------------------------------------------------------------------------- drawings


def draw(
    plane: Plane, by: str, found: str | None = None, area: NDArray[Any] | None = None, height: int = 520
) -> go.Figure:
    """Draw a plane coloured by one of `colourings`, the `found` sample ringed and the circled `area` outlined.

    customdata begins with the row of the dot's sample in the plane's table. Dots are drawn by WebGL from float32.
    """
    table, figure = plane.table, go.Figure()
    column = table[by] if by in table else pd.Series("", index=table.index)
    words, numbers = _words(table), _numbers(table)
    # as numbers and not as text they take a third of the room on their way to the browser
    said = np.column_stack([np.arange(len(table), dtype=np.float32), *numbers.values()])
    lines = [
        f"<br>{theme.plain(name.replace('_', ' '))}: %{{customdata[{i}]:.3g}}" for i, name in enumerate(numbers, 1)
    ]
    size = 7 if len(table) <= 500 else 5 if len(table) <= 5000 else 3

    def dots(rows: NDArray[np.int64], name: str, listed: bool, **marker: Any) -> None:
        figure.add_scattergl(
            x=plane.points[rows, 0],
            y=plane.points[rows, 1],
            mode="markers",
            name=theme.plain(name),
            marker={"size": size, "opacity": 0.8, **marker},
            text=words[rows],
            customdata=said[rows],
            hovertemplate="<b>%{text}</b>" + "".join(lines) + "<extra></extra>",
            showlegend=listed,
        )

    everything, legend, bar = np.arange(len(table)), False, False
    if column.dtype.kind in "iuf":
        level = column.to_numpy(np.float32)
        low, high = theme.bulk(level, share=theme.MOST) or (0.0, 1.0)
        if low < 0 < high:  # signed values: grey is 0
            high = max(-low, high)
            low = -high
        bar = True
        marker = {"color": level, "colorscale": SCALE, "cmin": low, "cmax": high, "showscale": True}
        dots(everything, by, False, colorbar=theme.colour_bar(theme.plain(by)), **marker)
    else:
        named = column.fillna("").astype(str)
        groups = sorted(named.unique())
        legend = len(groups) <= LISTED
        if legend:
            for name in groups:
                shown = {"color": theme.colour(name) if name else theme.NEUTRAL, "symbol": theme.symbol(name)}
                dots(np.flatnonzero(named == name), name or "not known", True, **shown)
        else:
            numbered = named.map({name: i for i, name in enumerate(groups)}).to_numpy(np.int32)
            ends = len(groups) - 1
            steps = [[i / ends, theme.colour(name)] for i, name in enumerate(groups)]
            dots(everything, by, False, color=numbered, colorscale=steps, cmin=0, cmax=ends)
    if found is not None and (ringed := np.flatnonzero(table["sample"] == found)).size:
        ring = {"size": size + 13, "symbol": "circle-open", "color": theme.WARN, "line": {"width": 3}, "opacity": 1}
        dots(ringed[:1], "found", False, **ring)
    if area is not None:
        closed = np.vstack([area, area[:1]])
        outline = {"color": theme.NEUTRAL, "width": 1.5, "dash": "dot"}
        figure.add_scattergl(
            x=closed[:, 0], y=closed[:, 1], mode="lines", line=outline, hoverinfo="skip", showlegend=False
        )
    theme.finish(figure, height, legend=legend)
    bare = {"showticklabels": False, "showgrid": False, "automargin": False}
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare, scaleanchor="x")
    figure.update_layout(margin_l=2, margin_r=2)
    figure.update_layout(legend={"itemsizing": "constant"})
    return figure.update_layout(margin_b=theme.BAR) if bar else figure


def _words(table: pd.DataFrame) -> NDArray[np.object_]:
    """Return what is said in words over each dot (n,): its name, then emotion, group, part …."""
    columns = [c for c in map(str, table) if c not in ("sample", "x", "y") and table[c].dtype.kind not in "iuf"]
    text = _plain(table["sample"])
    for column in columns:
        text = text + ", " + _plain(table[column].fillna("–").astype(str))
    return text.to_numpy(object)


def _plain(words: pd.Series) -> pd.Series:
    """Return `theme.plain` of each, once for each name."""
    return words.map({word: theme.plain(word) for word in words.unique()})


def _numbers(table: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    """Return the columns of numbers that are said over a dot; not the targets where there are many."""
    columns = [c for c in map(str, table) if c not in ("x", "y") and table[c].dtype.kind in "iuf"]
    predicted = [c for c in columns if c.startswith("predicted ")]
    if len(predicted) > 4:  # a motion has 27 features: what is said must fit on a phone
        columns = [c for c in columns if c not in predicted and f"predicted {c}" not in predicted]
    return {c: table[c].to_numpy(np.float32) for c in columns if table[c].notna().any()}


def listing(plane: Plane, rows: NDArray[Any] | None = None) -> pd.DataFrame:
    """Return the plane's table, or some of its rows, as people read it."""
    table = plane.table if rows is None else plane.table[rows]
    return table.rename(columns=lambda c: str(c).replace("_", " ")).reset_index(drop=True)
