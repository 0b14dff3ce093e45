"""``work``: join a study that was begun elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated

import typer

from training.commands import _options as options
from training.commands._console import console


def work(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study of this store")],
    root: options.Root = None,
    split: options.Split = None,
    device: options.Device = "auto",
    threads: options.Threads = 0,
    workers: options.Workers = 1,
    slurm: options.Slurm = None,
    notify: options.Notify = None,
    patience: options.Patience = options.PATIENCE_S,
) -> None:
    """Share the work of a study that was begun in another terminal or on another machine with the same store.

    Its plan is the one it was begun with. --root and --split say where its files lie on this machine, if elsewhere.
    """
    from training.commands import _plan, _studies
    from training.study import kept_plan
    from training.tracking.store import Store

    with contextlib.closing(Store.open()) as store:
        store.patience.seconds = patience
        kept = kept_plan.read(store, study)
    files = dataclasses.replace(kept, root=root or kept.root, split_file=split or kept.split_file)
    plan = dataclasses.replace(files, device=device, threads=_plan.threads(threads, workers))
    _studies.run([plan], console(), patience=patience, workers=workers, slurm=slurm, notify=notify)
