"""Scores of runs as text, and the table that ends a study."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from affect.record import ALL, HIGH, LABEL_MEAN, LOW, MAJORITY, MEAN, SD, metric, parse_metric
from training.messages import counted, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from training.study.session import Session

SHOWN_TARGETS = 8
BASELINES = {MEAN: "always the mean", LABEL_MEAN: "mean of the label"}


def text(scores: Mapping[str, float], name: str, target: str) -> str:
    """Return a score on test: value ± standard deviation over seeds [interval], "n/a" where there is none."""
    value = scores.get(metric("test", name, target))
    if value is None:
        return "n/a"
    sd = scores.get(metric("test", name, target, SD))
    low, high = (scores.get(metric("test", name, target, end)) for end in (LOW, HIGH))
    shown = f"{value:.4f}" + (f" ± {sd:.4f}" if sd is not None else "")
    return shown + (f" [{low:.4f}, {high:.4f}]" if low is not None and high is not None else "")


def seeds(tags: Mapping[str, str]) -> str:
    """Return how many seeds a finished study has a score of: "5 seeds", or "4 of 5 seeds" where one failed."""
    asked, scored = tags["repeats"], tags.get("seeds", tags["repeats"])
    return counted(int(asked), "seed") if scored == asked else f"{scored} of {counted(int(asked), 'seed')}"


def headline(session: Session) -> str:
    """Return a study's objectives on test in one line."""
    scores = session.store.get(session.run_id).metrics
    heads = []
    for full in session.prepared.objectives:
        parsed = parse_metric(full)
        assert parsed is not None
        target = "" if parsed.target == ALL else f" ({parsed.target})"
        heads.append(f"test {parsed.metric.upper()}{target} {text(scores, parsed.metric, parsed.target)}")
    tags = session.store.get(session.run_id).tags
    failed = f" ({seeds(tags)})" if tags.get("seeds", tags["repeats"]) != tags["repeats"] else ""
    return ", ".join(heads) + failed


def show(session: Session, console: Console) -> None:
    """Print a finished study's scores on test beside the baselines, and the address of its page."""
    from rich.table import Table

    prepared = session.prepared
    info = session.store.get(session.run_id)
    name, scores = prepared.method.objective, info.metrics
    groups = f"{prepared.protocol.groups['test']} {plural(prepared.data.group_kind)}"
    baselines = {MAJORITY: "always the majority"} if prepared.protocol.classes else BASELINES
    folds = len(prepared.protocol.folds)
    table = Table(
        f"test, {folds} folds" if folds else "test part",
        f"{name.upper()} mean ± sd over {seeds(info.tags)} [95 % over {groups}]",
        *baselines.values(),
        box=None,
        header_style="bold",
    )
    targets = prepared.protocol.targets if 1 < len(prepared.protocol.targets) <= SHOWN_TARGETS else ()
    further = [
        target for target in (*prepared.method.objective_weights, prepared.method.objective_target) if target != ALL
    ]
    for target in dict.fromkeys((*targets, ALL, *further)):
        rows = [scores.get(metric("test", name, target, aspect)) for aspect in baselines]
        table.add_row(target, text(scores, name, target), *("" if v is None else f"{v:.4f}" for v in rows))
    console.print(table)
    if prepared.plan.folds is not None:
        on_folds = f"{prepared.plan.folds} folds by {prepared.data.group_kind}"
        console.print(
            f"trials were scored on {on_folds} of train and validation; the best was refitted on both", markup=False
        )
    origin = "SYNTHETIC data" if prepared.data.synthetic else "REAL data"
    console.print(
        f"{prepared.name}: {origin}, {prepared.protocol.name}; run {info.id}\n"
        f"look at it: {_address()}/study?study={_quoted(prepared.name)}  (make dashboard serves it)",
        markup=False,
        soft_wrap=True,
    )


def _address() -> str:
    """Return where the dashboard is: AFFECTORY_URL, or this machine."""
    return (os.environ.get("AFFECTORY_URL") or "http://127.0.0.1:8501").rstrip("/")


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
