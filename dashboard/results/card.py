"""The card of a run, to be read in ten seconds: what, on which data, how good, against which baseline, by whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import metrics, record
from dashboard.results import board, caveats, names, objective, selected_on_test, trials
from dashboard.results import published as papers
from dashboard.results.tables import number, percent

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.results.published import Published
    from dashboard.results.record import Record

LINEAR = "linear"
"""The short name that a family's honest linear baseline has, where it has one."""
BASELINE, ORACLE, METHOD, PUBLISHED = "baseline", "oracle", "method", "published"
"""Kinds of references. An oracle knows the true class: no method can reach it by rights."""


@dataclass(frozen=True)
class Reference:
    """A score to hold the headline against: what it is, its value, and what to know about it.

    `why` says why it cannot be compared with the headline; empty where it can.
    """

    label: str
    value: float
    note: str = ""
    kind: str = BASELINE
    why: str = ""


@dataclass(frozen=True)
class Card:
    """The sentences and numbers of a card. Texts come from the store: who shows them escapes them."""

    title: str
    sentence: str
    """What is predicted, from what, on which data, how good, against which baseline: for a first-time reader."""
    kind: str
    state: str
    synthetic: bool | None
    badges: tuple[str, ...]
    caveats: tuple[str, ...]
    headline_label: str
    headline: float
    sd: float
    spread: str
    references: tuple[Reference, ...]
    facts: tuple[tuple[str, str], ...]
    labels: tuple[str, ...] = ()
    """A person's own tags."""

    def frame(self) -> pd.DataFrame:
        """Return all of the card as a table of what and text."""
        rows = [(self.headline_label, f"{number(self.headline, 4)} {self.spread}".strip())] if self.known else []
        for one in self.references:
            words = "; ".join(part for part in (f"not comparable: {one.why}" if one.why else "", one.note) if part)
            rows.append((one.label, f"{number(one.value, 4)} {f'({words})' if words else ''}".strip()))
        rows += [("Read this first", text) for text in self.caveats]
        return pd.DataFrame([*rows, *self.facts], columns=["what", "value"])

    @property
    def known(self) -> bool:
        """Whether there is a headline score."""
        return not math.isnan(self.headline)


class _Scores:
    """A run's scores by aspect and part: its objective's, over all targets."""

    def __init__(self, index: Index, run: Record) -> None:
        self.index, self.run, self.part = index, run, "test" if run.on_test else "validation"

    def __call__(self, aspect: str = "", target: str = record.ALL, part: str = "") -> float:
        if not self.run.objective:
            return math.nan
        full = record.metric(part or self.part, self.run.objective, target, aspect)
        return self.index.score(self.run.run_id, full)


def make(index: Index, run_id: str, now: pd.Timestamp, summary: Any = None, paper: pd.DataFrame | None = None) -> Card:
    """Return the card of a run.

    A study and a final show test scores; a trial and a prerequisite only validation ones, and the label says so.

    Parameters
    ----------
    summary : the run's data_summary.json, whose notes are caveats.
    paper : the published scores, `published.table()` by default.
    """
    run = index.record(run_id)
    score = _Scores(index, run)
    value, label = score(), f"{score.part} {names.metric(run.objective)}"
    if math.isnan(value) and run.on_test and not math.isnan(run.best_value):
        value, label = run.best_value, f"best validation {objective.name(objective.metric(run))} so far"
    count = len(run.targets)
    references = tuple(_references(index, run, score, paper)) if run.on_test else ()
    return Card(
        title=run.title,
        sentence=_sentence(run, label, value, score, references),
        kind=run.what,
        state=run.state,
        synthetic=run.synthetic,
        badges=tuple(caveats.badges(index, run_id, summary)),
        caveats=tuple(caveats.of(index, run_id, summary)),
        headline_label=f"{label}, {names.target(record.ALL, count)}" if count > 1 else label,
        headline=value,
        sd=score(record.SD),
        spread=_spread(index, run, score),
        references=references,
        facts=tuple(_facts(index, run, score, now, paper)),
        labels=run.labels,
    )


def _sentence(run: Record, label: str, value: float, score: _Scores, references: tuple[Reference, ...]) -> str:
    """Return one paragraph that a supervisor understands: what, from what, on which data, how good, against what."""
    if not run.dataset or not run.method:
        return ""
    subject = run.method_title or names.spaced(run.short_method)
    inputs = f" from {names.spaced(run.inputs)}" if run.inputs and not run.method_title else ""
    parts = [f"{subject} predicts {names.target_list(run.targets)}{inputs} on {caveats.data_text(run)}."]
    if not math.isnan(value):
        low, high = score(record.LOW), score(record.HIGH)
        ends = "" if math.isnan(low) else f" (95 % interval {number(low)} to {number(high)})"
        first = next((one for one in references if one.kind == BASELINE), None)
        against = f", {difference(value, first.value, run.objective)} {first.label}" if first and not first.why else ""
        parts.append(f"{label[0].upper()}{label[1:]} is {number(value)}{ends}{against}.")
    paper = next((one for one in references if one.kind == PUBLISHED), None)
    if paper is not None and paper.why:
        parts.append(f"The published {number(paper.value)} is not comparable: {paper.why}.")
    elif paper is not None:
        parts.append(f"Published: {number(paper.value)}.")
    return " ".join(parts)


def difference(value: float, other: float, metric: str) -> str:
    """Return how much better or worse a score is than another: ``20 % better than``, ``0.21 better than``.

    Errors are compared as a share of the other; correlations and shares of correct answers by their difference.
    """
    rises = metrics.DIRECTION.get(metric) == "maximize"
    if math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12):
        return "the same as"
    word = "better" if (value > other) == rises else "worse"
    if rises or other == 0:
        return f"{number(abs(value - other))} {word} than"
    return f"{percent(abs(value - other) / abs(other))} {word} than"


def _spread(index: Index, run: Record, score: _Scores) -> str:
    parts = []
    sd, low, high, groups = score(record.SD), score(record.LOW), score(record.HIGH), score(record.N_GROUPS)
    if math.isnan(groups) and run.on_test:
        groups = float(run.groups.get("test", math.nan))
    study = index.study_of(run.run_id)
    if not math.isnan(sd) and study is not None:
        seeds = board.seeds_text(*index.seeds(study))
        parts.append(f"± {sd:.2g} sd over {seeds} seeds" if sd > 1e-12 else f"the same for {seeds} seeds")
    if not math.isnan(low):
        over = "" if math.isnan(groups) else f" over {names.count(int(groups), run.group_kind)}"
        parts.append(f"95 % interval {number(low, 4)} – {number(high, 4)}{over}")
    elif not math.isnan(groups):
        parts.append(f"{names.count(int(groups), run.group_kind)}, no interval")
    parts.append(names.better(run.objective))
    return "; ".join(part for part in parts if part)


def _references(index: Index, run: Record, score: _Scores, paper: pd.DataFrame | None) -> list[Reference]:
    found = []
    for aspect, label in names.BASELINES.items():
        if not math.isnan(value := score(aspect)):
            kind = ORACLE if aspect == record.LABEL_MEAN else BASELINE
            note = (
                "needs the true class of each test sample; scored on those that have one"
                if kind == ORACLE
                else "uses the train part only; scored on the same test samples"
            )
            found.append(Reference(label, value, note, kind))
    if linear := _linear(index, run):
        found.append(linear)
    for one in papers.scores(run, run.objective, paper=paper):
        label = "published" + (f" ({one.settings_text})" if one.settings else "")
        found.append(Reference(label, one.value, one.caveats, PUBLISHED, one.why))
    return found


def _linear(index: Index, run: Record) -> Reference | None:
    """Return the linear baseline of the run's protocol: the study of the most alike settings, of several the newest.

    Never the best on test, which would be choosing by test, and never an archived one.
    """
    protocol = index.protocol_of(run.run_id)
    if protocol is None or run.short_method == LINEAR:
        return None
    scores = protocol.scores(run.objective)
    known = [one for one in protocol.shown() if one.short_method == LINEAR and not math.isnan(scores[one.run_id])]
    known = [one for one in known if one.metric_version == run.metric_version]
    if not known:
        return None

    def differ(other: Record) -> int:
        return sum(other.settings[key] != run.settings[key] for key in run.settings.keys() & other.settings.keys())

    ended = {one.run_id: pd.Timestamp.min.tz_localize("UTC") if one.end is None else one.end for one in known}
    nearest = sorted(known, key=lambda one: (-differ(one), ended[one.run_id]))[-1]
    label = "linear baseline, other settings" if differ(nearest) else "linear baseline"
    return Reference(label, float(scores[nearest.run_id]), index.title(nearest.run_id), METHOD)


def _facts(
    index: Index, run: Record, score: _Scores, now: pd.Timestamp, paper: pd.DataFrame | None
) -> list[tuple[str, str]]:
    if not run.dataset:
        return [("Made", _made(run, now))]
    version = f", version {run.data_version}" if run.data_version else ""
    inputs = f" from {run.inputs}" if run.inputs else ""
    return [
        ("Predicts", f"{names.target_list(run.targets)}{inputs}"),
        ("Data", f"{run.data_title or run.dataset}, {run.data_mark}{version}"),
        ("Split", _split(run)),
        ("Made", _made(run, now)),
        *([("Search", words)] if (words := objective.words(run)) else []),
        *([("Trials", objective.scored_on(run))] if run.search_folds else []),
        *([(selected_on_test.LABEL, told)] if (told := selected_on_test.text(index, run.run_id)) else []),
        *([("Reconstruction", images)] if (images := _reconstruction(run, score)) else []),
        *([("Rotated", rotated)] if (rotated := _rotated(run, score, paper)) else []),
    ]


def _reconstruction(run: Record, score: _Scores) -> str:
    """Return how well images are reconstructed, against the mean train image; empty where none are."""
    value, mean = score(target=record.PICTURE), score(record.MEAN, record.PICTURE)
    if math.isnan(value):
        return ""
    against = "" if math.isnan(mean) else f" (predicting the mean train image: {number(mean, 4)})"
    return f"{score.part} {names.metric(run.objective)} of images {number(value, 4)}{against}, pixels from 0 to 1"


def _rotated(run: Record, score: _Scores, paper: pd.DataFrame | None) -> str:
    """Return how a classifier of meshes does when they are turned, against the most frequent class."""
    value = score(target=record.ROTATED, part="test")
    if math.isnan(value):
        return ""
    majority = score(record.MAJORITY, record.ROTATED, "test")
    against = [f"{names.BASELINES[record.MAJORITY]} {number(majority, 4)}"]
    published: list[Published] = papers.scores(run, run.objective, record.ROTATED, paper=paper)
    against += [f"published {number(one.value, 4)}" for one in published]
    sd = score(record.SD, record.ROTATED, "test")
    spread = "" if math.isnan(sd) else f" ± {sd:.2g} sd over seeds"
    label = f"test {names.metric(run.objective)} of meshes under random rotations"
    return f"{label} {number(value, 4)}{spread} ({'; '.join(against)})"


def _split(run: Record) -> str:
    kind = run.group_kind
    counts = ", ".join(f"{run.groups[part]} {part}" for part in record.PARTS if part in run.groups)
    persons = "" if run.persons_known else "; persons unknown"
    fold = f"; {run.fold_text}" if run.fold_text else ""
    return f"by {kind}: {counts} {names.plural(kind)}{fold}{persons}" if counts else f"by {kind}{fold}{persons}"


def _made(run: Record, now: pd.Timestamp) -> str:
    host = str(run.machine.get("host", ""))
    parts = [
        f"by {run.user}" if run.user else "",
        names.ago(run.start, now),
        f"took {names.duration(run.seconds)}" if not math.isnan(run.seconds) else "",
        f"commit {run.code_text}",
        f"on {host} ({run.machine.get('device', '?')})" if host else "",
    ]
    return ", ".join(part for part in parts if part)


# --------------------------------------------------------------------------------------------------- other tables


def parameters(index: Index, run_id: str) -> pd.DataFrame:
    """Return a run's hyperparameters and settings: parameter, value, and which of the two it is."""
    run = index.runs.loc[run_id]
    params = [c for c in map(str, run.index) if c.startswith("param.") and names.present(run[c])]
    rows = [(c.removeprefix("param."), _value(run[c]), "searched") for c in sorted(params)]
    rows += [(name, str(value), "setting") for name, value in sorted(index.record(run_id).settings.items())]
    return pd.DataFrame(rows, columns=["parameter", "value", "is"])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    return str(value)


ASPECTS = {
    "": "score",
    record.SD: "± sd over seeds",
    record.LOW: "95 % low",
    record.HIGH: "95 % high",
    **names.BASELINES,
    record.N_GROUPS: "groups",
    record.N_SEEDS: "seeds",
}
"""What the columns of a run's scores are called."""


def scores(index: Index, run_id: str) -> pd.DataFrame:
    """Return every score of a run, one row a part, target and metric, with its spread and its baselines beside it."""
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for full, value in index.scores(run_id).items():
        one = record.parse_metric(full)
        if one is not None:
            aspects = rows.setdefault((one.part, one.target, one.metric), {})
            aspects[ASPECTS[one.aspect]] = value
    parts = {part: place for place, part in enumerate(reversed(record.PARTS))}
    known = [*metrics.REGRESSION, *metrics.CLASSIFICATION]

    def place(key: tuple[str, str, str]) -> tuple[Any, ...]:
        part, target, metric = key
        order = known.index(metric) if metric in known else len(known)
        return parts.get(part, len(parts)), target != record.ALL, target, order, metric

    ordered = sorted(rows, key=place)
    keys = [(part, names.target(target), names.metric(metric)) for part, target, metric in ordered]
    values = pd.DataFrame([rows[key] for key in ordered], columns=list(ASPECTS.values())).dropna(axis=1, how="all")
    return pd.DataFrame(keys, columns=["part", "target", "metric"]).join(values)


def below(index: Index, run_id: str) -> pd.DataFrame:
    """Return the runs of a study, finals first and then trials by number: run, state, scores, reason, times, id."""
    run, places = index.record(run_id), index.children(run_id)
    ids = [str(one) for one in index.runs.index[places]]
    runs = index.records(ids)
    metric = objective.metric(run)
    label = objective.name(metric)
    pruned = [trials.when_pruned(one.reason) if one.state == record.State.PRUNED else None for one in runs]
    order = {record.Kind.FINAL: 0, record.Kind.NEED: 1, record.Kind.TRIAL: 2}
    table = pd.DataFrame(
        {
            "run": [one.what for one in runs],
            "state": [one.state if when is None else when[0] for one, when in zip(runs, pruned, strict=True)],
            f"validation {label}": index.metric(objective.on("validation", metric), ids).to_numpy(),
            "when pruned": [math.nan if when is None else when[1] for when in pruned],
            f"test {label}": index.metric(objective.on("test", metric), ids).to_numpy(),
            "seconds": index.metric(record.COST_SECONDS, ids).to_numpy(),
            "reason": [one.reason if when is None else "" for one, when in zip(runs, pruned, strict=True)],
            "started (UTC)": pd.Series([one.start for one in runs], dtype="datetime64[us, UTC]").dt.tz_convert(None),
            "run id": ids,
            "order": [order.get(one.kind, 3) for one in runs],
            "number": pd.Series(
                [one.seed if one.kind == record.Kind.FINAL else one.trial for one in runs], dtype=float
            ),
        }
    )
    if not any(pruned):
        table = table.drop(columns="when pruned")
    return table.sort_values(["order", "number"]).drop(columns=["order", "number"]).reset_index(drop=True)
