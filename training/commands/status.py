"""``status``: list the studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.commands._console import console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from training.tracking.store import RunInfo, Store


def status() -> None:
    """List the studies in the store: how far they are, and how good."""
    from training.tracking.store import Store

    show(Store.open(to_read=True), console())


def show(store: Store, console: Console) -> None:
    """Print a row per study."""
    from rich.table import Table

    from affect.record import ALL, Kind
    from training.commands import _scores

    studies = store.find({"kind": Kind.STUDY})
    if not studies:
        console.print("no study yet; make demo, or python -m training study METHOD --dataset D, makes one")
        return
    table = Table("study", "state", "trials", "objective", "validation", "test", "id", box=None, header_style="bold")
    for info in studies:
        done, best = _progress(store, info)
        tags = info.tags
        table.add_row(
            tags.get("study", info.name),
            _state(tags),
            f"{done}/{tags.get('trials_total', '?')}" + _folds(tags),
            " ".join(part for part in _objective(info) if part != ALL),
            "" if best is None else f"{best:.4f}",
            _scores.text(info.metrics, *_objective(info)) if tags.get("frozen") == "true" else "",
            info.id[:8],
        )
    console.print(table)


def _folds(tags: Mapping[str, str]) -> str:
    """Return on how many folds each trial was scored, where it was not one validation part."""
    return f" on {tags['search_folds']} folds by {tags.get('group_kind', 'group')}" if "search_folds" in tags else ""


def _state(tags: Mapping[str, str]) -> str:
    """Return a study's state in words: with the seeds that failed, and whether an earlier Affectory began it."""
    from affect.record import RECORD_VERSION
    from training.commands import _scores

    words = [tags.get("state", "?")]
    if tags.get("seeds", tags.get("repeats")) != tags.get("repeats"):
        words.append(_scores.seeds(tags))
    if tags.get("frozen") != "true" and tags.get("record") != str(RECORD_VERSION):
        words.append("of an earlier Affectory: start it anew")
    if tags.get("archived") == "true":
        words.append("archived")
    return ", ".join(words)


def _objective(info: RunInfo) -> tuple[str, str]:
    """Return metric and target of a study's objective."""
    import json

    from affect.record import ALL, WEIGHED

    weights = json.loads(info.tags.get("weights", "{}"))
    return info.tags.get("objective", ""), WEIGHED if len(weights) > 1 else next(iter(weights), ALL)


def _progress(store: Store, info: RunInfo) -> tuple[int, float | None]:
    """Return a study's counted trials and its best objective on validation, with folds the mean of their best."""
    from affect.record import Kind, metric

    name = metric("validation", *_objective(info))
    # of this run, not of this name: an imported study may bear it too
    trials = [run for run in store.children(info.id) if run.tags.get("kind") == Kind.TRIAL]
    done = [t for t in trials if t.tags.get("state") in ("complete", "pruned")]
    of_folds: dict[str, list[float]] = {}
    for t in done:
        if t.tags["state"] == "complete" and name in t.metrics:
            of_folds.setdefault(t.tags.get("fold", ""), []).append(t.metrics[name])
    better = min if info.tags.get("direction") == "minimize" else max
    best = [better(values) for values in of_folds.values()]
    return len(done), sum(best) / len(best) if best else None
