"""``export`` and ``import``: runs from one store to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.commands._console import console
from training.tracking.exported import LIMIT


def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs or studies (with all of their runs)")],
    out: Annotated[Path, typer.Option(help="Zip file to write.")],
) -> None:
    """Write runs into one zip file, to be imported into another store."""
    from training.tracking import transport
    from training.tracking.store import Store

    count = transport.export(Store.open(to_read=True), runs, out)
    console().print(f"{count} runs written to {out}", markup=False)


def import_(
    file: Annotated[Path, typer.Argument(help="Zip file that `export` wrote.")],
    limit: Annotated[float, typer.Option(metavar="GB", help="The most that the file may unpack to.")] = LIMIT,
) -> None:
    """Read runs from a zip file into this store; runs that are there already stay as they are."""
    from training.tracking import transport
    from training.tracking.store import Store

    console().print(transport.import_(Store.open(), file, limit), markup=False)
