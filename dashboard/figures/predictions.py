"""Single predictions against the truth: worst samples, traces over time, density, confusion.

`predictions` is predictions.parquet (`affect.record`): a line per sample with true_<target> and pred_<target>.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from affect.record import ALL
from dashboard.figures import recordings, theme
from dashboard.results import names as called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.figures.recordings import Stretch

SIDES = ("true", "pred")

GREY = "rgba(135, 147, 163, 0.22)"
"""Stretches of a recording without a prediction."""
OF_ONE = 2
"""Samples of one recording (else of one group) in a list, so that frames of one clip do not fill it."""
WRITTEN = 0.035
"""Share of the time axis from which a stretch is wide enough for its words."""
DRAWN = 200
"""Stretches that are shaded at most, the longest."""


def targets(predictions: pd.DataFrame) -> list[str]:
    """Return the targets that have a truth and a prediction in numbers, in the table's order."""
    names = [c.removeprefix("true_") for c in predictions.columns if c.startswith("true_")]
    numeric = [n for n in names if f"pred_{n}" in predictions and _is_number(predictions, n)]
    return numeric


def classes(predictions: pd.DataFrame) -> list[str]:
    """Return the targets that are classes: truth and prediction are words."""
    names = [c.removeprefix("true_") for c in predictions.columns if c.startswith("true_")]
    return [n for n in names if f"pred_{n}" in predictions and not _is_number(predictions, n)]


def _is_number(predictions: pd.DataFrame, target: str) -> bool:
    return all(pd.api.types.is_numeric_dtype(predictions[f"{side}_{target}"]) for side in SIDES)


def of_part(predictions: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the samples of one part, renumbered."""
    return predictions[predictions["part"] == part].reset_index(drop=True)


# ----------------------------------------------------------------------------------------------------------- worst


def worst(predictions: pd.DataFrame, target: str, limit: int = 20) -> pd.DataFrame:
    """Return the samples with the largest error, worst first; of one recording at most `OF_ONE`.

    For one target the error is |prediction − truth| in its own unit. For `all` it is the mean over targets of the
    error over the target's range in these samples, in percent of the range, constant targets left out; `worst_target`
    names the one that is off most. Columns: sample, group, sequence, time, (label), error, and true and predicted, or
    worst_target where the target is `all`.
    """
    columns = [c for c in ("sample", "group", "sequence", "time", "label") if c in predictions.columns]
    kept = predictions[columns]
    if target != ALL:
        error = (predictions[f"pred_{target}"] - predictions[f"true_{target}"]).abs()
        kept = kept.assign(error=error, true=predictions[f"true_{target}"], predicted=predictions[f"pred_{target}"])
        return _largest(kept, limit)
    found = relative_errors(predictions)
    if found.empty:
        return kept.assign(error=math.nan, worst_target="").head(0)
    most = found.idxmax(axis=1)
    return _largest(kept.assign(error=found.mean(axis=1), worst_target=most), limit)


def _largest(rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    ordered = rows[rows["error"].notna()].sort_values("error", ascending=False, kind="stable")
    return few_of_one(ordered).head(limit).reset_index(drop=True)


def few_of_one(rows: pd.DataFrame, most: int = OF_ONE) -> pd.DataFrame:
    """Return rows in their order, at most so many of one recording, or of one group where there are no recordings."""
    by = rows["group"].astype(str)
    if "sequence" in rows:
        by = rows["sequence"].astype(object).where(rows["sequence"].notna(), by).astype(str)
    return rows[by.groupby(by).cumcount() < most]


def relative_errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return |prediction − truth| of each target that is not constant, in percent of its range in these samples.

    One row per sample, one column per target; without columns where no target varies, or there is no sample.
    """
    names = [n for n in targets(predictions) if len(predictions) and np.ptp(predictions[f"true_{n}"].to_numpy()) > 0]
    return pd.DataFrame(
        {
            n: 100 * (predictions[f"pred_{n}"] - predictions[f"true_{n}"]).abs() / np.ptp(predictions[f"true_{n}"])
            for n in names
        },
        index=predictions.index,
        dtype=float,
    )


# ----------------------------------------------------------------------------------------------------------- trace


def sequences(predictions: pd.DataFrame) -> list[str]:
    """Return the names of the recordings, in the table's order."""
    return list(dict.fromkeys(predictions["sequence"].dropna().astype(str)))


def trace(predictions: pd.DataFrame, sequence: str, names: Sequence[str]) -> pd.DataFrame:
    """Return one recording over time: sample, part, time, and true_ and pred_ of each name.

    Time is in seconds; where it is not known it is the sample's place in the table, and attrs["unit"] says so.
    """
    of = predictions[predictions["sequence"].astype(str) == sequence]
    known = "time" in of.columns and of["time"].notna().all()
    time = of["time"].astype(float) if known else pd.Series(np.arange(len(of), dtype=float), index=of.index)
    columns = [f"{side}_{n}" for n in names for side in SIDES]
    table = of[["sample", "part"]].assign(time=time).join(of[columns])
    table.attrs["unit"] = "s" if known else "sample"
    return table.sort_values("time", kind="stable").reset_index(drop=True)


def in_one_unit(traces: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return traces of one recording on one axis: seconds where every run knows them, else the samples' places."""
    if len({trace.attrs["unit"] for trace in traces.values()}) < 2:
        return dict(traces)
    samples = dict.fromkeys(sample for trace in traces.values() for sample in trace["sample"])
    places = {sample: float(place) for place, sample in enumerate(samples)}
    found = {name: trace.assign(time=trace["sample"].map(places)) for name, trace in traces.items()}
    for trace in found.values():
        trace.attrs["unit"] = "sample"
    return found


def most_off(traces: Sequence[pd.DataFrame], names: Sequence[str], limit: int) -> list[str]:
    """Return the targets whose error over the truth's range is largest in some traces, in the order of `names`.

    Where all are wanted the order is kept; constant targets come last, for their range is 0.
    """
    if len(names) <= limit:
        return list(names)
    share = {}
    for name in names:
        having = [trace for trace in traces if f"true_{name}" in trace]
        true, pred = (np.concatenate([trace[f"{side}_{name}"].to_numpy(float) for trace in having]) for side in SIDES)
        span = float(np.ptp(true)) if len(true) else 0.0
        share[name] = float(np.abs(pred - true).mean() / span) if span > 0 else -1.0
    largest = set(sorted(names, key=lambda n: -share[n])[:limit])
    return [n for n in names if n in largest]


def truths(traces: Mapping[str, pd.DataFrame], name: str) -> dict[str, pd.DataFrame]:
    """Return the different truths of a target, each under the first run that has it; runs of one data set share it."""
    found: dict[str, pd.DataFrame] = {}
    for run, trace in traces.items():
        if f"true_{name}" not in trace:
            continue
        own = trace.set_index("sample")[f"true_{name}"].astype(float)
        for known in found.values():
            other = known.set_index("sample")[f"true_{name}"].astype(float)
            if own.index.equals(other.index) and np.allclose(own, other, rtol=1e-5, atol=1e-6, equal_nan=True):
                break
        else:
            found[run] = trace
    return found


def draw_traces(
    traces: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    looks: Mapping[str, theme.Look],
    marked: Mapping[str, str] | None = None,
    stretches: Sequence[Stretch] = (),
    words: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw truth and every run's prediction over time, a panel per target. Lines break where there is no sample.

    Parameters
    ----------
    traces : run → what `trace` returns for one recording, all in one unit of time.
    looks : how each run is drawn.
    marked : run → the sample to point at in its colour.
    stretches : where the recording has no prediction; words : kind of stretch → what is missing, such as "no face".
    """
    titles = [theme.plain(called.target(n)) for n in names]
    figure = make_subplots(
        rows=len(names),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=min(0.16, 0.4 / len(names)),
        subplot_titles=titles,
    )
    figure.update_annotations(x=0, xanchor="left", font={"size": 12})
    unit = next(iter(traces.values())).attrs.get("unit", "s")
    # the legend needs a row for two long names, and stands above the first panel's title
    above = 56 + 22 * (len(traces) // 2)
    theme.finish(figure, 54 + above + 150 * len(names))
    figure.update_layout(margin_t=above, legend={"y": 1 + 24 / (150 * len(names)), "yanchor": "bottom"})
    for i, name in enumerate(names, start=1):
        known = truths(traces, name)
        for run, of in known.items():
            word = "truth" if len(known) == 1 else f"truth, {theme.plain(run)}"
            look = theme.Look(theme.NEUTRAL, dash=theme.DASHES[list(known).index(run) % len(theme.DASHES)])
            _line(figure, of, f"true_{name}", word, look, 3, unit, i)
        for run, of in traces.items():
            if f"pred_{name}" not in of:
                continue
            word = "prediction" if len(traces) == 1 else theme.plain(run)
            _line(figure, of, f"pred_{name}", word, looks[run], 2, unit, i)
            sample = (marked or {}).get(run)
            if sample is not None and (of["sample"] == sample).any():
                at = float(of.loc[of["sample"] == sample, "time"].iloc[0])
                figure.add_vline(x=at, line={"color": looks[run].colour, "dash": "dot", "width": 1.5}, row=i, col=1)
    for i, name in enumerate(names, start=1):
        columns = [of[f"{side}_{name}"] for of in traces.values() for side in SIDES if f"{side}_{name}" in of]
        values = [column.to_numpy(float) for column in columns]
        if up := theme.within(np.concatenate(values), titles[i - 1]):
            figure.update_yaxes(range=up["range"], row=i, col=1)
            figure.layout.annotations[i - 1].text = up["title"]["text"]
    _draw_stretches(figure, stretches, words or {}, len(names), [of["time"] for of in traces.values()])
    return figure.update_xaxes(title="time (s)" if unit == "s" else "sample of the recording", row=len(names), col=1)


def _line(
    figure: go.Figure, of: pd.DataFrame, column: str, word: str, look: theme.Look, width: int, unit: str, row: int
) -> None:
    """Draw one column over time in the panel `row`; the legend names each word once."""
    named = {trace.legendgroup for trace in figure.data}
    of = recordings.with_breaks(of)
    figure.add_scatter(
        x=of["time"],
        y=of[column],
        mode="lines+markers",
        name=word,
        legendgroup=word,
        showlegend=word not in named,
        line={"color": look.colour, "width": width, "dash": look.dash},
        marker={"size": 5, "symbol": look.symbol},
        customdata=of["sample"].map(theme.plain),
        hovertemplate=f"%{{customdata}}, %{{x:g}} {unit}<br>{word} %{{y:.4g}}<extra></extra>",
        row=row,
        col=1,
    )


def _draw_stretches(
    figure: go.Figure,
    stretches: Sequence[Stretch],
    words: Mapping[str, str],
    rows: int,
    times: Sequence[pd.Series],
) -> None:
    """Shade each stretch in every panel; what is missing stands in the first panel where the stretch has room for it.

    The words stand upright, so that a stretch of few seconds has room for them on a narrow screen.
    """
    span = float(np.ptp(np.concatenate([time.to_numpy(float) for time in times]))) if stretches else 0.0
    shapes, annotations = [*figure.layout.shapes], [*figure.layout.annotations]
    for one in sorted(stretches, key=lambda one: -one.seconds)[:DRAWN]:
        for row in range(1, rows + 1):
            axis = "" if row == 1 else str(row)
            place = {"x0": one.start, "x1": one.end, "y0": 0, "y1": 1, "xref": f"x{axis}", "yref": f"y{axis} domain"}
            shapes.append({"type": "rect", "fillcolor": GREY, "line": {"width": 0}, "layer": "below", **place})
        if one.end - one.start >= WRITTEN * span:
            text = f"{words.get(one.kind, one.kind)} for {one.seconds:.1f} s"
            place = {"x": (one.start + one.end) / 2, "y": 0.5, "xref": "x", "yref": "y domain", "textangle": -90}
            annotations.append({"text": text, "showarrow": False, "font": {"size": 11}, **place})
    figure.update_layout(shapes=shapes, annotations=annotations)


# --------------------------------------------------------------------------------------------------------- density


def density(predictions: pd.DataFrame, target: str, bins: int = 24) -> pd.DataFrame:
    """Count samples in cells of truth × prediction: true and pred (cells' middles), count; empty cells left out.

    attrs["middles"] has them all. Both axes have the same `bins` cells from the smallest to the largest of all values
    but those far beyond the others, whose samples attrs["beyond"] counts.
    """
    true = predictions[f"true_{target}"].to_numpy(float)
    pred = predictions[f"pred_{target}"].to_numpy(float)
    finite = np.isfinite(true) & np.isfinite(pred)
    true, pred = true[finite], pred[finite]
    if not len(true):
        return pd.DataFrame(columns=["true", "pred", "count"])
    low, high = theme.bulk([*true, *pred], share=theme.MOST) or (0.0, 1.0)
    inside = (true >= low) & (true <= high) & (pred >= low) & (pred <= high)
    beyond, true, pred = int((~inside).sum()), true[inside], pred[inside]
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts, edges, _ = np.histogram2d(true, pred, bins=bins, range=[[low, high], [low, high]])
    middles = (edges[:-1] + edges[1:]) / 2
    i, j = np.nonzero(counts)
    table = pd.DataFrame({"true": middles[i], "pred": middles[j], "count": counts[i, j].astype(int)})
    table.attrs |= {"middles": middles.tolist(), "beyond": beyond}
    return table


def draw_density(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw where truth and prediction meet; points on the dotted line are predicted exactly."""
    axis = table.attrs.get("middles", [])
    # the whole grid, empty cells included: only then are all cells of one size
    z = table.pivot_table(index="pred", columns="true", values="count").reindex(index=axis, columns=axis)
    figure = go.Figure()
    figure.add_heatmap(
        x=axis,
        y=axis,
        z=z,
        hoverongaps=False,
        colorscale=theme.DENSITY,
        colorbar=theme.colour_bar("samples"),
        hovertemplate="truth %{x:.3g}, prediction %{y:.3g}<br>%{z} samples<extra></extra>",
    )
    if axis:
        ends = [axis[0], axis[-1]]
        figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": theme.NEUTRAL, "dash": "dot"}, hoverinfo="skip")
    across = theme.beyond_text(f"truth, {theme.plain(target)}", table.attrs.get("beyond", 0))
    theme.finish(figure, 480, across, f"prediction, {theme.plain(target)}", legend=False)
    return figure.update_layout(margin_b=theme.BAR_AND_TITLE)


# ------------------------------------------------------------------------------------------------------- confusion


def confusion(predictions: pd.DataFrame, target: str) -> pd.DataFrame:
    """Count true classes (lines) × predicted classes (columns), both over every class that occurs, sorted."""
    true, pred = predictions[f"true_{target}"].astype(str), predictions[f"pred_{target}"].astype(str)
    names = sorted({*true, *pred})
    return pd.crosstab(true, pred).reindex(index=names, columns=names, fill_value=0).rename_axis("truth")


def draw_confusion(table: pd.DataFrame) -> go.Figure:
    """Draw a confusion matrix: colour is the share of the true class, the number is the count."""
    total = table.sum(axis=1).replace(0, 1)
    share = table.div(total, axis=0)
    return theme.heat(
        share.to_numpy(float),
        list(table.columns),
        list(table.index),
        "truth %{y}, predicted %{x}<br>%{text} samples, %{z:.0%} of the class",
        ends=(0, 1),
        bar=theme.colour_bar("share", tickformat=".0%"),
        titles=("predicted class", "true class"),
        row=44,
        above=140,
        text=table.to_numpy(),
        texttemplate="%{text}",
    )


def mistakes(predictions: pd.DataFrame, target: str, limit: int = 20) -> pd.DataFrame:
    """Return the samples whose class was missed, the most confident mistakes first; see `OF_ONE`.

    Columns: sample, group, sequence, time, truth, predicted, and where there are probabilities that of both classes.
    """
    true, pred = predictions[f"true_{target}"].astype(str), predictions[f"pred_{target}"].astype(str)
    columns = [c for c in ("sample", "group", "sequence", "time") if c in predictions.columns]
    found = predictions[columns].assign(truth=true, predicted=pred)
    for name, of in (("probability of it", pred), ("probability of the truth", true)):
        known = [f"prob_{label}" in predictions for label in of]
        if all(known):
            places = predictions.columns.get_indexer(pd.Index([f"prob_{label}" for label in of]))
            found[name] = predictions.to_numpy()[np.arange(len(of)), places].astype(float)
    wrong = found[true != pred]
    if "probability of it" in wrong:
        wrong = wrong.sort_values("probability of it", ascending=False, kind="stable")
    return few_of_one(wrong).head(limit).reset_index(drop=True)
