"""What differs between runs: method, settings, hyperparameters, data, code, search and machine; and their scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import metrics, record
from dashboard.results import card, comparing, names, objective, pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dashboard.results.comparing import Pair, Reader
    from dashboard.results.index import Index
    from dashboard.results.record import Record

NONE = "–"
"""What stands where a run does not have a value."""
KINDS = ("method", "setting", "hyperparameter", "data", "code", "search", "machine")
REFIT = {"train": "train", "all": "train and validation"}
"""What the tag `refit` says, in words."""
PROTOCOL = {
    "data set": lambda run: run.dataset,
    "data version": lambda run: run.data_version,
    "split": lambda run: run.split,
    "groups": lambda run: run.group_kind,
    "targets": lambda run: names.target_list(run.targets),
    "label rule": lambda run: run.label_rule,
}
"""What a protocol is made of, in words."""


def facts(index: Index, runs: Mapping[str, tuple[Record, Record]]) -> pd.DataFrame:
    """Return every fact of some runs: kind (`KINDS`), what, and a column for each run.

    `runs` is name → the chosen study or run, and the run whose parameters stand for it (of a study its first final).
    """
    columns = {name: _facts(index, chosen, shown) for name, (chosen, shown) in runs.items()}
    known = dict.fromkeys(key for found in columns.values() for key in found)
    ordered = sorted(known, key=lambda key: KINDS.index(key[0]))
    rows = [(*key, *(found.get(key) or NONE for found in columns.values())) for key in ordered]
    return pd.DataFrame(rows, columns=["kind", "what", *columns])


def _facts(index: Index, chosen: Record, shown: Record) -> dict[tuple[str, str], str]:
    found = {("method", "method"): chosen.method}
    for parameter, value, kind in card.parameters(index, shown.run_id).itertuples(index=False):
        found["setting" if kind == "setting" else "hyperparameter", str(parameter)] = str(value)
    found |= {("data", what): read(chosen) for what, read in PROTOCOL.items()}
    found |= {
        ("data", "protocol"): chosen.protocol,
        ("data", "inputs"): chosen.inputs,
        ("code", "commit"): chosen.code_text,
        ("code", "version of the metrics"): str(chosen.metric_version),
        ("search", "objective"): ", ".join(chosen.objectives),
        ("search", "space"): chosen.space,
        ("search", "sampler"): chosen.sampler,
        ("search", "pruner"): chosen.pruner,
        ("search", "trials scored on"): objective.scored_on(chosen),
        ("search", "best trial refitted on"): REFIT.get(chosen.refit, chosen.refit),
        ("search", "trials"): _text(chosen.trials_total),
        ("search", "final runs"): _text(chosen.repeats or None),
        ("search", "seed"): _text(chosen.seed),
    }
    for what, value in shown.machine.items():
        if isinstance(value, dict):
            found |= {("machine", f"{name} version"): str(version) for name, version in value.items()}
        else:
            found["machine", str(what)] = str(value)
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `facts` in which not all runs have the same value."""
    values = table.iloc[:, 2:]
    return table[values.nunique(axis=1) > 1].reset_index(drop=True)


def protocols(baseline: Record, other: Record) -> list[str]:
    """Return what makes the protocols of two runs differ, in words; empty where they are the same."""
    if (baseline.protocol, baseline.protocol_id) == (other.protocol, other.protocol_id):
        return []
    found = [what for what, read in PROTOCOL.items() if read(baseline) != read(other)]
    return found or ["version of the record"]


# --------------------------------------------------------------------------------------------------------- scores


def against(
    read: Reader, index: Index, baseline: str, others: Iterable[str], metric: str, target: str = record.ALL
) -> list[Pair]:
    """Return the paired test of each run against the baseline, as run − baseline, each with an adjusted p.

    They are those of `pairs.adjusted`: every page gives the same answer for the same two runs.
    """
    runs = list(others)
    found = pairs.adjusted(read, index, [(run, baseline) for run in runs], metric, target)
    return [one if one.a == run else one.turned() for run, one in zip(runs, found, strict=True)]


def answer(pair: Pair, metric: str) -> str:
    """Say what a test found of its first run: better, worse, not told apart; or why there is no test."""
    if pair.reason:
        return f"not tested: {pair.reason}"
    if not pair.told_apart:
        return "cannot be told apart"
    better = (pair.difference > 0) == (metrics.DIRECTION.get(metric) == "maximize")
    return f"{'better' if better else 'worse'} than the baseline"


def scored(index: Index, tests: Sequence[Pair], metric: str, target: str, baseline: str) -> pd.DataFrame:
    """Return a row a run, the baseline first: its test score, and how far it is from the baseline's.

    A run of another protocol has its score and no difference. Columns: run, score, ± sd, difference, 95 % low,
    95 % high, p, p (Holm), can be told, groups, answer.
    """
    protocol = index.protocol_of(baseline)
    first = comparing.Pair(baseline, baseline)
    rows = []
    for pair in [first, *tests]:
        comparable = index.protocol_of(pair.a) is protocol
        own, of = (index.score(run, record.metric("test", metric, target)) for run in (pair.a, baseline))
        # a difference needs no test, but the same test samples
        difference = own - of if comparable and math.isnan(pair.difference) else pair.difference
        shown = comparing.Pair(pair.a, pair.b) if pair.reason else pair
        rows.append(
            {
                "run": index.title(pair.a),
                "score": own,
                "± sd": index.score(pair.a, record.metric("test", metric, target, record.SD)),
                "difference": math.nan if pair is first else difference,
                "95 % low": shown.low,
                "95 % high": shown.high,
                "p": shown.p,
                "p (Holm)": shown.adjusted,
                comparing.DETECTABLE: shown.detectable,
                "groups": shown.groups or math.nan,
                "answer": "the baseline" if pair is first else answer(pair, metric),
            }
        )
    return pd.DataFrame(rows)


def all_scores(index: Index, runs: Mapping[str, str], metrics_of: Sequence[str], target: str) -> pd.DataFrame:
    """Return a row a metric with each run's test score and, behind the first run's, the difference from it.

    `runs` is name → run id of runs of one protocol, the baseline first.
    """
    rows = []
    for metric in metrics_of:
        scores = {name: index.score(run, record.metric("test", metric, target)) for name, run in runs.items()}
        row: dict[str, Any] = {"metric": names.metric(metric)}
        for place, (name, value) in enumerate(scores.items()):
            row[name] = value
            if place:
                row[f"{name}, difference"] = value - next(iter(scores.values()))
        if any(value == value for value in scores.values()):
            rows.append(row)
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------------------------------------- peers


def peers(index: Index, run_id: str, most: int = 4) -> list[str]:
    """Return a run and the best other studies of its protocol, by the objective on test; at most `most` in all.

    The run comes first: it is the baseline where nobody chose another.
    """
    protocol, study = index.protocol_of(run_id), index.study_of(run_id)
    if protocol is None:
        return [run_id]
    metric = index.record(run_id).objective or protocol.objective or ""
    scores = protocol.scores(metric).dropna() if metric else pd.Series(dtype=float)
    rising = metrics.DIRECTION.get(metric) != "maximize"
    ordered = [str(run) for run in scores.sort_values(ascending=rising, kind="stable").index]
    others = [run for run in ordered if run != study and not index.record(run).archived]
    return [run_id, *others[: most - 1]]
