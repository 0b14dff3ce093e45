"""The command line: every command by its name. Heavy imports happen inside the commands: ``--help`` answers at once."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from training.commands import (
    annotate,
    datasets,
    demo,
    doctor,
    evaluate,
    methods,
    predict,
    prepare,
    preview,
    status,
    study,
    train,
    transport,
    work,
)
from training.contract import StudyFailed, UserError
from training.study import stopping
from training.tracking.patience import StoreAway

SCREEN = 2000
"""Letters of a message; what is longer names odd content, which nobody reads to its end."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Affectory's bench: hyperparameter studies of affect, written into a tracking store.",
)
app.command()(methods.methods)
app.command()(datasets.datasets)
app.command()(study.study)
app.command()(work.work)
app.command()(train.train)
app.command()(demo.demo)
app.command()(status.status)
app.add_typer(prepare.app, name="prepare")
app.command()(predict.predict)
app.command()(preview.preview)
app.command()(evaluate.evaluate)
app.command()(transport.export)
app.command(name="import")(transport.import_)
app.command()(doctor.doctor)
app.command()(annotate.note)
app.command()(annotate.tag)
app.command()(annotate.archive)

# names that commands had before; they say the new one and do the same
app.command(name="export-meshes", hidden=True)(prepare.export_meshes)
app.command(name="transfer", hidden=True)(prepare.former_transfer)
app.command(name="activations", hidden=True)(evaluate.activations)


def main() -> None:
    """Run the command line.

    Exit codes: 2 for a user's mistake, 1 for a failed study, 3 for a store that was waited for in vain.
    """
    stopping.install()
    try:
        app()
    except UserError as error:
        _fail(str(error), 2)
    except StudyFailed as error:
        _fail(str(error), 1)
    except StoreAway as error:
        _fail(str(error), 3)
    except PermissionError as error:
        reason = (error.strerror or str(error)).lower()
        _fail(f"{error.filename}: {reason}. Change the permissions and run the same command again", 2)
    except BrokenPipeError:  # `… | head`
        sys.stderr.close()
        sys.exit(141)


def _fail(text: str, code: int) -> NoReturn:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("error:", style="bold red", end=" ")
    console.print(
        text if len(text) <= SCREEN else f"{text[:SCREEN]} … and {len(text) - SCREEN:,} letters more", markup=False
    )
    sys.exit(code)
