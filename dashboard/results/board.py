"""The rows of a leaderboard: studies of one protocol, baselines and published scores.

A study's score is the mean over its final runs on test. Studies of different protocols are never ranked against each
other; baselines and published scores are never ranked at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import metrics, record
from dashboard.results import comparing, names, tables
from dashboard.results import published as papers
from dashboard.results.record import settings_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from dashboard.results.comparing import Family
    from dashboard.results.index import Index
    from dashboard.results.protocol import Protocol
    from dashboard.results.record import Record

MEASURED, BASELINE, PUBLISHED = "measured", "baseline", "published"
COLUMNS = (
    "rank",
    "row",
    "settings",
    "value",
    "sd",
    "low",
    "high",
    "p",
    "groups",
    "seeds",
    "study",
    "kind",
    "labels",
    "note",
    "source",
    "why",
    "ended",
    "method",
    "run_id",
)
"""`labels` and `note` are what people wrote on a study, `source` is where a published score is from. `why`: why a study
has no rank, or a published score cannot be compared. `p` is adjusted, against the best study."""
FIRST = ("1", "1 =")
NUMBERS = ("value", "sd", "low", "high", "p", "groups")
NEWEST = ("method", "settings", "protocol", "metric", "value", "± sd", "baseline", "data", "ended", "run_id")
"""Columns of the newest results; the baseline is the train mean, of classes the most frequent one."""


def shared_settings(runs: Iterable[Record]) -> set[str]:
    """Return the settings that have one value in all runs: a table need not repeat them."""
    seen: dict[str, set[str]] = {}
    several = list(runs)
    for run in several:
        for name, value in run.settings.items():
            seen.setdefault(name, set()).add(str(value))
    return {name for name, values in seen.items() if len(values) == 1} if len(several) > 1 else set()


def measured(
    protocol: Protocol,
    metric: str,
    target: str = record.ALL,
    archived: bool = False,
    methods: Collection[str] = (),
    labels: Collection[str] = (),
) -> pd.DataFrame:
    """Return one row a study that has a test score of this metric and target, best first, unranked.

    `methods` are the paths of those to show, `labels` the tags of which a study must have one; all studies where there
    is none.
    """
    index = protocol.index
    scores = protocol.scores(metric, target).dropna()
    wanted = [run for run in protocol.shown(archived) if run.run_id in scores.index]
    shared = shared_settings(wanted)
    shown = [run for run in wanted if not methods or run.method in methods]
    shown = [run for run in shown if not labels or set(labels) & set(run.labels)]
    aspects = {a: protocol.scores(metric, target, a) for a in (record.SD, record.LOW, record.HIGH, record.N_GROUPS)}

    def aspect(run: Record, name: str) -> float:
        return float(aspects[name][run.run_id])

    rows = [
        {
            "rank": comparing.NO_RANK,
            "row": run.short_method,
            "settings": " · ".join(text for text in (settings_text(run.settings, shared), run.search_text) if text),
            "value": float(scores[run.run_id]),
            "sd": aspect(run, record.SD),
            "low": aspect(run, record.LOW),
            "high": aspect(run, record.HIGH),
            "p": math.nan,
            "groups": groups
            if (groups := aspect(run, record.N_GROUPS)) == groups
            else run.groups.get("test", math.nan),
            "seeds": seeds_text(*index.seeds(run.run_id)),
            "study": index.title(run.run_id),
            "kind": MEASURED,
            "labels": ", ".join(run.labels),
            "note": run.note,
            "source": "",
            "why": "archived" if run.archived else "",
            "ended": run.end,
            "method": run.method,
            "run_id": run.run_id,
        }
        for run in shown
    ]
    return ordered(_frame(rows), metric)


def seeds_text(complete: int, wanted: int) -> str:
    """Return how many seeds a score is the mean of: ``5``, or ``4 of 5``."""
    return str(complete) if complete == wanted else f"{complete} of {wanted}"


def ranked(rows: pd.DataFrame, family: Family) -> pd.DataFrame:
    """Write the family's ranks, p values and reasons into measured rows."""
    ranks = [family.ranks.get(run_id) for run_id in rows["run_id"]]
    p = {study: pair.adjusted for (best, study), pair in family.pairs.items() if best == family.first}
    return rows.assign(
        rank=[comparing.NO_RANK if rank is None else rank.text for rank in ranks],
        why=[own if rank is None else rank.reason for rank, own in zip(ranks, rows["why"], strict=True)],
        p=[p.get(run_id, math.nan) for run_id in rows["run_id"]],
    )


def baselines(protocol: Protocol, metric: str, target: str = record.ALL) -> pd.DataFrame:
    """Return the rows that need no method: the train mean, the class mean, the most frequent class.

    They depend on the split alone, so the newest study's scores stand for all studies of the protocol.
    """
    found = []
    for aspect, label in names.BASELINES.items():
        values = protocol.scores(metric, target, aspect).dropna()
        if len(values):
            found.append(_row(label, float(values.iloc[0]), BASELINE))
    return _frame(found)


def published(
    protocol: Protocol,
    metric: str,
    target: str = record.ALL,
    methods: Collection[str] = (),
    of: str = "method",
    paper: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what was published on a protocol's data, with its source, its caveats, and why it does not compare.

    `of` is ``method`` for the methods that have a study here, ``data`` for all methods.
    """
    found: dict[tuple[str, str, float], dict[str, Any]] = {}
    runs = {
        run.method: run for run in protocol.shown(archived=True) if of == "data" or not methods or run.method in methods
    }
    for run in runs.values():  # one study a method: what was published of a method is the same for all of its settings
        for one in papers.scores(run, metric, target, of=of, paper=paper):
            row = _row(one.method, one.value, PUBLISHED, one.settings_text, one.caveats, one.why)
            row |= {"published_settings": one.settings, "method": run.method if of != "data" else one.method}
            found.setdefault((one.method, one.settings, one.value), row)
        if of == "data":  # the same for every study of the protocol
            break
    return _frame(list(found.values()), "published_settings")


def _row(row: str, value: float, kind: str, settings: str = "", source: str = "", why: str = "") -> dict[str, Any]:
    blank = dict.fromkeys(COLUMNS, "") | dict.fromkeys(NUMBERS, math.nan)
    filled = {"row": row, "settings": settings, "value": value, "kind": kind, "source": source, "why": why}
    return blank | {"ended": None, "rank": comparing.NO_RANK} | filled


def _frame(rows: Sequence[Mapping[str, Any]], *more: str) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=[*COLUMNS, *more])
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column]).astype(float)
    return frame.assign(ended=pd.to_datetime(frame["ended"], utc=True))


def ordered(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return rows with the best score first."""
    rising = metrics.DIRECTION.get(metric) != "maximize"
    return rows.sort_values("value", ascending=rising, kind="stable").reset_index(drop=True)


def board(parts: Sequence[pd.DataFrame], metric: str) -> pd.DataFrame:
    """Put measured rows, baselines and published scores into one table, best first."""
    filled = [part[list(COLUMNS)].astype(object) for part in parts if len(part)]
    if not filled:
        return _frame([])
    rows = pd.concat(filled, ignore_index=True).itertuples(index=False, name=None)
    return ordered(_frame([dict(zip(COLUMNS, row, strict=True)) for row in rows]), metric)


# ------------------------------------------------------------------------------------------------------ to be read


def readable(rows: pd.DataFrame, metric: str, group_kind: str) -> pd.DataFrame:
    """Return the table of a board as a page shows it: readable columns, and none that is empty."""
    shown = {
        "rank": "rank",
        "row": "method",
        "settings": "settings",
        "value": f"test {names.metric(metric)}",
        "sd": "± sd over seeds",
        "low": "95 % low",
        "high": "95 % high",
        "p": "p (Holm)",
        "groups": names.plural(group_kind),
        "seeds": "seeds",
        "kind": "type",
        "why": "not ranked because",
        "labels": "tags",
        "note": "note",
        "source": "source",
        "study": "study",
        "ended": "ended",
    }
    optional = ("settings", "labels", "note", "source", "why", "p", "sd", "low", "high", "groups")
    empty = [c for c in optional if not rows[c].map(names.present).any()]
    whole = rows.assign(groups=rows["groups"].round().astype("Int64"))
    return tables.dated(whole[list(shown)].drop(columns=empty).rename(columns=shown))


def thesis(
    rows: pd.DataFrame, protocol: Protocol, metric: str, target: str, digits: int = 3
) -> tuple[pd.DataFrame, list[tuple[int, int]], str]:
    """Return a board as a table for a thesis: the table, the cells that are bold, and its caption.

    Columns: method, settings (where they differ), score as mean (sd) [95 % interval]. The best study is bold; a dagger
    marks the studies that the test does not tell from it. Published scores are marked and never bold.
    """
    best = next((run for run, rank in zip(rows["run_id"], rows["rank"], strict=True) if rank in FIRST), "")
    tied = rows["rank"].eq("1 =") & rows["run_id"].ne(best)
    score = [
        tables.spread(value, sd, digits, "{} ({})") + tables.interval(low, high, digits) + ("†" if same else "")
        for value, sd, low, high, same in zip(rows["value"], rows["sd"], rows["low"], rows["high"], tied, strict=True)
    ]
    label = f"{names.metric(metric)} (sd) [95 % CI]"
    method = [
        f"{row}, published" if kind == PUBLISHED else row for row, kind in zip(rows["row"], rows["kind"], strict=True)
    ]
    frame = pd.DataFrame({"method": method, "settings": rows["settings"], label: score})
    if not rows["settings"].map(names.present).any():
        frame = frame.drop(columns="settings")
    bold = [(place, frame.shape[1] - 1) for place, run_id in enumerate(rows["run_id"]) if run_id == best and best]
    data = protocol.record.data_mark
    caption = (
        f"{protocol.label} ({data + ' data; ' if data else ''}test {names.metric(metric)}, "
        f"{names.target(target)}, {names.better(metric)}). Mean over seeds, interval over {protocol.group_kind}s."
    )
    if tied.any():
        caption += " † cannot be told apart from the best (paired test, Holm, p ≥ .05)."
    if (rows["kind"] == PUBLISHED).any():
        caption += " Published scores are of other data or splits unless stated."
    return frame, bold, caption


def verdict(rows: pd.DataFrame, family: Family, protocol: Protocol, metric: str) -> str:
    """Say in a sentence or two who is best, and who cannot be told apart; or why nobody is ranked."""
    if not family.order:
        return ""
    index = protocol.index
    called = index.record(family.order[0])
    score = tables.number(float(rows.set_index("run_id")["value"].get(called.run_id, math.nan)))
    best = f"{called.title} has the best test {names.metric(metric)}{f' ({score})' if score else ''}"
    if family.reason:
        return f"{best}. Nothing is ranked: {family.reason}."
    first = [study for study in family.order if family.ranks[study].place == 1]
    if len(family.order) == 1:
        return f"{best}; it is the only study."
    rest = sum(rank.place is not None and rank.place > 1 for rank in family.ranks.values())
    told = f"{rest} of {len(family.order) - 1} other studies score significantly worse" if rest else ""
    shared = f"{len(first) - 1} cannot be told apart from it" if len(first) > 1 else ""
    lost = sum(rank.place is None for rank in family.ranks.values())
    unranked = f"{lost} {'is' if lost == 1 else 'are'} not ranked" if lost else ""
    return f"{best}: {', '.join(part for part in (told, shared, unranked) if part)}."


def alarm(rows: pd.DataFrame, paper: pd.DataFrame, metric: str) -> str:
    """Say which studies score better than all that was published on the same data; empty where none does.

    `rows` are measured, `paper` is what `published` returns of the data. It is rare that a new method wins by itself.
    """
    if rows.empty or paper.empty:
        return ""
    best = ordered(paper, metric).iloc[0]
    sign = 1 if metrics.DIRECTION.get(metric) == "maximize" else -1
    ahead = rows[sign * (rows["value"] - best["value"]) > 0]
    if ahead.empty:
        return ""
    first = ordered(ahead, metric).iloc[0]
    more = f" and {len(ahead) - 1} more" if len(ahead) > 1 else ""
    why = f" The two cannot be compared as they stand: {best['why']}." if best["why"] else ""
    return (
        f"Better than published: {first['study']} ({tables.number(first['value'])}){more} against the best published "
        f"{names.metric(metric)} on this data, {best['row']} ({tables.number(best['value'])}).{why} Before it is "
        "believed: look for leaks on the page Data, and check that samples, split, targets and metric are those of the "
        "source."
    )


def newest(index: Index, now: pd.Timestamp, limit: int = 15) -> pd.DataFrame:
    """Return the studies that ended last, with what they found: one row each, newest first."""
    complete = [run for run in index.records(index.studies) if run.state == "complete" and not run.archived]
    times = [(run.end, place) for place, run in enumerate(complete) if run.end is not None]
    ended = [complete[place] for _, place in sorted(times, key=lambda pair: (pair[0], -pair[1]), reverse=True)[:limit]]
    baseline = {run.run_id: record.MAJORITY if run.classes else record.MEAN for run in ended}
    rows = [
        {
            "method": run.short_method,
            "settings": " · ".join(text for text in (run.settings_text, run.search_text) if text),
            "protocol": run.protocol,
            "metric": f"test {names.metric(run.objective)}",
            "value": index.score(run.run_id, record.metric("test", run.objective, record.ALL)),
            "± sd": index.score(run.run_id, record.metric("test", run.objective, record.ALL, record.SD)),
            "baseline": index.score(run.run_id, record.metric("test", run.objective, record.ALL, baseline[run.run_id])),
            "data": run.data_mark,
            "ended": names.ago(run.end, now),
            "run_id": run.run_id,
        }
        for run in ended
    ]
    return one_metric(pd.DataFrame(rows, columns=list(NEWEST)))


def one_metric(table: pd.DataFrame) -> pd.DataFrame:
    """Name the column `value` after the metric where all rows have the same one, and leave out `metric`."""
    if table["metric"].nunique() != 1:
        return table
    return table.rename(columns={"value": table["metric"].iloc[0]}).drop(columns="metric")
