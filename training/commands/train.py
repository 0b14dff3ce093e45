"""``train``: fit one configuration."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from training.commands import _options as options
from training.commands._console import console


def train(
    method: options.Method,
    dataset: options.Dataset,
    param: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A hyperparameter in place of its default.")
    ] = None,
    known_as: options.As = None,
    root: options.Root = None,
    split: options.Split = None,
    split_seed: options.SplitSeed = 0,
    test_folds: options.TestFolds = None,
    folds: options.Folds = None,
    allow_leak: options.AllowLeak = False,
    set_: options.Set = None,
    with_: options.With = None,
    repeats: options.Repeats = 5,
    refit: options.Refit = None,
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    name: options.Name = None,
    device: options.Device = "auto",
    threads: options.Threads = 0,
    notify: options.Notify = None,
    patience: options.Patience = options.PATIENCE_S,
    dry_run: options.DryRun = False,
) -> None:
    """Fit one configuration without a search: a study whose only trial is the defaults and what --param changes."""
    values = locals()
    from training.commands import _plan, _studies

    plan = _plan.from_options(values)
    plan = dataclasses.replace(plan, trials=1, pruner="none", first=options.pairs(param, "--param"), fixed=True)
    _studies.run([plan], console(), patience=patience, notify=notify, dry_run=dry_run)
