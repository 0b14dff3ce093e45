"""The leaderboard: studies of one protocol, beside trivial rows and published figures.

A row's figure is the mean over a study's final runs on test. Rows of different protocols are never ranked against each
other; trivial and published rows are never ranked at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import metrics, record
from affect.published import RESULT as PUBLISHED_RESULT
from affect.published import settings_of
from affect.record import Kind, State
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEASURED, TRIVIAL, PUBLISHED = "measured", "trivial", "published"
TRIVIAL_LABEL = {
    record.MEAN: "always the mean",
    record.LABEL_MEAN: "mean of the label",
    record.MAJORITY: "always the most frequent class",
}
COLUMNS = (
    "rank",
    "row",
    "settings",
    "value",
    "sd",
    "low",
    "high",
    "groups",
    "seeds",
    "study",
    "kind",
    "note",
    "ended",
    "method",
    "run_id",
)
TRIVIAL_ROW = "trivial row"
NEWEST = ("method", "settings", "protocol", "metric", "value", "± sd", TRIVIAL_ROW, "data", "ended", "run_id")
"""Columns of the newest results; the trivial row is always the mean, of classes the most frequent one."""


# ------------------------------------------------------------------------------------------------------- the rows


def measured(runs: pd.DataFrame, metric: str, target: str) -> pd.DataFrame:
    """Return one row a study that has a test figure of this metric and target, best first, unranked."""
    name = record.metric("test", metric, target)
    studies = runs[(runs["kind"] == Kind.STUDY)]
    if name not in studies:
        return pd.DataFrame(columns=list(COLUMNS))
    studies = studies[studies[name].notna()]
    finals = runs[(runs["kind"] == Kind.FINAL) & (runs["state"] == State.COMPLETE)]
    seeds = finals.groupby("parent").size() if len(finals) else pd.Series(dtype=int)
    shared = names.shared_settings(studies["settings"]) if len(studies) > 1 else set()

    def figure(aspect: str) -> pd.Series:
        column = record.metric("test", metric, target, aspect)
        return studies[column] if column in studies else pd.Series(math.nan, index=studies.index)

    said = studies["groups"].map(names.test_groups).astype(float)
    rows = pd.DataFrame(
        {
            "rank": "",
            "row": studies["method"].map(names.method),
            "settings": studies["settings"].map(lambda value: names.settings(value, hide=shared)),
            "value": studies[name].astype(float),
            "sd": figure(record.SD).astype(float),
            "low": figure(record.LOW).astype(float),
            "high": figure(record.HIGH).astype(float),
            "groups": figure(record.N_GROUPS).astype(float).fillna(said),
            "seeds": seeds.reindex(studies.index).fillna(0).astype(int),
            "study": studies["study"].astype(str),
            "kind": MEASURED,
            "note": studies["note"].fillna(""),
            "ended": studies["end"],
            "method": studies["method"],
            "run_id": studies.index,
        }
    )
    rows = rows.sort_values("value", ascending=metrics.DIRECTION.get(metric) != "maximize", kind="stable")
    return rows.reset_index(drop=True)


def ranked(rows: pd.DataFrame, ranks: Mapping[str, int]) -> pd.DataFrame:
    """Write ranks (run id → rank, shared where a paired test cannot tell two apart) into measured rows."""
    count: dict[int, int] = {}
    for rank in ranks.values():
        count[rank] = count.get(rank, 0) + 1
    text = [f"{r} =" if count[r] > 1 else str(r) for r in (ranks[i] for i in rows["run_id"])]
    return rows.assign(rank=text)


def trivial(runs: pd.DataFrame, metric: str, target: str) -> pd.DataFrame:
    """Return the rows that need no method: the mean, the mean of the label, the most frequent class.

    They depend on the split alone, so the newest study's figures stand for all studies of the protocol.
    """
    studies = runs[runs["kind"] == Kind.STUDY].sort_values("start", ascending=False)
    found = []
    for aspect in record.BASELINES:
        column = record.metric("test", metric, target, aspect)
        values = studies[column].dropna() if column in studies else pd.Series(dtype=float)
        if len(values):
            found.append(_row(TRIVIAL_LABEL[aspect], float(values.iloc[0]), TRIVIAL, ""))
    return pd.DataFrame(found, columns=list(COLUMNS))


def published(table: pd.DataFrame, runs: pd.DataFrame, metric: str, target: str, full: bool = False) -> pd.DataFrame:
    """Return what was published on this data for the methods among `runs`, with its source and its caveats.

    `table` is `affect.published.published()`. The mean over all targets is the published one, or, where only single
    targets were published, their mean: the note says so. `full` keeps settings as published (``latent_size=1``).
    What was published of predictors that were fitted on codes is no figure of the method itself.
    """
    own = table["evaluation"].map(lambda text: settings_of(text).get("task", ALIGNMENT) == ALIGNMENT)
    table = table[own.astype(bool)]
    studies = runs[runs["kind"] == Kind.STUDY]
    found = []
    pairs = studies[["dataset", "method", "targets"]].drop_duplicates()
    for dataset, method, targets in pairs.itertuples(index=False):
        mine = table[
            (table["dataset"] == dataset)
            & (table["method"] == names.method(method))
            & (table["metric"] == metric)
            & (table["role"] == PUBLISHED_RESULT)
        ]
        for settings, group in mine.groupby("settings", dropna=False, sort=True):
            row = _published_figure(group, target, names.loads(targets, []))
            if row is not None:
                value, note = row
                text = settings if full else settings.replace(";", " · ").replace("=", " ").replace("_", " ")
                found.append(_row(names.method(method), value, PUBLISHED, note, settings=text, method=method))
    return pd.DataFrame(found, columns=list(COLUMNS)).drop_duplicates(["row", "settings", "value"])


OVERALL = ("all", "all features", "mean of both axes")
"""What publications call the mean over all targets. Their "combined" is a sum."""
ALIGNMENT = "alignment"
"""The one of the published tasks (`evaluation`) that is of the method's own predictions."""


def _published_figure(group: pd.DataFrame, target: str, targets: list[str]) -> tuple[float, str] | None:
    wanted = group[group["target"].isin(OVERALL) if target == record.ALL else group["target"] == target]
    extra = ""
    if wanted.empty and target == record.ALL and targets and set(targets) <= set(group["target"]):
        wanted = group[group["target"].isin(targets)]
        extra = f"mean of {len(targets)} published figures" if len(targets) > 1 else ""
    if wanted.empty:
        return None
    first = wanted.iloc[0]
    parts = [
        first["bound"],
        extra,
        f"split {first['split']}" if first["split"] else "",
        first["note"],
        first["source"],
    ]
    return float(wanted["value"].mean()), "; ".join(str(p) for p in parts if names.present(p))


def _row(row: str, value: float, kind: str, note: str, settings: str = "", method: str = "") -> dict[str, Any]:
    blank = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("sd", "low", "high", "groups", "seeds"), math.nan)
    filled = {"row": row, "settings": settings, "value": value, "kind": kind, "note": note, "method": method}
    return blank | {"ended": pd.NaT, "rank": "–"} | filled


def board(parts: Sequence[pd.DataFrame], metric: str) -> pd.DataFrame:
    """Put measured, trivial and published rows into one table, best first."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = pd.concat([part.astype(object) for part in filled], ignore_index=True)
    for column in ("value", "sd", "low", "high", "groups", "seeds"):
        rows[column] = pd.to_numeric(rows[column])
    rows["ended"] = pd.to_datetime(rows["ended"], utc=True)
    rising = metrics.DIRECTION.get(metric) != "maximize"
    return rows.sort_values("value", ascending=rising, kind="stable").reset_index(drop=True)


def readable(rows: pd.DataFrame, metric: str, group_kind: str) -> pd.DataFrame:
    """Return the table of a board as a page shows it: readable columns, and none that is empty."""
    label = f"test {names.metric(metric)}"
    shown = {
        "rank": "rank",
        "row": "method",
        "settings": "settings",
        "value": label,
        "sd": "± sd over seeds",
        "low": "95 % low",
        "high": "95 % high",
        "groups": f"{group_kind}s",
        "seeds": "seeds",
        "kind": "row is",
        "note": "notes",
        "study": "study",
        "ended": "ended",
    }
    empty = [c for c in ("settings", "note") if not rows[c].map(names.present).any()]
    return rows[list(shown)].drop(columns=empty).rename(columns=shown)


def newest(runs: pd.DataFrame, now: pd.Timestamp, limit: int = 15) -> pd.DataFrame:
    """Return the studies that ended last, with what they found: one row each, newest first."""
    studies = runs[(runs["kind"] == Kind.STUDY) & (runs["state"] == State.COMPLETE) & ~runs["archived"]]
    studies = studies.sort_values("end", ascending=False).head(limit)

    def figure(run: pd.Series, aspect: str = "") -> float:
        return names.number(run.get(record.metric("test", str(run["objective"]), record.ALL, aspect)))

    rows = [
        {
            "method": names.method(run["method"]),
            "settings": names.settings(run["settings"]),
            "protocol": str(run["protocol"]),
            "metric": f"test {names.metric(str(run['objective']))}",
            "value": figure(run),
            "± sd": figure(run, record.SD),
            TRIVIAL_ROW: figure(run, record.MAJORITY if names.present(run.get("classes")) else record.MEAN),
            "data": "SYNTHETIC" if run["synthetic"] else "REAL",
            "ended": names.ago(run["end"], now),
            "run_id": run_id,
        }
        for run_id, run in studies.iterrows()
    ]
    return one_metric(pd.DataFrame(rows, columns=list(NEWEST)))


def one_metric(table: pd.DataFrame) -> pd.DataFrame:
    """Name the column `value` after the metric where all rows have the same one, and leave out `metric`."""
    if table["metric"].nunique() != 1:
        return table
    return table.rename(columns={"value": table["metric"].iloc[0]}).drop(columns="metric")
