"""``study``: search, refit the best trial, score on test once."""

from __future__ import annotations

from typing import Annotated

import typer

from training.commands import _options as options
from training.commands._console import console


def study(
    method: options.Method,
    dataset: options.Dataset,
    known_as: options.As = None,
    root: options.Root = None,
    split: options.Split = None,
    split_seed: options.SplitSeed = 0,
    test_folds: options.TestFolds = None,
    folds: options.Folds = None,
    allow_leak: options.AllowLeak = False,
    set_: options.Set = None,
    over: options.Over = None,
    with_: options.With = None,
    hold: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A hyperparameter that is not searched (repeatable).")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials to reach (in each fold); complete and pruned ones count.")
    ] = 20,
    timeout: Annotated[
        float | None, typer.Option(min=1, metavar="S", help="Seconds after which no trial begins, in each fold.")
    ] = None,
    confirm_top: options.ConfirmTop = 0,
    repeats: options.Repeats = 5,
    refit: options.Refit = None,
    also_selected_on_test: Annotated[
        bool,
        typer.Option(
            "--also-selected-on-test",
            help="Fit each final run once more to show what the best epoch on test would have scored: a diagnostic, "
            "never ranked.",
        ),
    ] = False,
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    pruner: Annotated[str, typer.Option(help="median, hyperband or none.")] = "median",
    objectives: Annotated[
        str, typer.Option(help="one, or two where a method's objective weights two: each is searched, none pruned.")
    ] = "one",
    name: options.Name = None,
    device: options.Device = "auto",
    threads: options.Threads = 0,
    workers: options.Workers = 1,
    slurm: options.Slurm = None,
    notify: options.Notify = None,
    patience: options.Patience = options.PATIENCE_S,
    dry_run: options.DryRun = False,
) -> None:
    """Search a method's hyperparameters, refit the best trial with several seeds, score it on test once.

    The same command goes on where it was stopped or killed, and several of them share the work.
    """
    values = locals()
    from training.commands import _plan, _studies

    plans = _plan.grid(_plan.from_options(values), options.pairs(over, "--over"))
    _studies.run(plans, console(), patience=patience, workers=workers, slurm=slurm, notify=notify, dry_run=dry_run)
