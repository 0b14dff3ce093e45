"""What the commands do: several studies in turn with their progress and results, the demo, status and predictions."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect.record import ALL, HIGH, LABEL_MEAN, LOW, MAJORITY, MEAN, SD, WEIGHED, Artifact, Kind, metric, parse_metric
from training import registry
from training.contract import StudyFailed, UserError
from training.splits import plural
from training.study import provenance
from training.study.plan import Plan, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from training.contract import Model
    from training.study.plan import Prepared
    from training.study.session import Session
    from training.tracking.store import RunInfo, Store

SHOWN_TARGETS = 8
TRIVIAL = {MEAN: "always the mean", LABEL_MEAN: "mean of the label"}


def threads(asked: int) -> int:
    """Return the CPU threads of a fit: all cores for 0."""
    return asked or os.cpu_count() or 1


def grid(plan: Plan, over: Mapping[str, str]) -> list[Plan]:
    """Return a plan for each combination of the settings' values that ``--over`` names."""
    for key in over:
        if key in plan.settings:
            raise UserError(f"setting {key} is given by --set and by --over")
    values = [[(key, value) for value in texts.split(",")] for key, texts in over.items()]
    plans = []
    for combination in itertools.product(*values):
        name = plan.name and " ".join([plan.name, *(f"{k}={v}" for k, v in combination)])
        plans.append(dataclasses.replace(plan, settings={**plan.settings, **dict(combination)}, name=name))
    return plans


def studies(plans: Sequence[Plan], console: Console, *, notify: str | None = None, dry_run: bool = False) -> None:
    """Run the studies in turn. All are checked before the first one begins, and before a store is made."""
    for plan in plans:
        provenance.device(plan.device)
    if notify:
        _filled(notify, "name", "complete", "result")
    prepared = [prepare(plan) for plan in plans]
    if dry_run:
        for one in prepared:
            _show_plan(one, console)
        return
    from training.tracking.store import Store

    store = Store.open()
    finished = []
    for one in prepared:
        state, result = "failed", ""
        try:
            session = _study(one, store, console)
            finished.append(session)
            state, result = "complete", _headline(session)
        except KeyboardInterrupt:
            state = "stopped"
            console.print(f"\nstopped; nothing is lost. The same command goes on with {one.name!r}.", markup=False)
            sys.exit(130)
        except (StudyFailed, UserError) as error:
            result = str(error)
            raise
        finally:
            if notify:
                _notify(notify, one.name, state, result)
    if len(finished) > 1:
        console.print()
        for session in finished:
            console.print(f"{session.prepared.name}: {_headline(session)}", markup=False)


def _study(prepared: Prepared, store: Store, console: Console) -> Session:
    from training.study import study
    from training.study.progress import Bars

    for sentence in (*prepared.data.summary.get("notes", ()), *prepared.protocol.notes):
        console.print(sentence, style="dim", markup=False, soft_wrap=True)
    with Bars(console, prepared.name, prepared.method.objective.upper()) as bars:
        session = study.run(prepared, store, bars)
    _show_result(session, console)
    return session


def _notify(command: str, name: str, state: str, result: str) -> None:
    """Run the person's command; whether it succeeds is theirs to see."""
    try:
        subprocess.run(_filled(command, name, state, result), check=False)
    except OSError as error:
        print(f"--notify {command}: {error}", file=sys.stderr)


def _filled(command: str, name: str, state: str, result: str) -> list[str]:
    try:
        return [part.format(study=name, state=state, result=result) for part in shlex.split(command)]
    except (ValueError, LookupError, AttributeError) as error:
        raise UserError(
            f"--notify {command}: cannot be filled in ({error}); it may have {{study}}, {{state}} and {{result}}, and "
            "other braces are written twice"
        ) from None


# ------------------------------------------------------------------------------------------------- results


def _headline(session: Session) -> str:
    """Return on test what the search optimised, in one line."""
    figures = session.store.get(session.run_id).metrics
    heads = []
    for full in session.prepared.objectives:
        found = parse_metric(full)
        assert found is not None
        of = "" if found.target == ALL else f" ({found.target})"
        heads.append(f"test {found.metric.upper()}{of} {_figure(figures, found.metric, found.target)}")
    return ", ".join(heads)


def _figure(figures: Mapping[str, float], name: str, target: str) -> str:
    value = figures.get(metric("test", name, target))
    if value is None:
        return "n/a"
    sd = figures.get(metric("test", name, target, SD))
    low, high = (figures.get(metric("test", name, target, end)) for end in (LOW, HIGH))
    text = f"{value:.4f}" + (f" ± {sd:.4f}" if sd is not None else "")
    return text + (f" [{low:.4f}, {high:.4f}]" if low is not None and high is not None else "")


def _show_result(session: Session, console: Console) -> None:
    from rich.table import Table

    prepared = session.prepared
    info = session.store.get(session.run_id)
    name, figures = prepared.method.objective, info.metrics
    groups = f"{prepared.protocol.groups['test']} {plural(prepared.data.group_kind)}"
    trivial = {MAJORITY: "always the majority"} if prepared.protocol.classes else TRIVIAL
    table = Table(
        "test part",
        f"{name.upper()} mean ± sd over {info.tags['repeats']} seeds [95 % over {groups}]",
        *trivial.values(),
        box=None,
        header_style="bold",
    )
    targets = prepared.protocol.targets if 1 < len(prepared.protocol.targets) <= SHOWN_TARGETS else ()
    further = [
        target for target in (*prepared.method.objective_weights, prepared.method.objective_target) if target != ALL
    ]
    for target in dict.fromkeys((*targets, ALL, *further)):
        rows = [figures.get(metric("test", name, target, aspect)) for aspect in trivial]
        table.add_row(target, _figure(figures, name, target), *("" if v is None else f"{v:.4f}" for v in rows))
    console.print(table)
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


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _show_plan(prepared: Prepared, console: Console) -> None:
    from training.study.search import distributions, words

    plan, protocol = prepared.plan, prepared.protocol
    total = "1 trial" if plan.fixed else f"{plan.trials} trials"
    console.print(f"study {prepared.name}", style="bold", markup=False)
    lines = [
        f"method    {plan.method}: {prepared.method.title} ({prepared.method.source})",
        f"data      {prepared.data.name}, version {prepared.data.version}, "
        + ("SYNTHETIC" if prepared.data.synthetic else "REAL"),
        f"protocol  {protocol.name} ({protocol.id})",
        "parts     "
        + ", ".join(
            f"{part} {(protocol.part == part).sum()} samples in {n} groups" for part, n in protocol.groups.items()
        ),
        "settings  " + (", ".join(f"{k}={v}" for k, v in prepared.settings.items()) or "none"),
        f"search    {total}, {prepared.method.direction} validation {prepared.method.objective}; "
        f"then {plan.repeats} refits scored on test",
        "trial 0   " + ", ".join(f"{k}={v}" for k, v in prepared.first.items()),
        *(
            f"space     {name}: {words(distribution)}"
            for name, distribution in distributions(prepared.space).items()
            if name not in prepared.hold
        ),
        *(f"note      {sentence}" for sentence in (*prepared.data.summary.get("notes", ()), *protocol.notes)),
        "nothing was written (--dry-run)",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def status(store: Store, console: Console) -> None:
    """Print a line per study."""
    from rich.table import Table

    found = store.find({"kind": Kind.STUDY})
    if not found:
        console.print("no study yet; make demo, or python -m training study METHOD --dataset D, makes one")
        return
    table = Table("study", "state", "trials", "objective", "validation", "test", "id", box=None, header_style="bold")
    for info in found:
        done, best = _progress(store, info)
        tags = info.tags
        table.add_row(
            tags["study"],
            tags["state"] + (", archived" if tags.get("archived") == "true" else ""),
            f"{done}/{tags['trials_total']}",
            " ".join(part for part in _searched(info) if part != ALL),
            "" if best is None else f"{best:.4f}",
            _figure(info.metrics, *_searched(info)) if tags.get("frozen") == "true" else "",
            info.id[:8],
        )
    console.print(table)


def _searched(info: RunInfo) -> tuple[str, str]:
    """Return metric and target of what a study's search optimises, as one number."""
    weights = json.loads(info.tags.get("weights", "{}"))
    return info.tags["objective"], WEIGHED if len(weights) > 1 else next(iter(weights), ALL)


def _progress(store: Store, info: RunInfo) -> tuple[int, float | None]:
    """Return a study's counted trials and its best objective on validation."""
    name = metric("validation", *_searched(info))
    # of this run, not of this name: an imported study may bear it too
    trials = [run for run in store.children(info.id) if run.tags.get("kind") == Kind.TRIAL]
    done = [t for t in trials if t.tags["state"] in ("complete", "pruned")]
    values = [t.metrics[name] for t in done if t.tags["state"] == "complete" and name in t.metrics]
    better = min if info.tags["direction"] == "minimize" else max
    return len(done), better(values) if values else None


# ----------------------------------------------------------------------------------------------- predictions


def predict(store: Store, name: str, file: Path, out: Path | None, device: str) -> None:
    """Read the method's inputs from `file`, predict with the run's model, and write a CSV row per row of it."""
    import numpy as np
    import pandas as pd

    if out is not None and out.exists():
        raise UserError(f"--out {out}: the file is there already")
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.absolute().parent}")
    info, model = trained(store, name, device)
    tags = info.tags
    reader = registry.dataset(tags["reader"])
    inputs, given = reader.read_inputs(file, tags["inputs"], json.loads(tags["settings"]))
    predicted = model.predict(inputs)
    columns: dict[str, Any] = {**given}
    classes, targets = json.loads(tags.get("classes", "[]")), json.loads(tags["targets"])
    if classes:
        columns[f"pred_{targets[0]}"] = np.array(classes)[np.argmax(predicted, axis=1)]
    for i, name in enumerate(classes or targets):
        columns[f"prob_{name}" if classes else f"pred_{name}"] = np.asarray(predicted[:, i], dtype=float)
    table = pd.DataFrame(columns)
    if out is None:
        table.to_csv(sys.stdout, index=False)
    else:
        table.to_csv(out, index=False)


def preview(
    store: Store, name: str, source: Path | int, out: Path | None, port: int, device: str, console: Console
) -> None:
    """Show what a run's classifier of meshes says of the frames of a video or a camera."""
    from training.facemesh import preview

    info, model = trained(store, name, device)
    classes = json.loads(info.tags.get("classes", "[]"))
    if info.tags["inputs"] != "landmarks" or not classes:
        raise UserError(
            f"run {info.id[:8]} is of {info.tags['method']}, which is given {info.tags['inputs']}; expected a run that "
            "tells classes from meshes, as those of meshes/… do"
        )
    origin = "SYNTHETIC data" if info.tags["synthetic"] == "true" else info.tags["dataset"]
    count = preview.preview(model, classes, f"learnt from {origin}", source, out, port, console)
    if out is not None:
        console.print(f"{count} frames written to {out}", markup=False)


def trained(store: Store, name: str, device: str) -> tuple[RunInfo, Model]:
    """Return the run `name` (of a study, its first final run) and its model, loaded; UserError where it has none."""
    info = store.final(name)
    if "method" not in info.tags:
        raise UserError(f"run {info.id[:8]} ({info.name}) is none of Affectory's")
    folder = store.artifacts(info.id) / Artifact.MODEL
    if not folder.is_dir():
        raise UserError(f"run {info.id[:8]} has no model: {folder} is missing")
    return info, registry.method(info.tags["method"]).load(folder, provenance.device(device))


# ------------------------------------------------------------------------------------------------------ demo


def demo(console: Console) -> None:
    """Run a small study of every method on the synthetic data set of its kind: its space's TINY holds its size."""
    plans = []
    for name in registry.methods():
        method, space = registry.method(name).METHOD, registry.space(name)
        plans.append(
            Plan(
                method=name,
                dataset=f"synthetic_{method.data}",
                name=f"demo {name}",
                hold={key: value for key, value in space.TINY.items() if space.DEFAULTS.get(key) != value},
                first=space.TINY,
                threads=threads(0),
                trials=3,
                repeats=2,
                epochs=60,
            )
        )
    studies(plans, console)


def serve() -> None:
    """Replace this process by the dashboard."""
    os.execv(sys.executable, [sys.executable, "-m", "dashboard"])
