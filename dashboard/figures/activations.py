"""What classifiers of faces look at: levels on a face, by region, between classes, and against the truth.

Tables are activations.parquet, mesh.parquet, triangles.parquet and separation.parquet (`affect.record`). A mesh has a
picture's axes, x right, y down, z away from the viewer; figures show it upright and from the front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from affect import facemesh, metrics
from dashboard.figures import theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KINDS = {
    "pca": "Vertex embeddings, three principal components",
    "gradient": "Integrated gradients of the class",
}
ABOUT = {
    "pca": (
        "Each vertex's embedding before pooling, on the three principal components over the test set, averaged within "
        "the class; the level is the vector's length."
    ),
    "gradient": (
        "How much each vertex moves the class's logit on the way from the mean face (integrated gradients, their norm "
        "over a vertex's features), averaged over test samples of the class."
    ),
}
TOP = 0.1
"""Share of the vertices, those with the highest levels, whose overlap between classes is measured."""
FRONT = {"eye": {"x": 0, "y": -1.65, "z": 0.1}, "up": {"x": 0, "y": 0, "z": 1}, "center": {"x": 0, "y": 0, "z": 0}}
LIGHT = {"ambient": 0.75, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9}
LIGHT_FROM = {"x": 0, "y": -2000, "z": 800}
SCENE: dict[str, Any] = {
    **{axis: {"visible": False, "showspikes": False} for axis in ("xaxis", "yaxis", "zaxis")},
    "aspectmode": "data",
    "camera": FRONT,
    "dragmode": "turntable",
    "bgcolor": "rgba(0,0,0,0)",
}
"""How a face is looked at and lit."""
EIGENVECTOR = "hks"


# ------------------------------------------------------------------------------------------------------------- tables


def kinds(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the kinds of maps that the tables have, in the order of `KINDS`."""
    found = {str(kind) for table in tables.values() for kind in table["kind"].unique()}
    return [*(kind for kind in KINDS if kind in found), *sorted(found - set(KINDS))]


def levels(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return one kind's levels: a line a class, a column a vertex. Empty where the table has none of that kind."""
    mine = table[table["kind"] == kind]
    return mine.pivot(index="class", columns="vertex", values="level")


def of_class(found: pd.DataFrame, name: str) -> pd.Series:
    """Return one class's line of what `levels` or `moving` returns."""
    return found.loc[[name]].iloc[0]


def moving(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return whether each class truly moves each vertex, laid out as `levels`; None where the data does not know."""
    if "moves" not in table:
        return None
    first = table[table["kind"] == table["kind"].iloc[0]]
    return first.pivot(index="class", columns="vertex", values="moves").astype(bool)


def region_of(vertices: int) -> NDArray[np.str_] | None:
    """Return the facial region of each vertex; None for a mesh that is not FaceMesh's."""
    names = facemesh.region_of()
    return names if len(names) == vertices else None


def by_region(found: pd.DataFrame) -> pd.DataFrame:
    """Return the mean level of each class in each facial region: class, region, level, and over the face's mean.

    `found` is what `levels` returns. Empty for a mesh without known regions.
    """
    names = region_of(found.shape[1])
    columns = ["class", "region", "level", "over_mean"]
    if names is None:
        return pd.DataFrame(columns=columns)
    order = [*facemesh.REGIONS, facemesh.REST]
    means = found.T.groupby(names).mean().T.reindex(columns=order)
    long = means.rename_axis(columns="region").reset_index().melt("class", value_name="level")
    whole = long["class"].map(found.mean(axis=1))
    return long.assign(over_mean=long["level"] / whole.where(whole > 0))[columns]


def overlap(found: pd.DataFrame) -> pd.DataFrame:
    """Return for each two classes the share of their highest vertices that are the same: 1 all, 0.1 as by chance."""
    count = max(1, round(TOP * found.shape[1]))
    values = found.to_numpy()
    high = np.zeros(values.shape)
    np.put_along_axis(high, np.argsort(-values, axis=1, kind="stable")[:, :count], 1, axis=1)
    return pd.DataFrame(high @ high.T / count, index=found.index, columns=list(found.index))


def against_truth(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the scores of maps whose truth is known: run, kind, class, auc, hit; and a line for all classes."""
    rows = []
    for run, table in tables.items():
        if "moves" not in table:
            continue
        for (kind, name), mine in table.groupby(["kind", "class"], sort=False):
            hit = metrics.pointing_game(mine["level"], mine["moves"])
            rows.append((run, kind, name, metrics.vertex_auc(mine["level"], mine["moves"]), hit))
    scored = pd.DataFrame(rows, columns=["run", "kind", "class", "auc", "hit"])
    if scored.empty:
        return scored
    mean = scored.groupby(["run", "kind"], sort=False)[["auc", "hit"]].mean().reset_index()
    return pd.concat([scored, mean.assign(**{"class": "all classes"})], ignore_index=True)[scored.columns]


def distances(separation: pd.DataFrame, code: str) -> pd.DataFrame:
    """Return the distances of one code's classes over the spread within them, class × class; nan on the diagonal."""
    mine = separation[separation["code"] == code]
    names = sorted({*mine["class"], *mine["other"]})
    wide = mine.pivot(index="class", columns="other", values="over_spread").reindex(index=names, columns=names)
    return wide.fillna(wide.T).rename_axis(index="class", columns=None)


def eigenvectors(mesh: pd.DataFrame) -> list[str]:
    """Return the columns of a mesh that are eigenvectors of its Laplacian, the smoothest first."""
    return [c for c in map(str, mesh) if c.startswith(EIGENVECTOR) and c.removeprefix(EIGENVECTOR).isdigit()]


# ------------------------------------------------------------------------------------------------------------ the face


def draw_face(
    mesh: pd.DataFrame,
    triangles: pd.DataFrame,
    level: pd.Series,
    top: float,
    moves: pd.Series | None = None,
    signed: bool = False,
) -> go.Figure:
    """Draw one level a vertex on a face that can be turned. `top` is the end of the colour scale.

    `moves` marks vertices with dots; `signed` levels have a scale from −top to top. What is changed by another class
    is the intensity alone, and a turned face stays turned.
    """
    x, y, z = mesh["x"], mesh["z"], -mesh["y"]
    fig = go.Figure(
        go.Mesh3d(
            x=x,
            y=y,
            z=z,
            i=triangles["a"],
            j=triangles["b"],
            k=triangles["c"],
            intensity=level,
            cmin=-top if signed else 0,
            cmax=top,
            colorscale=theme.DIVERGING if signed else theme.SEQUENTIAL,
            colorbar=theme.colour_bar("" if signed else "level", tickformat=".2~g"),
            lighting=LIGHT,
            lightposition=LIGHT_FROM,
            text=_where(len(mesh)),
            hovertemplate="%{text}<br>level %{intensity:.3g}<extra></extra>",
        )
    )
    if moves is not None:
        rows = np.flatnonzero(moves.to_numpy())
        # a little before the face, or half of each dot would be in it
        place = {"x": x.iloc[rows], "y": y.iloc[rows] - 0.01 * float(np.ptp(y)), "z": z.iloc[rows]}
        marker = {"size": 3.5, "color": theme.WARN, "opacity": 0.9}
        fig.add_scatter3d(**place, mode="markers", marker=marker, hoverinfo="skip")
    fig.update_layout(scene=SCENE, uirevision="kept")
    return theme.finish(fig, 430, legend=False).update_layout(margin_b=theme.BAR)


def _where(vertices: int) -> list[str]:
    names = region_of(vertices)
    return [f"vertex {i}" + ("" if names is None else f", {names[i]}") for i in range(vertices)]


def draw_classes(mesh: pd.DataFrame, found: pd.DataFrame, top: float, moves: pd.DataFrame | None = None) -> go.Figure:
    """Draw the levels of every class on faces seen from the front, small and side by side, on one scale."""
    across = 4
    lines = -(-len(found) // across)
    fig = make_subplots(
        rows=lines,
        cols=across,
        subplot_titles=[theme.plain(name) for name in found.index],
        horizontal_spacing=0.01,
        vertical_spacing=0.12 / lines,
    )
    where = _where(len(mesh))
    for number, (name, level) in enumerate(found.iterrows()):
        place: dict[str, Any] = {"row": number // across + 1, "col": number % across + 1}
        marker: dict[str, Any] = {"size": 7, "color": level, "coloraxis": "coloraxis"}
        if moves is not None:
            marker["line"] = {"color": theme.WARN, "width": np.where(of_class(moves, str(name)), 1.0, 0.0)}
        fig.add_scatter(
            x=mesh["x"],
            y=-mesh["y"],
            mode="markers",
            marker=marker,
            text=where,
            hovertemplate=f"{theme.plain(name)}, %{{text}}<br>level %{{marker.color:.3g}}<extra></extra>",
            **place,
        )
    fig.update_annotations(font={"size": 13})
    theme.finish(fig, 30 + 175 * lines + theme.BAR, legend=False)
    bar = theme.colour_bar("level", tickformat=".2~g")
    fig.update_layout(
        coloraxis={"colorscale": theme.SEQUENTIAL, "cmin": 0, "cmax": top, "colorbar": bar},
        margin_b=theme.BAR,
        margin_t=28,
    )
    fig.update_xaxes(visible=False, constrain="domain")
    for number in range(lines * across):
        axis = "" if number == 0 else str(number + 1)
        fig.update_layout({f"yaxis{axis}": {"visible": False, "scaleanchor": f"x{axis}", "constrain": "domain"}})
    return fig


# ------------------------------------------------------------------------------------------- regions, classes, scores


def draw_regions(
    regions: Mapping[str, pd.DataFrame], name: str, looks: Mapping[str, theme.Look] | None = None
) -> go.Figure:
    """Draw one class's level by facial region over the face's mean, a bar a run. `regions` are `by_region`'s tables."""
    fig = go.Figure()
    looks = looks or theme.looks(regions)
    for run, table in regions.items():
        mine = table[table["class"] == name]
        fig.add_bar(
            y=mine["region"],
            x=mine["over_mean"],
            name=theme.plain(run),
            orientation="h",
            marker={"color": looks[run].colour, "pattern": {"shape": looks[run].pattern}},
            hovertemplate="%{y}: %{x:.2f} times the face's mean<extra>%{fullData.name}</extra>",
        )
    fig.add_vline(x=1, line={"color": theme.NEUTRAL, "dash": "dot", "width": 1.5})
    # names of runs are long: each stands in a line of its own above the bars
    lines = len(regions) if len(regions) > 1 else 0
    theme.finish(fig, 150 + 7 * (22 + 12 * len(regions)) + 22 * lines, "mean level over the face's mean", "", lines > 0)
    fig.update_layout(legend={"orientation": "v", "traceorder": "normal"}, margin_t=28 + 20 * lines, bargap=0.25)
    return fig.update_yaxes(autorange="reversed", showgrid=False)


def draw_matrix(table: pd.DataFrame, hover: str, top: float | None = None) -> go.Figure:
    """Draw a matrix of classes × classes with its figures written in it; `hover` is what a figure is."""
    return theme.heat(
        table.to_numpy(float),
        list(table.columns),
        list(table.index),
        f"%{{y}}, %{{x}}<br>{hover} %{{z:.3g}}",
        ends=(0, top),
        row=38,
        above=110,
        texttemplate="%{z:.2~g}",
    )


def draw_truth(scored: pd.DataFrame, kind: str, looks: Mapping[str, theme.Look] | None = None) -> go.Figure:
    """Draw one kind's area under the ROC curve by class, a mark a run; filled where the highest vertex truly moves."""
    fig = go.Figure()
    mine = scored[scored["kind"] == kind]
    looks = looks or theme.looks(map(str, mine["run"]))
    for run, of in mine.groupby("run", sort=False):
        tint, symbol = looks[str(run)].colour, looks[str(run)].symbol
        single = of["class"] != "all classes"
        filled = np.where(single & (of["hit"] < 1), f"{symbol}-open", symbol)
        words = [f"highest vertex {'moves' if h == 1 else 'rests'}" for h in of["hit"]]
        words = [w if s else f"pointing game {h:.0%}" for w, s, h in zip(words, single, of["hit"], strict=True)]
        fig.add_scatter(
            x=of["auc"],
            y=of["class"],
            mode="markers",
            name=theme.plain(run),
            marker={"color": tint, "size": 12, "symbol": filled, "line": {"width": 2, "color": tint}},
            text=words,
            hovertemplate="%{y}: AUC %{x:.3f}, %{text}<extra>%{fullData.name}</extra>",
        )
    fig.add_vline(x=0.5, line={"color": theme.NEUTRAL, "dash": "dot", "width": 1.5})
    runs = mine["run"].nunique()
    theme.finish(
        fig, 150 + 36 * mine["class"].nunique() + 22 * runs, "area under the ROC curve over vertices", "", True
    )
    fig.update_layout(legend={"orientation": "v"}, margin_t=28 + 20 * runs)
    fig.update_xaxes(showgrid=True, gridcolor="rgba(135,147,163,0.18)")
    return fig.update_yaxes(autorange="reversed", showgrid=True, gridcolor="rgba(135,147,163,0.12)")
