"""Recordings over time: the truth and the predictions of all chosen runs in one, and how well each is predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.figures import errors, predictions, recordings
from dashboard.results import names
from dashboard.views import questions
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Link, Message, Section

if TYPE_CHECKING:
    from dashboard.results.record import Record

TRACED = 3
"""Targets whose curves are drawn where nobody chose and there are more than `recordings.MOST_TARGETS`."""
IMAGES = "images"
TIMES = "unlabelled_times"
"""Key of data_summary.json: recording → first and last seconds of samples in a row that have no label."""
ORDERS = {recordings.CCC: "CCC, lowest first", recordings.MAE_OVER_RANGE: "MAE over range, largest first"}


def numeric(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return predictions that have a number of truth and prediction; ValueError where they have none."""
    if not predictions.targets(table):
        raise ValueError("predictions.parquet has no numbers true_… and pred_…")
    return table


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show one recording over time, of all chosen runs in one figure, and the scores of all recordings."""
    tables = choice.map(choice.tables(Artifact.PREDICTIONS), numeric)
    if not tables:
        return
    part = questions.part(ask, tables.values(), "part")
    parts = {name: predictions.of_part(table, part) for name, table in tables.items()}
    targets = list(dict.fromkeys(name for table in parts.values() for name in predictions.targets(table)))
    few = len(targets) <= recordings.MOST_TARGETS
    chosen = ask.many("Targets", targets, "targets", placeholder="all" if few else f"the {TRACED} that are off most")
    scores = recordings.scores(parts, chosen or targets)
    if scores.empty:
        yield Message("No recording has several samples, so there is no course over time.")
        return
    orders = [metric for metric in ORDERS if scores[f"{metric} mean"].notna().any()] or [recordings.MAE_OVER_RANGE]
    by = ask.one("Worst recordings by", orders, "worst_by", name=ORDERS.__getitem__, fixed=True)
    if by != recordings.CCC:
        scores = recordings.scores(parts, chosen or targets, by)
    order = list(dict.fromkeys(scores["recording"]))
    sequence = ask.one("Recording", order, "sequence", help="The worst predicted one first.")
    yield from _traces(choice, parts, part, sequence, targets, chosen)
    yield _table(choice, scores, parts, chosen or targets)


def _traces(
    choice: Choice,
    parts: Mapping[str, pd.DataFrame],
    part: str,
    sequence: str,
    targets: list[str],
    chosen: list[str],
) -> Iterator[Item]:
    """Yield the truth and every run's prediction in one recording."""
    with_it = {name: table for name, table in parts.items() if (table["sequence"].astype(str) == sequence).any()}
    if without := [name for name in parts if name not in with_it]:
        yield Message(f"Not in this figure, because they have no {part} sample of {sequence}: {', '.join(without)}.")
    traces = predictions.in_one_unit(
        choice.map(with_it, lambda name, table: predictions.trace(table, sequence, predictions.targets(table)))
    )
    if not traces:
        return
    known = [name for name in targets if any(f"true_{name}" in trace for trace in traces.values())]
    most = recordings.MOST_TARGETS if len(known) <= recordings.MOST_TARGETS else TRACED
    shown = [name for name in chosen if name in known] or predictions.most_off(list(traces.values()), known, most)
    marked = {}
    for name in traces:
        worst = predictions.worst(parts[name], record.ALL)
        here = worst.loc[worst["sequence"].astype(str) == sequence, "sample"]
        if len(here):
            marked[name] = str(here.iloc[0])
    columns = ["sample", "part", "time", *(f"{side}_{name}" for name in shown for side in predictions.SIDES)]
    frames = [trace.reindex(columns=columns).assign(run=name) for name, trace in traces.items()]
    frame = pd.concat(frames, ignore_index=True)
    text = "Annotated and predicted values in one recording."
    if marked:
        several = "line marks a run's worst sample in its colour" if len(traces) > 1 else "line marks the worst sample"
        text += f" The dotted {several}."
    found: list[recordings.Stretch] = []
    words: dict[str, str] = {}
    if next(iter(traces.values())).attrs["unit"] == "s":
        run = choice.first(Artifact.PREDICTIONS)[next(iter(traces))]
        unlabelled = _unlabelled(choice, run)
        words = _words(run, unlabelled is not None)
        found = recordings.stretches(frame["time"].to_numpy(), (unlabelled or {}).get(sequence, ()))
        text = " ".join(filter(None, (text, recordings.sentence(found, words))))
        if recordings.UNLABELLED in {one.kind for one in found}:
            text += " Samples without a label are not predicted."
    fig = predictions.draw_traces(traces, shown, choice.looks(), marked, found, words)
    table = frame if len(traces) > 1 else frame.drop(columns="run")
    yield Section(sequence, text, fig, table, "trace", notes=choice.which_seed(Artifact.PREDICTIONS))


def _unlabelled(choice: Choice, run: Record) -> dict[str, list[list[float]]] | None:
    """Return recording → the times of its samples without a label; None where the run does not tell."""
    try:
        summary: Any = choice.read.json(run.run_id, Artifact.DATA_SUMMARY)
    except Damaged:
        return None
    times = summary.get(TIMES) if isinstance(summary, dict) else None
    if not isinstance(times, dict):
        return None
    return {
        str(name): [[float(one[0]), float(one[1])] for one in spans if isinstance(one, list) and len(one) == 2]
        for name, spans in times.items()
        if isinstance(spans, list)
    }


def _words(run: Record, told: bool) -> dict[str, str]:
    """Return kind of stretch → what is missing there. `told`: whether it is known which samples have no label."""
    missing = "no face" if run.inputs == IMAGES else "no sample"
    return {recordings.MISSING: missing if told else f"{missing} or no label", recordings.UNLABELLED: "no label"}


def _table(choice: Choice, scores: pd.DataFrame, parts: Mapping[str, pd.DataFrame], targets: list[str]) -> Section:
    """Return the scores of all recordings, the worst first; each row opens its recording."""
    shown = scores if len(parts) > 1 else scores.drop(columns="run")
    varies = scores[f"{recordings.CCC} mean"].notna().any()
    if not varies:
        shown = shown.drop(columns=[column for column in shown if str(column).startswith(f"{recordings.CCC} ")])
    called = {}
    for column in shown:
        metric, _, target = str(column).partition(" ")
        if target:
            of = f"mean of {len(targets)} targets" if target == "mean" else names.target(target)
            called[column] = f"{errors.METRICS.get(metric) or names.metric(metric)}, {of}"
    query = {"runs": list(choice.ids), "section": "Over time"}
    opens = [Link(f"Show {name}", "errors", {**query, "sequence": str(name)}) for name in scores["recording"]]
    order = list(dict.fromkeys(scores["recording"]))
    undefined = "CCC is undefined within these recordings: the truth does not vary in any of them."
    if varies:
        undefined = recordings.undefined(parts, order, targets) if len(targets) <= recordings.MOST_TARGETS else ""
    return Section(
        "All recordings",
        "Scores within each recording, the worst first. Click a row to see it over time.",
        frame=shown.rename(columns=called),
        key="recordings",
        opens=opens,
        formats={"seconds": "%.1f"},
        notes=(undefined,) if undefined else (),
    )
