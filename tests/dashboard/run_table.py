"""Small run tables as `dashboard.store.Store.runs` gives them, written out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect import record
from dashboard.reading.table import Runs
from dashboard.results.index import Index
from dashboard.results.protocol import Protocol

BEGIN = pd.Timestamp("2026-01-01", tz="UTC")
MORE = ("parent", "experiment", "name", "user", "status", "start", "end")


def study(run_id: str, value: float | None = None, hours: float = 0, **more: Any) -> dict[str, Any]:
    """Return a study's row; `value` is its test MAE over all targets, `hours` when it began."""
    row = {
        "run_id": run_id,
        "kind": "study",
        "study": run_id,
        "name": run_id,
        "state": "complete",
        "method": "motion/one",
        "settings": '{"latent_size":1}',
        "dataset": "lma",
        "protocol": "lma · by clip",
        "protocol_id": "aaaaaaaaaaaa",
        "targets": '["p","a"]',
        "inputs": "features",
        "group_kind": "clip",
        "groups": '{"test":8,"train":32,"validation":9}',
        "persons": "unknown",
        "objective": "mae",
        "direction": "minimize",
        "synthetic": False,
        "archived": False,
        "user": "ada",
        "code": "0123456789abcdef+",
        "start": BEGIN + pd.Timedelta(hours=hours),
        "end": BEGIN + pd.Timedelta(hours=hours, minutes=10),
    }
    return row | ({} if value is None else {"test/mae/all": value}) | more


def child(parent: dict[str, Any], kind: str, number: int, /, **more: Any) -> dict[str, Any]:
    """Return a final (`number` its seed) or a trial (`number` its number) of a study's row."""
    kept = {k: v for k, v in parent.items() if "/" not in k}
    mine = {"run_id": f"{parent['run_id']}-{kind}-{number}", "kind": kind, "parent": parent["run_id"]}
    return kept | mine | {"seed" if kind == "final" else "trial": number} | more


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return a run table with a column for every tag and for every metric."""
    columns = [*record.TAGS, *MORE, *dict.fromkeys(k for row in rows for k in row if k not in record.TAGS)]
    whole = pd.DataFrame(list(rows), columns=list(dict.fromkeys(["run_id", *columns]))).set_index("run_id")
    texts = ["parent", "note", "reason", "method", "settings", "study"]
    whole[texts] = whole[texts].astype("str")
    for name in ("seed", "trial", "trials_total", "repeats", "best_trial"):
        whole[name] = whole[name].astype("Int64")
    whole[["synthetic", "archived"]] = whole[["synthetic", "archived"]].eq(True)
    for time in ("start", "end"):
        whole[time] = pd.to_datetime(whole[time], utc=True)
    whole["best_value"] = whole["best_value"].astype(float)
    return whole


def table(*rows: dict[str, Any]) -> Runs:
    """Return runs as the store does."""
    return Runs.of(frame(*rows))


def index(*rows: dict[str, Any]) -> Index:
    """Return an index of the rows."""
    return Index(table(*rows))


def protocol(*rows: dict[str, Any]) -> Protocol:
    """Return the protocol of an index of the rows that was used last."""
    return next(iter(index(*rows).protocols.values()))
