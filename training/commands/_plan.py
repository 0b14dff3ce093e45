"""A study's plan: made of a command's options, and shown by ``--dry-run``."""

from __future__ import annotations

import dataclasses
import itertools
import os
from typing import TYPE_CHECKING, Any

from training.commands._options import folds, pairs
from training.contract import UserError
from training.study.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from training.study.plan import Prepared


def threads(asked: int, workers: int = 1) -> int:
    """Return the CPU threads of a fit: for 0 all cores, divided among the workers."""
    # a job of a cluster may use fewer cores than its machine has
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return asked or max(1, cores // workers)


def from_options(options: Mapping[str, Any]) -> Plan:
    """Return the plan of a command's options: those with the name of one of its fields, and the converted ones."""
    same = {field.name: options[field.name] for field in dataclasses.fields(Plan) if field.name in options}
    converted = {
        "split_file": options["split"],
        "settings": pairs(options["set_"], "--set"),
        "prerequisites": pairs(options["with_"], "--with"),
        "hold": pairs(options.get("hold"), "--hold"),
        "threads": threads(options["threads"], options.get("workers", 1)),
        "test_folds": folds(options["test_folds"]),
        "refit": options["refit"] or ("train" if options["folds"] is None else "all"),
    }
    return Plan(**{**same, **converted})


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


def show(prepared: Prepared, console: Console) -> None:
    """Print what a study would do."""
    from training.study.plan import hints
    from training.study.search import distributions, words

    plan, protocol = prepared.plan, prepared.protocol
    total = "1 trial" if plan.fixed else f"{plan.trials} trials"
    if protocol.folds:
        total += f" in each of {len(protocol.folds)} folds"
    folds = (
        ""
        if plan.folds is None
        else f", the mean over {plan.folds} folds of train and validation by {prepared.data.group_kind}"
    )
    refitted_on = "train" if plan.refit == "train" else "train and validation"
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
        f"search    {total}, {prepared.method.direction} validation {prepared.method.objective}{folds}; "
        + (f"the best {plan.confirm_top} fitted again with new seeds; " if plan.confirm_top else "")
        + f"then {plan.repeats} refits on {refitted_on}, scored on test",
        "trial 0   " + ", ".join(f"{k}={v}" for k, v in prepared.first.items()),
        *(
            f"space     {name}: {words(distribution)}"
            for name, distribution in distributions(prepared.space).items()
            if name not in prepared.hold
        ),
        *(f"note      {text}" for text in (*prepared.data.summary.get("notes", ()), *protocol.notes, *hints(prepared))),
        "nothing was written (--dry-run)",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
