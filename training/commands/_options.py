"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.contract import UserError

Method = Annotated[str, typer.Argument(metavar="METHOD", help="family/method, as `methods` lists them")]
Dataset = Annotated[str, typer.Option(help="Data set, as `datasets` lists them.")]
As = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Name under which published results of this data are shown.")
]
Root = Annotated[Path | None, typer.Option(metavar="PATH", help="File or folder of the data set.")]
Split = Annotated[
    Path | None, typer.Option("--split", metavar="FILE", help="Published split: JSON of train, val, test.")
]
SplitSeed = Annotated[int, typer.Option(help="Seed of the split; --seed never changes it.")]
TestFolds = Annotated[
    str | None,
    typer.Option(
        metavar="K|loso",
        help="Test every group once, in K folds or one fold a group; each fold has a search of its own.",
    ),
]
AllowLeak = Annotated[
    bool,
    typer.Option(
        "--allow-leak", help="Run although the split divides a person, a recording or copies; results are marked."
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        min=2,
        metavar="K",
        help="Score each trial by its mean over K folds of train and validation; it is refitted on both (--refit all).",
    ),
]
ConfirmTop = Annotated[
    int,
    typer.Option(
        min=0, metavar="N", help="Fit the N best trials again with new seeds, on validation, before one is chosen."
    ),
]
Refit = Annotated[
    str | None,
    typer.Option(
        help="train, or all: refit the best trial on train and validation, for as many epochs as validation found.",
        show_default="train; all with --folds",
    ),
]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="Value of a setting (repeatable).")]
Over = Annotated[
    list[str] | None, typer.Option(metavar="K=A,B", help="One study for each value of a setting (repeatable: a grid).")
]
With = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="NAME=RUN", help="A run or study whose model serves as a prerequisite."),
]
Repeats = Annotated[int, typer.Option(min=1, help="Seeds with which the best trial is refitted and scored on test.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the search and of the fits.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Upper limit on epochs (boosting rounds for trees).")]
Name = Annotated[str | None, typer.Option(help="Name of the study; by default made of what it studies.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads of a fit; 0: all cores, shared by the workers.")]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes of this machine that share the trials and refits, each with a GPU.")
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        metavar="K=V",
        help="The workers are jobs of a Slurm cluster (repeatable): time (minutes), partition, gpus, cpus and memory "
        "(GB) of each, account, qos.",
    ),
]
Notify = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Run this at the end; {study}, {state} and {result} are filled in."),
]
Patience = Annotated[
    float,
    typer.Option(min=0, metavar="S", help="Seconds to wait for a store that is locked, full, restarting or away."),
]
PATIENCE_S = 600.0
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, show what would be done, write nothing.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning, or a study's name")]
Images = Annotated[Path, typer.Argument(help="CK+'s tree, a folder of images, an image or a video")]
Last = Annotated[float, typer.Option(min=0, max=1, help="Share of a CK+ sequence, from its end.")]
Anchor = Annotated[
    str, typer.Option("--from", metavar="ANCHOR", help="Annotated data set, table of ellipses (CSV), or default.")
]
AnchorRoot = Annotated[
    Path | None, typer.Option("--from-root", metavar="PATH", help="File or folder of the annotated data set.")
]
Target = Annotated[Path, typer.Option("--to", metavar="TARGET", help="Labelled folder, its CSV, or IMFDB's folder.")]


def folds(text: str | None) -> int | str | None:
    """Return the value of ``--test-folds``: a number, or "loso"."""
    from training.splits import LOSO

    if text is None or text.lower() == LOSO:
        return text and LOSO
    if not text.isdecimal():
        raise UserError(f"--test-folds {text!r}: expected a number of folds, or {LOSO} for one fold a group")
    return int(text)


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """Return the ``NAME=VALUE`` texts of a repeatable option as a dictionary."""
    values: dict[str, str] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UserError(f"{option} {text!r}: expected NAME=VALUE")
        if key in values:
            raise UserError(f"{option} {key} is given twice")
        values[key] = value
    return values
