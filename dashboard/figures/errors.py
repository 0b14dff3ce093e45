"""Feature errors: what each feature's error is, in one or several runs, beside trivial rows and published figures.

Tables here are made from feature_errors.parquet (`affect.record`). A *row* is one line to compare: a run, a study (the
mean over its finals), ``mean`` and ``label_mean`` (the trivial predictions of the same split), or a publication.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect import record
from affect.published import settings_of as published_settings
from dashboard.figures import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METRICS = {"mae_over_range": "MAE over range", "mae": "MAE", "mse": "MSE"}
"""Columns that can be shown and sorted by, and how they are called."""

TRIVIAL = {record.MEAN: "always the mean", record.LABEL_MEAN: "mean of the label"}
PUBLISHED = "published"
OWN = "run"
"""Kinds of rows."""

ALL_FEATURES = "all features"
"""The target under which a publication's own mean over the features stands."""

ORDERS = {**METRICS, "feature": "name", "data": "as in the data"}
"""What features can be sorted by: a metric (largest first), their name, or the data's own order."""


def collect(tables: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Join the feature errors of several rows: name → the tables of its finals, which are averaged.

    Returns row, kind (run, mean, label_mean), feature, mse, mae, mae_over_range (nan for a constant feature), and sd
    (of the MAE over finals, n − 1; nan for one). Trivial rows come once where all runs agree on them, and otherwise
    once per run, named after it.
    """
    frames, trivial = [], []
    for name, finals in tables.items():
        stacked = pd.concat(finals, ignore_index=True)
        kind = stacked["row"].where(stacked["row"].isin(record.BASELINES), OWN)
        grouped = stacked.assign(kind=kind).groupby(["kind", "feature"], sort=False)
        averaged = grouped[list(METRICS)].mean().assign(sd=grouped["mae"].std()).reset_index()
        averaged.insert(0, "row", name)
        frames.append(averaged[averaged["kind"] == OWN])
        trivial.append((name, averaged[averaged["kind"] != OWN].assign(sd=math.nan)))
    for name, rows in trivial:
        same = rows.assign(row=rows["kind"].map(TRIVIAL).fillna(rows["kind"]))
        if _already(frames, same):
            continue
        taken = {label for f in frames for label in f["row"]}
        clash = same["row"].isin(taken)
        frames.append(same.assign(row=same["row"].where(~clash, same["row"] + " · " + name)))
    columns = ["row", "kind", "feature", *METRICS, "sd"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _already(frames: Sequence[pd.DataFrame], rows: pd.DataFrame) -> bool:
    """Return whether an equal set of trivial rows is among the frames (features and MAE within rounding)."""
    if rows.empty:
        return True
    wanted = rows.set_index(["kind", "feature"])["mae"]
    for frame in frames:
        have = frame.set_index(["kind", "feature"])["mae"]
        if wanted.index.isin(have.index).all() and np.allclose(have[wanted.index], wanted, rtol=1e-6, equal_nan=True):
            return True
    return False


def published_rows(published: pd.DataFrame, dataset: str, method: str, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the published feature errors that belong beside a run, in `collect`'s columns, kind ``published``.

    `published` is affect/published_results.csv. A figure belongs where data set and method are the run's and each of
    the figure's settings is the run's; `method` may be the run's full path. ``mae_over_range`` is nan: the sources
    publish no ranges.
    """
    rows = published[
        (published["role"] == "result")
        & (published["dataset"] == dataset)
        & (published["method"] == method.rpartition("/")[2])
        & published["metric"].isin(METRICS)
        & published["settings"].map(lambda text: _within(text, settings))
    ]
    columns = ["row", "kind", "feature", *METRICS, "sd"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    wide = rows.pivot_table(index=["settings", "target"], columns="metric", values="value", sort=False)
    wide = wide.reindex(columns=list(METRICS)).reset_index().rename(columns={"target": "feature"})
    words = wide["settings"].map(lambda text: f"{PUBLISHED} on {dataset}" + (f" ({text})" if text else ""))
    return wide.assign(row=words, kind=PUBLISHED, sd=math.nan)[columns]


def published_on(published: pd.DataFrame, method: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the data sets on which feature errors of this method and these settings were published."""
    names = dict.fromkeys(published.loc[published["role"] == "result", "dataset"])
    return [name for name in names if len(published_rows(published, name, method, settings))]


def _within(text: str, settings: Mapping[str, Any]) -> bool:
    return all(name in settings and str(settings[name]) == value for name, value in published_settings(text).items())


def settings_of(text: str) -> dict[str, Any]:
    """Read a run's tag `settings`; an unreadable one counts as none."""
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


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


def draw_bars(table: pd.DataFrame, metric: str, features: Sequence[str]) -> go.Figure:
    """Draw `metric` of each feature: bars for a run (dots from the third run on), marks for trivial and published."""
    pivot = wide(table, metric, features)
    kinds = table.drop_duplicates("row").set_index("row")["kind"]
    own = [row for row in pivot.columns if kinds[row] == OWN]
    names = [theme.plain(f) for f in pivot.index]
    marks = {record.MEAN: "line-ns", record.LABEL_MEAN: "x-thin", PUBLISHED: "diamond-open"}
    figure = go.Figure()
    for i, row in enumerate(pivot.columns):
        values = pivot[row]
        if values.isna().all():
            continue
        hover = f"%{{y}}<br>{theme.plain(row)}: {METRICS[metric]} %{{x:.4g}}<extra></extra>"
        colour = theme.PALETTE[i % len(theme.PALETTE)] if kinds[row] == OWN else theme.NEUTRAL
        if kinds[row] == OWN and len(own) <= 2:
            figure.add_bar(
                x=values, y=names, name=theme.plain(row), orientation="h", marker={"color": colour}, hovertemplate=hover
            )
            continue
        mark = marks.get(kinds[row], "circle")
        thin = mark != "circle"
        figure.add_scatter(
            x=values,
            y=names,
            name=theme.plain(row),
            mode="markers",
            marker={
                "color": colour if not thin else theme.OTHER if kinds[row] == PUBLISHED else theme.NEUTRAL,
                "symbol": mark,
                "size": 10,
                "line": {"width": 2 if thin else 0, "color": theme.OTHER if kinds[row] == PUBLISHED else theme.NEUTRAL},
            },
            hovertemplate=hover,
        )
    for name, missing in zip(names, pivot[own].isna().all(axis=1), strict=True):
        if missing and own:
            figure.add_annotation(
                x=0, y=name, text="n/a", showarrow=False, xanchor="left", xshift=4, font={"color": theme.NEUTRAL}
            )
    theme.finish(figure, 120 + 24 * len(names), METRICS[metric])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names, tickfont={"size": 11})
    return figure.update_xaxes(rangemode="tozero").update_layout(bargap=0.25)


def over_mean(table: pd.DataFrame, metric: str, features: Sequence[str]) -> pd.DataFrame:
    """Return `wide`, each figure over that of always the mean on the same feature; nan where that is no error at all.

    A run of another split has a mean of its own, which is named after it (`collect`).
    """
    pivot = wide(table, metric, features)
    mean, joined = TRIVIAL[record.MEAN], " · "
    bases = {row: row.partition(joined)[2] for row in pivot.columns if row.startswith(mean)}
    found = {}
    for row in pivot.columns:
        # a run is compared with the mean named after it, its trivial rows end in the same name
        own = next((b for b, name in bases.items() if name and (row == name or row.endswith(joined + name))), mean)
        base = pivot[own] if own in pivot.columns else pd.Series(math.nan, index=pivot.index)
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
    """Draw features × rows as a heat map with the figures written in it; n/a where a metric has no meaning.

    Rows stand under letters, explained in the legend, for names have no room over a column on a phone. The colour is
    the figure over that of always the mean on the same feature and split, which makes features of different units
    comparable; where there is no such ratio the cell is as pale as one that equals the mean.
    """
    pivot = wide(table, metric, features).dropna(axis=1, how="all")
    values = pivot.to_numpy(float)
    known = letters(list(pivot.columns))
    ratio = over_mean(table, metric, features)[pivot.columns]
    times = [["n/a" if math.isnan(v) else f"{v:.2f} ×" for v in row] for row in ratio.to_numpy(float)]
    hover = [["n/a" if math.isnan(v) else f"{v:.4g}" for v in row] for row in values]
    full = [[theme.plain(row) for row in pivot.columns]] * len(pivot)
    figure = go.Figure(
        go.Heatmap(
            z=ratio.fillna(1),
            x=[known[row] for row in pivot.columns],
            y=[theme.plain(f) for f in pivot.index],
            text=[[brief(v) for v in row] for row in values],
            texttemplate="%{text}",
            textfont={"size": 11},
            customdata=np.dstack([full, hover, times]) if len(pivot) else None,
            colorscale=theme.DIVERGING,
            zmin=0,
            zmax=2,
            colorbar=theme.colour_bar("× the mean's"),
            xgap=2,
            ygap=1,
            hovertemplate="%{y}<br>%{customdata[0]}: " + METRICS[metric] + " %{customdata[1]}<br>"
            "%{customdata[2]} that of always the mean<extra></extra>",
        )
    )
    for row, letter in known.items():  # the key is a legend, so that an exported figure can be read too
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=f"{letter} {theme.plain(row)}", marker={"opacity": 0, "size": 1}
        )
    theme.finish(figure, 130 + 22 * len(pivot)).update_layout(
        margin_b=theme.BAR,
        legend={"y": 1 + 24 / (22 * len(pivot) + 1), "itemclick": False, "itemdoubleclick": False, "itemwidth": 30},
    )
    figure.update_xaxes(side="top", showgrid=False, tickangle=0)
    return figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"size": 11})


def examples(table: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return one sample's features beside what was made of them: feature, real, regenerated, difference, over_range.

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
    figure = theme.finish(go.Figure(bar), 100 + 22 * len(table), "(regenerated − real) / range", legend=False)
    figure.update_yaxes(autorange="reversed", tickfont={"size": 11})
    return figure.update_xaxes(zeroline=True, zerolinecolor=theme.NEUTRAL, tickformat="+.0%")
