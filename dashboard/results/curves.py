"""Training curves in numbers: least, mean and standard deviation over the epochs, as a source of the frames tabulates.

That source gives 1 − CCC over the iterations of one training, also of batches of its test videos. Here a curve is of
train or validation; the test part is scored once, after training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from affect.published import settings_of
from affect.record import SELECTED_ON_TEST
from dashboard.results import names, published

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.results.record import Record

CCC = "ccc"
LOSS = "1 − CCC"
STATISTICS = {"one_minus_ccc_min": "min", "one_minus_ccc_mean": "mean", "one_minus_ccc_std": "sd"}
"""Metrics of the published results, and the columns in which they stand."""
COLUMNS = ("curve", "run", "epochs", "min", "mean", "sd", "max", "last")
BESIDE = ("curve", "run", "epochs", "min", "mean", "sd", "note")
PARTS = {"val": "validation", SELECTED_ON_TEST.rstrip("/"): "DIAGNOSTIC, never ranked: test"}


def named(curve: str) -> str:
    """Return what a curve is called: ``val/mae/pleasure`` is validation MAE, pleasure."""
    part, metric, target = _parsed(curve)
    if not metric:
        return curve
    words = f"{PARTS.get(part, part)} {names.metric(metric)}"
    return f"{words}, {names.target(target)}" if target else words


def _parsed(curve: str) -> tuple[str, str, str]:
    part, _, rest = curve.partition("/")
    metric, _, target = rest.partition("/")
    return part, metric, target


def summary(curves: pd.DataFrame, called: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per curve and run: number of epochs, min, mean, sd, max and last value.

    curves : run_id, metric, step, value.  called : run id → name.  The standard deviation is that of a sample (n − 1).
    """
    rows = [(named(metric), called[run_id], *_numbers(of)) for metric, run_id, of in _each(curves, called) if len(of)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def losses(curves: pd.DataFrame, called: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of 1 − CCC over the epochs of each run, for each curve of a CCC; see `BESIDE`."""
    rows = []
    for metric, run_id, of in _each(curves, called):
        part, name, target = _parsed(metric)
        if name == CCC and len(of):
            epochs, least, mean, sd, *_ = _numbers(1 - of)
            of_what = names.target(target) if target else "mean over all targets"
            rows.append((f"{PARTS.get(part, part)} {LOSS}, {of_what}", called[run_id], epochs, least, mean, sd, ""))
    return pd.DataFrame(rows, columns=list(BESIDE))


def _each(curves: pd.DataFrame, called: Mapping[str, str]) -> Iterable[tuple[str, str, pd.Series]]:
    """Yield metric, run id and its finite values in the order of their steps."""
    kept = curves[curves["run_id"].isin(list(called))].sort_values("step", kind="stable")
    for (metric, run_id), of in kept.groupby(["metric", "run_id"], sort=False):
        yield str(metric), str(run_id), of["value"].astype(float).dropna()


def _numbers(values: pd.Series) -> tuple[int, float, float, float, float, float]:
    return (
        len(values),
        float(values.min()),
        float(values.mean()),
        float(values.std(ddof=1)),
        float(values.max()),
        float(values.iloc[-1]),
    )


def in_order(metric_names: Iterable[str], objective: str) -> list[str]:
    """Return curves by name, those of the objective first, of validation before train."""
    return sorted(map(str, metric_names), key=lambda name: (objective not in name, not name.startswith("val"), name))


def best_and_last(curves: pd.DataFrame, owner: Mapping[str, str], rising: bool) -> pd.DataFrame:
    """Return a row a study: its curve's best and last value, each the mean over seeds with its standard deviation.

    curves : run_id, step, value of one metric.  owner : run id → study.  `rising`: whether more is better.
    Columns: study, best, ± sd of best, epoch of the best (median), last, ± sd of last, seeds; the best first.
    """
    found = []
    kept = curves[curves["run_id"].isin(list(owner))].dropna(subset=["value"]).sort_values("step", kind="stable")
    for run_id, of in kept.groupby("run_id", sort=False):
        values = of["value"].astype(float).to_numpy()
        place = int(values.argmax() if rising else values.argmin())
        found.append((owner[str(run_id)], values[place], int(of["step"].iloc[place]), values[-1]))
    table = pd.DataFrame(found, columns=["study", "best", "epoch of the best", "last"])
    grouped = table.groupby("study", sort=False)
    columns = {
        "best": grouped["best"].mean(),
        "± sd of best": grouped["best"].std(),
        "epoch of the best": grouped["epoch of the best"].median(),
        "last": grouped["last"].mean(),
        "± sd of last": grouped["last"].std(),
        "seeds": grouped.size(),
    }
    shown = pd.DataFrame(columns).rename_axis("study").reset_index()
    return shown.sort_values("best", ascending=not rising, kind="stable").reset_index(drop=True)


def published_losses(runs: Iterable[Record]) -> pd.DataFrame:
    """Return what was published of 1 − CCC over a training of the runs' methods: `BESIDE`, and dataset.

    A row per setting and part of the source; `note` says what the source says of it. Empty where nothing was.
    """
    methods = {names.method(run.method) for run in runs if run.method}
    paper = published.table()
    paper = paper[paper["metric"].isin(list(STATISTICS)) & paper["method"].isin(methods)]
    rows = []
    for (dataset, method, settings, part, target), of in paper.groupby(
        ["dataset", "method", "settings", "split", "target"], sort=False
    ):
        values = {STATISTICS[metric]: value for metric, value in zip(of["metric"], of["value"], strict=True)}
        setting = " ".join(f"{key} {value}" for key, value in settings_of(str(settings)).items())
        called = f"published: {' · '.join(filter(None, (str(method), setting)))}, on {dataset}"
        note = "; ".join(dict.fromkeys([*of["note"], *of["source"]]))
        rows.append(
            {"curve": f"{part} {LOSS}, {target}", "run": called, **values, "note": note, "dataset": str(dataset)}
        )
    return pd.DataFrame(rows, columns=[*BESIDE, "dataset"])
