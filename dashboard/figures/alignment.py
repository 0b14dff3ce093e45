"""The tasks by which codes of valence and arousal are judged (alignment.parquet), beside the published figures.

A *column* is one to compare: a run, a study (the mean over its finals), or a publication on one data set. A *row* is
one predictor of one code, among them the trivial ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from affect import metrics
from affect.published import settings_of
from dashboard.figures import theme
from dashboard.results import names
from dashboard.results import published as papers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Task(NamedTuple):
    """One of the tasks that are tables: its number in the source, its name, and what its figures say."""

    number: int
    name: str
    about: str


TASKS = {
    "alignment": Task(
        2,
        "Alignment",
        "How far a reading of z_v is from valence, and of z_a from arousal; combined is the sum. The source does not "
        "say how the numbers of a code meet one label: all readings are given.",
    ),
    "emotion_power": Task(
        3, "Emotion", "How well the emotion is told from one code alone, against chance and the most frequent emotion."
    ),
    "regressive_power": Task(4, "Regressive power", "How well a code gives the axis that it is meant to carry."),
    "inverse_power": Task(
        5, "Inverse power", "How well a code gives the other axis, which it should not: the less the better."
    ),
}
"""Tasks 1, 6 and 7 are pictures: reconstructions, projections and the circumplex."""

PREDICTORS = {
    "chunk_mean": "mean over the code",
    "trained_projection": "trained projection",
    "linear_probe": "linear probe",
    "": "reading not stated",
    "decision_tree": "decision tree",
    "svm": "SVM",
    "fully_connected": "fully connected net",
    "ridge": "ridge",
    "lasso": "lasso",
    "svr": "SVR",
    "mlp": "MLP",
    "chance": "chance",
    "majority": "most frequent class",
    "mean": "train mean",
}
"""Predictors in the order in which they stand, and what they are called; other ones come after them."""
TRIVIAL = ("chance", "majority", "mean")
TARGETS = ("valence", "arousal", "combined", "emotion")
METRICS = ("mse", "mae", "cross_entropy", "ev", "r2", "accuracy")

OPEN = ("diamond-open", "square-open", "triangle-up-open")
"""Markers of publications, one for each data set."""

KEYS = ["code", "target", "predictor"]
MEASURED, PUBLISHED = "measured", "published"


def collect(tables: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """Join alignment.parquet of several columns: name → the tables of its finals, which are averaged.

    Returns column, kind, task, code, predictor, target, metric, value (mean), sd (n − 1 over finals; nan for one), n
    (test samples), note.
    """
    frames = []
    for name, finals in tables.items():
        if not finals:  # none of its tables could be read
            continue
        stacked = pd.concat(finals, ignore_index=True).fillna({"code": "", "note": ""})
        grouped = stacked.groupby(["task", "code", "predictor", "target", "metric"], sort=False)
        found = grouped["value"].mean().to_frame()
        found = found.assign(sd=grouped["value"].std(), n=grouped["n"].max(), note=grouped["note"].first())
        frames.append(found.reset_index().assign(column=name, kind=MEASURED))
    columns = ["column", "kind", "task", *KEYS, "metric", "value", "sd", "n", "note"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def published_rows(published: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return what was published of these methods' tasks, in `collect`'s columns: a column per method and data set.

    `published` is `affect.published.published()`; methods are full paths or names.
    """
    rows = pd.concat([papers.matching(published, method=one) for one in dict.fromkeys(methods)] or [published.head(0)])
    rows = rows[rows["evaluation"].str.contains("task=")]
    found = []
    for row in rows.to_dict("records"):
        about = settings_of(row["evaluation"])
        found.append(
            {
                "column": f"{row['method']}, published on {row['dataset']}",
                "kind": PUBLISHED,
                "task": about["task"],
                "code": about.get("code", ""),
                "target": row["target"],
                "predictor": about.get("predictor", ""),
                "metric": row["metric"],
                "value": row["value"],
                "sd": math.nan,
                "n": math.nan,
                "note": row["note"],
            }
        )
    columns = ["column", "kind", "task", *KEYS, "metric", "value", "sd", "n", "note"]
    return pd.DataFrame(found, columns=columns)


def metrics_of(found: pd.DataFrame, task: str) -> list[str]:
    """Return the metrics that a measured task has, in the usual order."""
    there = set(found.loc[(found["task"] == task) & (found["kind"] == MEASURED), "metric"])
    return [m for m in METRICS if m in there] + sorted(there - set(METRICS))


def of_task(found: pd.DataFrame, task: str, metric: str) -> pd.DataFrame:
    """Return the rows of one task and metric, in the order in which they stand; columns of publications without one go.

    Adds row: the name under which a predictor stands.
    """
    rows = found[(found["task"] == task) & (found["metric"] == metric)]
    places = {column: i for i, column in enumerate(dict.fromkeys(rows["column"]))}
    order = pd.DataFrame(
        {
            "code": rows["code"].map(lambda one: ("z_v", "z_a", one).index(one)),
            "target": rows["target"].map(lambda one: (*TARGETS, one).index(one)),
            "predictor": rows["predictor"].map(lambda one: (*PREDICTORS, one).index(one)),
            "column": rows["column"].map(places),
        }
    ).sort_values(["code", "target", "predictor", "column"], kind="stable")
    rows = rows.loc[order.index]
    return rows.assign(row=[_row(code, target, p) for code, target, p in rows[KEYS].itertuples(index=False)])


def _row(code: str, target: str, predictor: str) -> str:
    arrow = f"{code} → {names.target(target)}" if code else names.target(target)
    return f"{arrow} · {PREDICTORS.get(predictor, names.target(predictor))}"


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `of_task` as a table: code, target, predictor, and each column's values (and ± sd where there are)."""
    index = list(dict.fromkeys(rows["row"]))
    first = rows.drop_duplicates("row").set_index("row").loc[index]
    table = pd.DataFrame(
        {
            "code": first["code"],
            "of": first["target"],
            "predictor": [PREDICTORS.get(p, names.target(p)) for p in first["predictor"]],
        }
    )
    for column in dict.fromkeys(rows["column"]):
        of = rows[rows["column"] == column].drop_duplicates("row").set_index("row")
        table[column] = of["value"].reindex(index)
        if of["sd"].notna().any():
            table[f"± sd, {column}"] = of["sd"].reindex(index)
    if not table["code"].any():
        table = table.drop(columns="code")
    return table.reset_index(drop=True)


def notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes of the rows, each once with the columns that it is about."""
    said = rows[rows["note"] != ""].drop_duplicates(["column", "note"])
    return [f"{' and '.join(of['column'])}: {note}" for note, of in said.groupby("note", sort=False)]


def data_of(rows: pd.DataFrame) -> set[str]:
    """Return the data sets that the publications among the rows are on."""
    said = rows.loc[(rows["kind"] == PUBLISHED) & rows["value"].notna(), "column"]
    return {str(column).rpartition(" on ")[2] for column in said}


def label(metric: str) -> str:
    """Return what a metric is called on an axis, with which way is better."""
    better = "lower is better" if metric == "cross_entropy" else names.better(metric)
    called = metrics.LABEL.get(metric, names.metric(metric)).replace("cross", "Cross")
    return f"{called} ({better})" if better else called


def draw(
    rows: pd.DataFrame,
    methods: Mapping[str, str],
    metric: str,
    inverse: bool = False,
    known: Sequence[str] = (),
) -> go.Figure:
    """Draw `of_task`: a line per predictor, a filled dot per run, an open marker per publication.

    `methods` maps a measured column to its method, whose colour it has by its place in `known`, the store's methods
    (`Index.methods`). Errors that differ by more than a hundred
    times stand on a logarithmic axis.
    """
    index = list(dict.fromkeys(rows["row"]))
    figure = go.Figure()
    data, paths = sorted(data_of(rows)), {names.method(path): path for path in [*known, *methods.values()]}
    looks = theme.looks([*known, *methods.values(), *map(str, rows["column"])])
    for place, (column, of) in enumerate(rows.dropna(subset=["value"]).groupby("column", sort=False)):
        ours = of["kind"].iloc[0] == MEASURED
        # a publication has its method's name alone; a method's colour goes by its path
        method = methods.get(str(column)) or paths.get(str(column).partition(",")[0], str(column))
        symbol = theme.SYMBOLS[place % 3] if ours else OPEN[data.index(str(column).rpartition(" on ")[2]) % len(OPEN)]
        figure.add_scatter(
            x=of["value"],
            y=of["row"],
            mode="markers",
            name=theme.plain(column),
            marker={
                "color": looks[method].colour if method in looks else theme.NEUTRAL,
                "symbol": symbol,
                "size": 11,
                "line": {"width": 0 if ours else 2},
            },
            customdata=[_hover(row) for row in of.itertuples(index=False)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    title = label(metric) if not inverse else label(metric).partition(" (")[0] + " (the other axis: lower is better)"
    above = 22 * rows.dropna(subset=["value"])["column"].nunique() + 20
    theme.finish(figure, 70 + 24 * len(index) + above, theme.plain(title))
    figure.update_layout(
        # from the figure's own edge: names of runs are long, and their beginning is what must be seen on a phone
        legend={"orientation": "v", "xref": "container", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom"},
        margin_t=above,
    )
    values = rows["value"].dropna()
    if metric in ("mse", "mae", "cross_entropy") and len(values) and values.min() > 0:
        figure.update_xaxes(type="log" if values.max() > 100 * values.min() else "linear")
    figure.update_xaxes(showgrid=True, gridcolor="rgba(135,147,163,0.18)")
    trivial = {PREDICTORS[p] for p in TRIVIAL}
    ticks = [f"<i>{theme.plain(row)}</i>" if row.rpartition(" · ")[2] in trivial else theme.plain(row) for row in index]
    return figure.update_yaxes(
        categoryorder="array",
        categoryarray=index,
        autorange="reversed",
        tickvals=index,
        ticktext=ticks,
        tickfont={"size": 12},
        showgrid=True,
        gridcolor="rgba(135,147,163,0.18)",
    )


def _hover(row: object) -> str:
    spread = "" if math.isnan(row.sd) else f" ± {row.sd:.2g} sd over seeds"  # type: ignore[attr-defined]
    on = "" if math.isnan(row.n) else f", {int(row.n)} test samples"  # type: ignore[attr-defined]
    note = f"<br>{theme.plain(row.note)}" if row.note else ""  # type: ignore[attr-defined]
    return f"{theme.plain(row.column)}<br>{theme.plain(row.row)}<br>{row.value:.4g}{spread}{on}{note}"  # type: ignore[attr-defined]
