"""All runs of a store as a list that can be searched: by words, parameters, settings, tags and notes."""

from __future__ import annotations

import difflib
import operator
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.record import Kind, State
from dashboard.results import names, objective, tables
from dashboard.results.trials import PARAM, when_pruned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboard.results.index import Index

FIXED = (
    "run",
    "kind",
    "method",
    "data",
    "protocol",
    "search",
    "state",
    "validation",
    "test",
    "when pruned",
    "tags",
    "note",
    "started",
    "id",
)
"""Columns of every list; settings and hyperparameters follow under their names."""
KINDS = {"studies": (Kind.STUDY,), "final runs": (Kind.FINAL,), "trials": (Kind.TRIAL,)}
_CONDITION = re.compile(r"""([\w.\-]+)(<=|>=|!=|=|<|>)("[^"]*"|\S+)""")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def rows(index: Index, kinds: Sequence[str]) -> pd.DataFrame:
    """Return a row a run of some kinds, the newest first: `FIXED`, and a column for each setting and hyperparameter.

    `validation` and `test` are the objective's scores; of a study the means over its final runs. A study's
    hyperparameters are those of its best trial. `when pruned` is a pruned trial's last score on validation, on folds
    its mean so far. Archived runs are left out.
    """
    found = []
    ids = [str(run) for run in index.runs.index[index.runs["kind"].isin(list(kinds))]]
    for run_id in ids:
        run = index.record(run_id)
        if run.archived or index.archived(run_id):
            continue
        metric = run.objective
        score = {
            part: index.score(run_id, record.metric(part, metric, record.ALL)) if metric else float("nan")
            for part in ("validation", "test")
        }
        state, value = when_pruned(run.reason) if run.state == State.PRUNED else (run.state, float("nan"))
        title = run.title if run.kind == Kind.STUDY else run.what
        own = index.title(run_id) if run.kind == Kind.STUDY else f"{index.title(index.study_of(run_id) or run_id)}"
        fixed = {
            "run": own if run.kind == Kind.STUDY else f"{own} · {title}",
            "kind": run.what,
            "method": run.short_method,
            "data": f"{names.LEAK}, {run.dataset}" if run.leaks else run.dataset,
            "protocol": run.protocol,
            "search": objective.folds(run),
            "state": state,
            **score,
            "when pruned": value,
            "tags": ", ".join(run.labels),
            "note": run.note,
            "started": run.start,
            "id": run_id,
        }
        more = parameters(index, run_id)
        found.append(fixed | {name: value for name, value in more.items() if name not in fixed})
    table = pd.DataFrame(found)
    columns = [*FIXED, *(column for column in table if column not in FIXED)]
    table = table.reindex(columns=columns).assign(started=lambda t: pd.to_datetime(t["started"], utc=True))
    return table.sort_values("started", ascending=False, kind="stable").reset_index(drop=True)


def parameters(index: Index, run_id: str) -> dict[str, Any]:
    """Return a run's hyperparameters and settings; those of a study are its best trial's."""
    run = index.record(run_id)
    finals = index.final_ids(run_id) if run.kind == Kind.STUDY else []
    source = index.runs.loc[finals[0] if finals else run_id]
    known = {c: source[c] for c in map(str, source.index) if c.startswith(PARAM) and names.present(source[c])}
    return {c.removeprefix(PARAM): value for c, value in known.items()} | dict(run.settings)


def matching(table: pd.DataFrame, text: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that fit every part of a search, and what of it no row can fit.

    A part is a word, found anywhere in a row's texts whatever its case, or a condition such as ``latent_size=2``,
    ``depth>=4`` or ``tags=good``: ``=`` of texts is satisfied by a part of them. Quotes hold words together.
    """
    said, kept = [], pd.Series(True, index=table.index)
    rest = _CONDITION.sub(" ", text)
    for name, sign, value in _CONDITION.findall(text):
        column = next((c for c in map(str, table.columns) if c.lower() == name.lower()), None)
        if column is None:
            close = difflib.get_close_matches(name, list(map(str, table.columns)), 3, 0.4)
            hint = f"; nearest: {', '.join(close)}" if close else ""
            said.append(f"No run has a parameter, setting or column {name}{hint}.")
            kept &= False
            continue
        kept &= _fits(table[column], sign, value.strip('"'))
    words = [a or b for a, b in re.findall(r"""\"([^"]*)"|(\S+)""", rest)]
    if words:
        named = table.apply(lambda of: of.map(lambda one: _word(str(of.name), one)))
        lines = named.agg(" ".join, axis=1).str.lower() if len(table) else pd.Series(dtype=str)
        for word in words:
            kept &= lines.str.contains(word.lower(), regex=False)
    return table[kept].reset_index(drop=True), said


def _word(column: str, value: Any) -> str:
    """Return how a value of a row is found: a fixed column by its value alone, a parameter by its name too."""
    if not names.present(value):
        return ""
    return str(value) if column in FIXED else f"{column} {value}"


def _fits(values: pd.Series, sign: str, wanted: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    try:
        number = float(wanted)
    except ValueError:
        number = float("nan")
    if sign in _COMPARE:
        return pd.Series(_COMPARE[sign](numbers, number), index=values.index).fillna(False)
    present = values.map(names.present)
    text = values.astype(str).str.lower().str.contains(wanted.lower(), regex=False) & present
    equal = text if number != number else (numbers == number) | (text & numbers.isna())
    return present & ~equal if sign == "!=" else equal


def ordered(table: pd.DataFrame, by: str, descending: bool) -> pd.DataFrame:
    """Return the rows sorted by a column, those without a value last."""
    column = table[by]
    numbers = pd.to_numeric(column, errors="coerce") if by != "started" else column
    key = numbers if numbers.notna().sum() >= column.map(names.present).sum() else column.astype(str)
    order = key.sort_values(ascending=not descending, kind="stable", na_position="last").index
    return table.loc[order].reset_index(drop=True)


def readable(table: pd.DataFrame, more: Sequence[str]) -> pd.DataFrame:
    """Return the list as a page shows it: fixed columns that are not empty, then the columns `more`."""
    fixed = [c for c in FIXED if c != "id" and table[c].map(names.present).any()]
    return tables.dated(table[[*fixed, *(c for c in more if c not in fixed)]])
