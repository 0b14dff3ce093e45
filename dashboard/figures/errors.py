"""Feature errors: what each feature's error is, in one or several runs, with baselines and published errors.

Tables here are made from feature_errors.parquet (`affect.record`). A *row* is what is compared: a run, a study (the
mean over its finals), a baseline of the same split, or a publication.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import record
from dashboard.figures import theme
from dashboard.results import names
from dashboard.results import published as papers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METRICS = {"mae_over_range": "MAE over range", "mae": "MAE", "mse": "MSE"}
"""Columns that can be shown and sorted by, and how they are called."""

COLUMNS = ["row", "kind", "feature", "mse", "mae", "mae_over_range", "sd", "split"]
NO_SPLIT = -1
"""The split of a row that is of no run's split: a publication."""
PUBLISHED = "published"
OWN = "run"
"""Kinds of rows."""

ALL_FEATURES = "all features"
"""The target under which a publication's own mean over the features stands."""

ORDERS = {**METRICS, "feature": "name", "data": "as in the data"}
"""What features can be sorted by: a metric (largest first), their name, or the data's own order."""


def collect(tables: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Join the feature errors of several rows: name → the tables of its finals, which are averaged.

    Returns `COLUMNS`: kind is run, mean or label_mean; mae_over_range is nan for a constant feature, sd is of the MAE
    over finals (n − 1; nan for one). Runs with equal baselines are of one `split`, a number; its baselines come once,
    named after its first run where there are several splits.
    """
    runs: list[pd.DataFrame] = []
    baselines: list[tuple[str, pd.DataFrame]] = []
    for name, finals in tables.items():
        stacked = pd.concat(finals, ignore_index=True)
        kind = stacked["row"].where(stacked["row"].isin(record.BASELINES), OWN)
        grouped = stacked.assign(kind=kind).groupby(["kind", "feature"], sort=False)
        averaged = grouped[list(METRICS)].mean().assign(sd=grouped["mae"].std()).reset_index()
        own, other = averaged[averaged["kind"] == OWN], averaged[averaged["kind"] != OWN].assign(sd=math.nan)
        split = next((i for i, (_, known) in enumerate(baselines) if _same(known, other)), len(baselines))
        if split == len(baselines):
            baselines.append((name, other))
        runs.append(own.assign(row=name, split=split))
    several = sum(len(rows) > 0 for _, rows in baselines) > 1
    named = [
        rows.assign(row=rows["kind"].map(names.BASELINES) + (f" · {name}" if several else ""), split=split)
        for split, (name, rows) in enumerate(baselines)
    ]
    frames = [frame for frame in [*runs, *named] if len(frame)]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def _same(known: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """Return whether two runs' baselines are equal (features and MAE within rounding), so that one split made them."""
    have, wanted = (frame.set_index(["kind", "feature"])["mae"] for frame in (known, rows))
    if not have.index.sort_values().equals(wanted.index.sort_values()):
        return False
    return bool(np.allclose(have.reindex(wanted.index), wanted, rtol=1e-6, equal_nan=True))


def published_rows(published: pd.DataFrame, dataset: str, method: str, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the published feature errors that belong beside a run, in `collect`'s columns, kind ``published``.

    `published` is `affect.published.published()`; what belongs is what `dashboard.results.published.matching` says.
    ``mae_over_range`` is nan: the sources publish no ranges.
    """
    rows = papers.matching(published, dataset, method, settings)
    rows = rows[rows["metric"].isin(METRICS)]
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    wide = rows.pivot_table(index=["settings", "target"], columns="metric", values="value", sort=False)
    wide = wide.reindex(columns=list(METRICS)).reset_index().rename(columns={"target": "feature"})
    words = wide["settings"].map(lambda text: f"{PUBLISHED} on {dataset}" + (f" ({text})" if text else ""))
    return wide.assign(row=words, kind=PUBLISHED, sd=math.nan, split=NO_SPLIT)[COLUMNS]


def published_on(published: pd.DataFrame, method: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the data sets on which feature errors of this method and these settings were published."""
    rows = papers.matching(published, method=method, settings=settings)
    return list(dict.fromkeys(rows.loc[rows["metric"].isin(METRICS), "dataset"]))


def order(table: pd.DataFrame, by: str, row: str | None = None) -> list[str]:
    """Return the features in the order to show them: by a metric of `row` (largest first, n/a last), name, or data.

    `row` defaults to the first row. Features that only a publication has (such as ``all features``) come last.
    """
    if by not in ORDERS:
        raise ValueError(f"no order {by!r}; known: {', '.join(ORDERS)}")
    features = list(dict.fromkeys(table["feature"]))
    if by == "data":
        return features
    if by == "feature":
        return sorted(features)
    first = row if row is not None else (table["row"].iloc[0] if len(table) else "")
    values = table[table["row"] == first].set_index("feature")[by].reindex(features)
    return list(values.sort_values(ascending=False, na_position="last", kind="stable").index)


def wide(table: pd.DataFrame, metric: str, features: Sequence[str]) -> pd.DataFrame:
    """Return one line per feature in the given order, one column per row with `metric` in it."""
    pivot = table.pivot_table(index="feature", columns="row", values=metric, sort=False, dropna=False)
    return pivot.reindex(index=list(features), columns=list(dict.fromkeys(table["row"])))


def shown(table: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return the table under the figure: feature, then each row's metrics; n/a where a metric has no meaning.

    Figures stay numbers where a whole column has them, so that a download keeps full precision.
    """
    frames = []
    for row in dict.fromkeys(table["row"]):
        of = table[table["row"] == row].set_index("feature").reindex(list(features))
        kept = [m for m in ("mse", "mae", "mae_over_range") if of[m].notna().any()]
        frames.append(of[kept].rename(columns=lambda m, row=row: f"{METRICS[m]} · {row}"))
    joined = pd.concat(frames, axis=1) if frames else pd.DataFrame()
    return joined.rename_axis("feature").reset_index()


def overall(table: pd.DataFrame) -> pd.DataFrame:
    """Return each row's mean over its features: row, kind, mse, mae, mae_over_range, features, and not_applicable.

    `features` counts the features behind the means; a constant feature has no MAE over range and is counted in
    `not_applicable`. A publication's own average over all features stands as it was published.
    """
    whole = table[table["feature"] == ALL_FEATURES].set_index("row")
    single = table[table["feature"] != ALL_FEATURES]
    grouped = single.groupby(["row", "kind"], sort=False)
    found = grouped[["mse", "mae", "mae_over_range"]].mean()
    found["features"] = grouped.size()
    has_range = grouped["mae_over_range"].transform(lambda values: values.notna().any())
    found["not_applicable"] = (
        (single["mae_over_range"].isna() & has_range).groupby([single["row"], single["kind"]], sort=False).sum()
    )
    found = found.reset_index()
    stated = found["row"].map(whole["mae"]) if len(whole) else pd.Series(math.nan, index=found.index)
    return found.assign(mae=stated.where(stated.notna(), found["mae"]))


def verdict(overall: pd.DataFrame, metric: str) -> str:
    """Say each row's mean over the features in one sentence; `overall` is what the function of that name returns."""
    said = [f"{row} {value:.4g}" for row, value in zip(overall["row"], overall[metric], strict=True) if value == value]
    own = overall[overall["kind"] == OWN]
    out = int(own["not_applicable"].max()) if len(own) and metric == "mae_over_range" else 0
    constant = f" {out} constant feature{'s have' if out > 1 else ' has'} no range (n/a)." if out else ""
    return f"{METRICS[metric]}, mean over the features: {'; '.join(said)}.{constant}" if said else ""


def named(overall: pd.DataFrame) -> pd.DataFrame:
    """Return `overall` under the words that a reader sees."""
    words = {"row": "row", "features": "features", "not_applicable": "without a range"}
    metrics = {m: METRICS[m] for m in ("mse", "mae", "mae_over_range")}
    shown = overall.rename(columns={**words, **metrics}).drop(columns="kind")
    return shown[["row", *metrics.values(), "features", "without a range"]]


# ------------------------------------------------------------------------------------------------------- drawings


def draw_bars(
    table: pd.DataFrame, metric: str, features: Sequence[str], looks: Mapping[str, theme.Look] | None = None
) -> go.Figure:
    """Draw `metric` of each feature: bars for a run (dots from the third run on), marks for the others."""
    pivot = wide(table, metric, features)
    kinds = table.drop_duplicates("row").set_index("row")["kind"]
    own = [row for row in pivot.columns if kinds[row] == OWN]
    looks = looks or theme.looks(own)
    called = [theme.plain(f) for f in pivot.index]
    marks = {record.MEAN: "line-ns", record.LABEL_MEAN: "x-thin", PUBLISHED: "diamond-open"}
    figure = go.Figure()
    for row in pivot.columns:
        values = pivot[row]
        if values.isna().all():
            continue
        hover = f"%{{y}}<br>{theme.plain(row)}: {METRICS[metric]} %{{x:.4g}}<extra></extra>"
        look = looks[row] if kinds[row] == OWN else theme.Look(theme.NEUTRAL)
        if kinds[row] == OWN and len(own) <= 2:
            figure.add_bar(
                x=values,
                y=called,
                name=theme.plain(row),
                orientation="h",
                marker={"color": look.colour, "pattern": {"shape": look.pattern}},
                hovertemplate=hover,
            )
            continue
        mark = marks.get(kinds[row], look.symbol)
        thin = kinds[row] != OWN
        figure.add_scatter(
            x=values,
            y=called,
            name=theme.plain(row),
            mode="markers",
            marker={
                "color": look.colour if not thin else theme.OTHER if kinds[row] == PUBLISHED else theme.NEUTRAL,
                "symbol": mark,
                "size": 10,
                "line": {"width": 2 if thin else 0, "color": theme.OTHER if kinds[row] == PUBLISHED else theme.NEUTRAL},
            },
            hovertemplate=hover,
        )
    for name, missing in zip(called, pivot[own].isna().all(axis=1), strict=True):
        if missing and own:
            figure.add_annotation(
                x=0, y=name, text="n/a", showarrow=False, xanchor="left", xshift=4, font={"color": theme.NEUTRAL}
            )
    theme.finish(figure, 120 + 24 * len(called), METRICS[metric])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=called, tickfont={"size": 11})
    if metric == "mae_over_range":  # the others are in each feature's own unit, and may lie far apart
        beyond = theme.within(pivot, METRICS[metric], "high")
        figure.update_xaxes(beyond | ({"range": [0, beyond["range"][1]]} if beyond else {}))
    return figure.update_xaxes(rangemode="tozero").update_layout(bargap=0.25)


def over_mean(table: pd.DataFrame, metric: str, features: Sequence[str]) -> pd.DataFrame:
    """Return `wide`, each error over that of predicting the train mean of the same feature and the row's own split.

    Nan where that baseline is missing or has no error at all. A publication, which is of no split here, is over the
    first split's mean.
    """
    pivot = wide(table, metric, features)
    rows = table.drop_duplicates("row").set_index("row")
    means = {rows.at[row, "split"]: row for row in pivot.columns if rows.at[row, "kind"] == record.MEAN}
    first = next(iter(means.values()), None)
    found = {}
    for row in pivot.columns:
        own = first if rows.at[row, "split"] == NO_SPLIT else means.get(rows.at[row, "split"])
        base = pivot[own] if own is not None else pd.Series(math.nan, index=pivot.index)
        found[row] = pivot[row] / base.where(base > 1e-9)
    return pd.DataFrame(found, index=pivot.index)


def letters(rows: Sequence[str]) -> dict[str, str]:
    """Return row → the letter that stands for it over a column of the heat map (A … Z, then A1 …)."""
    return {row: chr(65 + i % 26) + (str(i // 26) if i >= 26 else "") for i, row in enumerate(rows)}


def brief(value: float) -> str:
    """Write an error in at most four characters: ``.14``, ``2.3``, ``31``, ``0``, ``n/a``."""
    if math.isnan(value):
        return "n/a"
    if value < 0.9995:
        return f"{value:.2f}"[1:] if value >= 0.005 else "0"
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def draw_heat(table: pd.DataFrame, metric: str, features: Sequence[str]) -> go.Figure:
    """Draw features × rows as a heat map with the errors written in it; n/a where a metric has no meaning.

    Rows stand under letters, explained in the legend, for names have no room over a column on a phone. The colour is
    the error over that of predicting the train mean on the same feature and split, which makes features of different
    units comparable; where there is no such ratio the cell is as grey as one that equals the mean.
    """
    pivot = wide(table, metric, features).dropna(axis=1, how="all")
    values = pivot.to_numpy(float)
    known = letters(list(pivot.columns))
    ratio = over_mean(table, metric, features)[pivot.columns]
    times = [["n/a" if math.isnan(v) else f"{v:.2f} ×" for v in row] for row in ratio.to_numpy(float)]
    hover = [["n/a" if math.isnan(v) else f"{v:.4g}" for v in row] for row in values]
    full = [[theme.plain(row) for row in pivot.columns]] * len(pivot)
    figure = theme.heat(
        ratio.fillna(1).to_numpy(float),
        [known[row] for row in pivot.columns],
        list(pivot.index),
        "%{y}<br>%{customdata[0]}: " + METRICS[metric] + " %{customdata[1]}<br>"
        "%{customdata[2]} that of predicting the train mean",
        scale=theme.DIVERGING,
        ends=(0, 2),
        bar=theme.colour_bar("× the mean's"),
        top=True,
        text=[[brief(v) for v in row] for row in values],
        texttemplate="%{text}",
        textfont={"size": 11},
        customdata=np.dstack([full, hover, times]) if len(pivot) else None,
        ygap=1,
    )
    for row, letter in known.items():  # the key is a legend, so that an exported figure can be read too
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=f"{letter} {theme.plain(row)}", marker={"opacity": 0, "size": 1}
        )
    figure.update_layout(
        showlegend=True,
        margin_t=28,
        legend={"y": 1 + 24 / (22 * len(pivot) + 1), "itemclick": False, "itemdoubleclick": False, "itemwidth": 30},
    )
    figure.update_xaxes(tickangle=0)
    return figure.update_yaxes(tickfont={"size": 11})


def examples(table: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return one sample's features and what was made of them: feature, real, regenerated, difference, over_range.

    `table` is one run's feature_errors.parquet. over_range is the difference over the feature's range (from mae and
    mae_over_range); nan for a constant feature or one without any error.
    """
    of = table[~table["row"].isin(record.BASELINES)].set_index("feature").reindex(list(features)).dropna(how="all")
    difference = of["example_pred"] - of["example_true"]
    span = (of["mae"] / of["mae_over_range"]).replace([np.inf, 0], math.nan)
    found = {
        "real": of["example_true"],
        "regenerated": of["example_pred"],
        "difference": difference,
        "over_range": difference / span,
    }
    return pd.DataFrame(found).rename_axis("feature").reset_index()


def draw_examples(table: pd.DataFrame) -> go.Figure:
    """Draw regenerated − real of one sample over each feature's range; 0 is a perfect copy."""
    bar = go.Bar(
        x=table["over_range"],
        y=[theme.plain(f) for f in table["feature"]],
        orientation="h",
        marker={"color": np.where(table["over_range"] > 0, theme.OTHER, theme.ACCENT)},
        customdata=table[["real", "regenerated", "difference"]],
        hovertemplate="%{y}<br>real %{customdata[0]:.4g}, regenerated %{customdata[1]:.4g}<br>"
        "difference %{customdata[2]:+.4g} (%{x:+.1%} of the range)<extra></extra>",
    )
    title = "(regenerated − real) / range"
    figure = theme.finish(go.Figure(bar), 100 + 22 * len(table), title, legend=False)
    figure.update_xaxes(theme.within(table["over_range"], title))
    figure.update_yaxes(autorange="reversed", tickfont={"size": 11})
    return figure.update_xaxes(zeroline=True, zerolinecolor=theme.NEUTRAL, tickformat="+.0%")
