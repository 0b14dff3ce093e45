"""The card of a run, to be read in ten seconds: what, on which data, how good, beside what, by whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.published import settings_of
from affect.record import Kind, State
from affect.statistics import MIN_GROUPS
from dashboard.results import board, names, objective
from dashboard.results.tables import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from affect.statistics import Paired

LINEAR = "linear"
"""The short name that a family's honest linear baseline has, where it has one."""


@dataclass(frozen=True)
class Beside:
    """A figure that stands beside the headline: what it is, its value, and what to know about it."""

    label: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class Card:
    """The sentences and figures of a card. Texts come from the store: they are to be escaped by who shows them."""

    title: str
    kind: str
    state: str
    synthetic: bool | None
    headline_label: str
    headline: float
    sd: float
    spread: str
    beside: tuple[Beside, ...]
    facts: tuple[tuple[str, str], ...]
    labels: tuple[str, ...] = ()
    """A person's own tags."""

    def frame(self) -> pd.DataFrame:
        """Return all of the card as a table of what and text."""
        rows = [(self.headline_label, f"{number(self.headline, 4)} {self.spread}".strip())] if self.known else []
        rows += [(b.label, f"{number(b.value, 4)} {b.note}".strip()) for b in self.beside]
        return pd.DataFrame([*rows, *self.facts], columns=["what", "value"])

    @property
    def known(self) -> bool:
        """Whether there is a headline figure."""
        return not math.isnan(self.headline)


def find(runs: pd.DataFrame, given: str) -> str | None:
    """Return the full id of the run whose id begins with `given`; None where there is none or more than one."""
    if given in runs.index:
        return given
    found = runs.index[runs.index.str.startswith(given)] if len(given) >= 4 else runs.index[:0]
    return str(found[0]) if len(found) == 1 else None


def study_of(runs: pd.DataFrame, run_id: str) -> str | None:
    """Return the id of the study's run that a run belongs to (itself, for a study), None where it has none."""
    run = names.row(runs, run_id)
    if run["kind"] == Kind.STUDY:
        return run_id
    parent = run["parent"]
    return str(parent) if names.present(parent) and parent in runs.index else None


def make(runs: pd.DataFrame, run_id: str, published: pd.DataFrame, now: pd.Timestamp) -> Card:
    """Return the card of a run. `runs` is the run table, `published` is `affect.published.published()`.

    A study and a final show test figures; a trial and a need only validation ones, and the label says so.
    """
    run = names.row(runs, run_id)
    on_test = run["kind"] in (Kind.STUDY, Kind.FINAL)
    metric = str(run["objective"]) if names.present(run["objective"]) else ""
    part = "test" if on_test else "validation"

    def figure(aspect: str = "", part: str = part) -> float:
        return names.number(run.get(record.metric(part, metric, record.ALL, aspect))) if metric else math.nan

    value, label = figure(), f"{part} {names.metric(metric)}"
    if math.isnan(value) and on_test and names.present(run["best_value"]):
        value, label = (
            names.number(run["best_value"]),
            f"best validation {objective.name(objective.metric(run))} so far",
        )
    count = len(names.loads(run["targets"], []))
    low, high, groups = figure(record.LOW), figure(record.HIGH), figure(record.N_GROUPS)
    if math.isnan(groups) and on_test:
        groups = names.test_groups(run["groups"])
    return Card(
        title=_title(run),
        kind=names.kind(run),
        state=str(run["state"]) if names.present(run["state"]) else str(run["status"]).lower(),
        synthetic=bool(run["synthetic"]) if names.present(run["dataset"]) else None,
        headline_label=f"{label}, {names.target(record.ALL, count)}" if count > 1 else label,
        headline=value,
        sd=figure(record.SD),
        spread=_spread(run, metric, figure(record.SD), low, high, groups, runs, run_id),
        beside=tuple(_beside(runs, run, metric, figure, published)) if on_test else (),
        facts=tuple(_facts(run, now, published)),
        labels=tuple(str(label) for label in names.loads(run["labels"], [])),
    )


def _title(run: pd.Series) -> str:
    if not names.present(run["method"]):
        return str(run["name"])
    text = names.settings(run["settings"])
    return f"{names.method(run['method'])}{' · ' + text if text else ''}"


def _spread(
    run: pd.Series, metric: str, sd: float, low: float, high: float, groups: float, runs: pd.DataFrame, run_id: str
) -> str:
    parts = []
    if not math.isnan(sd):
        finals = runs[(runs["parent"] == run_id) & (runs["kind"] == Kind.FINAL) & (runs["state"] == State.COMPLETE)]
        parts.append(f"± {sd:.2g} sd over {len(finals)} seeds")
    kind = str(run["group_kind"]) if names.present(run["group_kind"]) else "group"
    if not math.isnan(low):
        over = "" if math.isnan(groups) else f" over {int(groups)} {kind}s"
        parts.append(f"95 % interval {number(low, 4)} – {number(high, 4)}{over}")
    elif groups < MIN_GROUPS:
        parts.append(f"{int(groups)} {kind}s: too few for an interval")
    parts.append(names.better(metric))
    return "; ".join(p for p in parts if p)


def _beside(
    runs: pd.DataFrame, run: pd.Series, metric: str, figure: Callable[..., float], published: pd.DataFrame
) -> list[Beside]:
    found = []
    for aspect in record.BASELINES:
        if not math.isnan(value := figure(aspect)):
            found.append(Beside(board.TRIVIAL_LABEL[aspect], value, "same test samples, fitted on nothing but train"))
    known = [m for m in runs["method"].dropna().unique() if names.method(m) == LINEAR]
    linear = runs[(runs["protocol_id"] == run["protocol_id"]) & runs["method"].isin(known)]
    rows = board.measured(linear, metric, record.ALL)
    if len(rows) and names.method(run["method"]) != LINEAR:
        own = names.loads(run["settings"], {})
        others = [names.loads(text, {}) for text in linear.loc[rows["run_id"], "settings"]]
        differ = [sum(other[key] != own[key] for key in own.keys() & other.keys()) for other in others]
        # the one of the most alike settings, and of several the newest: never the best on test
        nearest = rows.assign(differ=differ).sort_values(["differ", "ended"], ascending=[False, True]).iloc[-1]
        label = "linear baseline, other settings" if nearest["differ"] else "linear baseline"
        found.append(Beside(label, float(nearest["value"]), str(nearest["study"])))
    for value, note in _published(run, metric, record.ALL, published):
        found.append(Beside(_published_label(note), value, note))
    return found


def _published(run: pd.Series, metric: str, target: str, published: pd.DataFrame) -> list[tuple[float, str]]:
    """Return what was published for a run's method with its settings on its data: each value with its note."""
    own = {k: str(v) for k, v in names.loads(run["settings"], {}).items()}
    rows = board.published(published, _as_study(run), metric, target, full=True).to_dict("records")
    fitting = [row for row in rows if all(own.get(k) == v for k, v in settings_of(row["settings"]).items())]
    return [(float(row["value"]), str(row["note"])) for row in fitting]


def _published_label(note: str) -> str:
    """Return what stands over a published figure: a split that nobody stated belongs there, not in a hint."""
    return "published, split not stated" if "split not stated" in note else "published"


def _as_study(run: pd.Series) -> pd.DataFrame:
    return run.to_frame().T.assign(kind=Kind.STUDY)


def _facts(run: pd.Series, now: pd.Timestamp, published: pd.DataFrame) -> list[tuple[str, str]]:
    if not names.present(run["dataset"]):
        return [("Made", _made(run, now))]
    world = "SYNTHETIC" if run["synthetic"] else "REAL"
    version = f", version {run['data_version']}" if names.present(run["data_version"]) else ""
    inputs = f" from {run['inputs']}" if names.present(run["inputs"]) else ""
    return [
        ("Predicts", f"{names.targets(run['targets'])}{inputs}"),
        ("Data", f"{run['dataset']}, {world}{version}"),
        ("Split", _split(run)),
        ("Made", _made(run, now)),
        *([("Search", words)] if (words := objective.words(run)) else []),
        *([("Reconstruction", again)] if (again := _reconstruction(run)) else []),
        *([("Rotated", turned)] if (turned := _rotated(run, published)) else []),
    ]


def _reconstruction(run: pd.Series) -> str:
    """Return how well pictures are reconstructed, beside the mean train picture; empty where none are."""
    part = "test" if run["kind"] in (Kind.STUDY, Kind.FINAL) else "validation"
    metric = str(run["objective"])

    def figure(aspect: str = "") -> float:
        return names.number(run.get(record.metric(part, metric, record.PICTURE, aspect)))

    if math.isnan(figure()):
        return ""
    beside = "" if math.isnan(figure(record.MEAN)) else f" (always the mean picture: {number(figure(record.MEAN), 4)})"
    return f"{part} {names.metric(metric)} of pictures {number(figure(), 4)}{beside}, pixels from 0 to 1"


def _rotated(run: pd.Series, published: pd.DataFrame) -> str:
    """Return how a classifier of meshes does when they are turned, beside always the most frequent class."""
    metric = str(run["objective"])

    def figure(aspect: str = "") -> float:
        return names.number(run.get(record.metric("test", metric, record.ROTATED, aspect)))

    if math.isnan(figure()):
        return ""
    beside = [f"{board.TRIVIAL_LABEL[record.MAJORITY]} {number(figure(record.MAJORITY), 4)}"]
    beside += [f"published {number(value, 4)}" for value, _ in _published(run, metric, record.ROTATED, published)]
    spread = "" if math.isnan(figure(record.SD)) else f" ± {figure(record.SD):.2g} sd over seeds"
    label = f"test {names.metric(metric)} of meshes under random rotations"
    return f"{label} {number(figure(), 4)}{spread} ({'; '.join(beside)})"


def _split(run: pd.Series) -> str:
    kind = str(run["group_kind"]) if names.present(run["group_kind"]) else "group"
    groups = names.loads(run["groups"], {})
    counts = ", ".join(f"{groups[p]} {p}" for p in record.PARTS if p in groups)
    persons = "" if run["persons"] == "known" else "; persons unknown"
    return f"by {kind}: {counts} {kind}s{persons}" if counts else f"by {kind}{persons}"


def _made(run: pd.Series, now: pd.Timestamp) -> str:
    machine = names.loads(run["machine"], {})
    seconds = (run["end"] - run["start"]).total_seconds() if pd.notna(run["end"]) else math.nan
    parts = [
        f"by {run['user']}" if names.present(run["user"]) else "",
        names.ago(run["start"], now),
        f"took {names.duration(seconds)}" if not math.isnan(seconds) else "",
        f"commit {names.code(run['code'])}",
        f"on {machine['host']} ({machine.get('device', '?')})" if "host" in machine else "",
    ]
    return ", ".join(p for p in parts if p)


# ------------------------------------------------------------------------------------------------------- standing


def standing(rows: pd.DataFrame, study: str, compare: Callable[[str, str], Paired | None], metric: str) -> str:
    """Say where a study stands in its protocol, and whether a paired test tells it from the best other one.

    `rows` are `board.measured` rows, best first; `compare(a, b)` is the paired test of two studies (a − b), None where
    there is nothing to compare.
    """
    order = list(rows["run_id"])
    if study not in order:
        return ""
    if len(order) == 1:
        return "the only study of this protocol so far"
    place = order.index(study)
    other = order[1] if place == 0 else order[0]
    row = rows.iloc[order.index(other)]
    called = f"{row['row']}{' · ' + row['settings'] if row['settings'] else ''} ({number(float(row['value']), 4)})"
    where = (
        f"best of {len(order)} studies; second is {called}"
        if place == 0
        else (f"number {place + 1} of {len(order)} studies; best is {called}")
    )
    test = compare(study, other)
    if test is None:
        return f"{where}; not compared, for want of predictions of the same samples"
    sure = "told apart" if test.p < 0.05 else "cannot be told apart"
    ends = "" if math.isnan(test.low) else f", 95 % {test.low:+.4f} … {test.high:+.4f}"
    return f"{where}; {sure}: difference {test.difference:+.4f}{ends}, p = {_p(test.p)} over {test.groups} groups"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "0.001 or less"


# --------------------------------------------------------------------------------------------------- other tables


def parameters(run: pd.Series) -> pd.DataFrame:
    """Return a run's hyperparameters and settings: name, value, and which of the two it is."""
    params = [c for c in run.index if c.startswith("param.") and names.present(run[c])]
    rows = [(c.removeprefix("param."), _value(run[c]), "searched") for c in sorted(params)]
    rows += [(k, str(v), "setting") for k, v in sorted(names.loads(run["settings"], {}).items())]
    return pd.DataFrame(rows, columns=["parameter", "value", "is"])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    return str(value)


def scores(run: pd.Series) -> pd.DataFrame:
    """Return every score of a run: part, target, and one column a metric, trivial rows under the method's."""
    taken = {c: record.parse_metric(c) for c in run.index if "/" in c and names.present(run[c])}
    rows = [
        {"part": t.part, "row": _aspect(t.aspect), "target": t.target, "metric": t.metric, "value": float(run[c])}
        for c, t in taken.items()
        if t is not None and t.aspect != record.N_GROUPS
    ]
    if not rows:
        return pd.DataFrame(columns=["part", "row", "target"])
    table = pd.DataFrame(rows)
    wide = table.pivot_table(
        index=["part", "row", "target"], columns="metric", values="value", sort=False
    ).reset_index()
    wide = wide.rename(columns={m: names.metric(m) for m in wide.columns[3:]}).rename_axis(columns=None)
    parts = {part: i for i, part in enumerate(reversed(record.PARTS))}
    keys = pd.DataFrame(
        {
            "part": wide["part"].map(parts),
            "all": wide["target"] != record.ALL,
            "target": wide["target"],
            "row": wide["row"].map({r: i for i, r in enumerate(("method", *ASPECT.values()))}),
        }
    )
    return wide.loc[keys.sort_values(["part", "all", "target", "row"]).index].reset_index(drop=True)


ASPECT = {
    record.SD: "± sd over seeds",
    record.LOW: "95 % low",
    record.HIGH: "95 % high",
    **board.TRIVIAL_LABEL,
}


def _aspect(aspect: str) -> str:
    return ASPECT.get(aspect, "method")


def below(runs: pd.DataFrame, run_id: str) -> pd.DataFrame:
    """Return the runs of a study, finals first and then trials by number: run_id, what it is, state, figures."""
    run = names.row(runs, run_id)
    mine = runs[runs["parent"] == run_id]
    metric = objective.metric(run) if names.present(run["objective"]) else ""
    label = objective.name(metric)

    def column(part: str) -> pd.Series:
        name = objective.on(part, metric)
        return mine[name].astype(float) if name in mine else pd.Series(math.nan, index=mine.index)

    order = mine["kind"].map({Kind.FINAL: 0, Kind.NEED: 1, Kind.TRIAL: 2}).astype(float)
    table = pd.DataFrame(
        {
            "run": [names.kind(row) for _, row in mine[["kind", "trial", "seed"]].iterrows()],
            "state": mine["state"].astype(str),
            f"validation {label}": column("validation"),
            f"test {label}": column("test"),
            "seconds": mine.get(record.COST_SECONDS, pd.Series(math.nan, index=mine.index)),
            "reason": mine["reason"].fillna(""),
            "started": mine["start"],
            "run id": mine.index,
            "order": order,
            "number": mine["trial"].where(mine["kind"] != Kind.FINAL, mine["seed"]).astype(float),
        }
    )
    return table.sort_values(["order", "number"]).drop(columns=["order", "number"]).reset_index(drop=True)
