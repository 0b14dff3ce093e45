"""Which protocols a store has, and the studies and finals of one of them.

Runs of different protocols are never ranked against each other: a leaderboard is always of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from affect import metrics, record
from affect.record import Kind, State
from dashboard.results import names

if TYPE_CHECKING:
    from collections.abc import Sequence


def labels(runs: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return label → (protocol, protocol_id) of the protocols that have a study, the most recently used first.

    Two protocols may have the same readable name, for instance when the data changed. The one that came first keeps
    the plain name, so that its links stay true; later ones have the first letters of their hash after it.
    """
    studies = runs.loc[runs["kind"] == Kind.STUDY, ["protocol", "protocol_id", "start"]].dropna()
    studies = studies.astype({"protocol": "str", "protocol_id": "str"})
    times = studies.groupby(["protocol", "protocol_id"])["start"].agg(["min", "max"]).reset_index()
    times = times.sort_values("min", kind="stable")
    name, hashed = times["protocol"], times["protocol_id"]
    times["label"] = name.where(~times.duplicated("protocol"), name + " · " + hashed.str[:6])
    times = times.sort_values("max", ascending=False, kind="stable")
    return {str(row.label): (str(row.protocol), str(row.protocol_id)) for row in times.itertuples()}


def label_of(runs: pd.DataFrame, run_id: str) -> str:
    """Return the label of a run's protocol; empty where it has none."""
    pair = (str(runs.at[run_id, "protocol"]), str(runs.at[run_id, "protocol_id"]))
    return next((label for label, known in labels(runs).items() if known == pair), "")


def protocols(runs: pd.DataFrame) -> list[str]:
    """Return the labels of the protocols that have a study, the most recently used first."""
    return list(labels(runs))


def of_protocol(
    runs: pd.DataFrame, label: str, archived: bool = False, figures: Sequence[tuple[str, str]] | None = None
) -> pd.DataFrame:
    """Return the studies and finals of a protocol by its label, without archived ones unless asked for.

    `figures`, pairs of metric and target, are the only test figures kept; None keeps all. A store may have thousands
    of columns, and a leaderboard needs eight. Finals of an archived study go with it.
    """
    protocol, identity = labels(runs).get(label, ("", ""))
    mine = (runs["protocol"] == protocol) & (runs["protocol_id"] == identity)
    mine &= (runs["kind"] == Kind.STUDY) | (runs["kind"] == Kind.FINAL)
    return shown(runs[columns(runs, figures)][mine], archived)


def shown(runs: pd.DataFrame, archived: bool) -> pd.DataFrame:
    """Return the runs without those that were put aside and those below them; all of them where `archived`."""
    hidden = runs["archived"] | runs["parent"].isin(runs.index[runs["archived"]])
    return runs if archived else runs[~hidden]


def columns(runs: pd.DataFrame, figures: Sequence[tuple[str, str]] | None = None) -> list[str]:
    """Return the columns of a run table that are tags, times and, of test figures, those asked for (None: all)."""
    if figures is None:
        return [c for c in map(str, runs) if not c.startswith(("param.", "val", "train", "cost/"))]
    wanted = [record.metric("test", m, t, a) for m, t in figures for a in ("", *record.ASPECTS)]
    return [c for c in (*record.TAGS, "parent", "name", "user", "start", "end", *wanted) if c in runs]


def measures(runs: pd.DataFrame, label: str) -> tuple[list[str], list[str]]:
    """Return the metrics and the targets that a protocol's studies have test figures of.

    Metrics come in the order of `affect.metrics`, the mean over all targets comes before single ones.
    """
    studies = _studies(runs, label)
    taken = [record.parse_metric(c) for c in studies.columns if c.startswith("test/") and studies[c].notna().any()]
    found = [t for t in taken if t is not None]
    known = [m for m in (*metrics.REGRESSION, *metrics.CLASSIFICATION) if any(t.metric == m for t in found)]
    others = sorted({t.metric for t in found} - set(known))
    order: list[str] = []
    for value in studies["targets"]:
        order += [t for t in names.loads(value, []) if t not in order]
    there = {t.target for t in found}
    rest = sorted(there - set(order) - {record.ALL})
    return known + others, [t for t in (record.ALL, *order, *rest) if t in there]


def having(runs: pd.DataFrame, label: str, metric: str, targets: Sequence[str]) -> list[str]:
    """Return those of `targets` that a protocol's studies have test figures of this metric for.

    A weighed sum is none of them: two methods weigh differently.
    """
    studies = _studies(runs, label)
    columns = {target: record.metric("test", metric, target) for target in targets if target != record.WEIGHED}
    return [target for target, name in columns.items() if name in studies and studies[name].notna().any()]


def from_predictions(runs: pd.DataFrame, target: str) -> bool:
    """Say whether a target has a figure of each sample, and not of an evaluation alone (such as rotated meshes)."""
    return target in (record.ALL, record.PICTURE) or any(
        target in names.loads(value, []) for value in runs["targets"].dropna().unique()
    )


def different(runs: pd.DataFrame, label: str, targets: Sequence[str]) -> list[str]:
    """Return `targets` without the one of the data where it has but one: their mean is the same figure."""
    own = {t for value in _studies(runs, label)["targets"] for t in names.loads(value, [])}
    return [t for t in targets if len(own) > 1 or t not in own or record.ALL not in targets]


def objective(runs: pd.DataFrame, label: str) -> str | None:
    """Return the metric that the newest study of a protocol optimised, or None."""
    named = _studies(runs[["kind", "protocol", "protocol_id", "objective", "start"]], label)
    named = named.dropna(subset="objective")
    return str(named.sort_values("start")["objective"].iloc[-1]) if len(named) else None


def _studies(runs: pd.DataFrame, label: str) -> pd.DataFrame:
    protocol, identity = labels(runs).get(label, ("", ""))
    mine = (runs["protocol"] == protocol) & (runs["protocol_id"] == identity)
    return runs[mine & (runs["kind"] == Kind.STUDY)]


def finals(runs: pd.DataFrame, study: str) -> pd.DataFrame:
    """Return a study's complete final runs by seed."""
    mine = runs[(runs["parent"] == study) & (runs["kind"] == Kind.FINAL) & (runs["state"] == State.COMPLETE)]
    return mine.sort_values("seed")


def times_scored(runs: pd.DataFrame) -> int:
    """Return how many studies have scored the test set of these runs' protocol, archived ones included."""
    finals = runs[(runs["kind"] == Kind.FINAL) & (runs["state"] == State.COMPLETE)]
    return int(finals["parent"].nunique()) if "parent" in finals else 0
