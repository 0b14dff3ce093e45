"""``note``, ``tag`` and ``archive``: what people write on a run."""

from __future__ import annotations

from typing import Annotated

import typer

from training.commands import _options as options
from training.commands._console import console


def note(
    run: options.Run, text: Annotated[str, typer.Argument(help="Plain text; an empty one removes the note")]
) -> None:
    """Put a note on a run or study."""
    from training.tracking import annotations
    from training.tracking.store import Store

    annotations.note(Store.open(), run, text)
    console().print(f"{run}: note {'set' if text else 'removed'}", markup=False)


def tag(
    run: options.Run,
    labels: Annotated[list[str], typer.Argument(metavar="TAG…", help="Your own words")],
    remove: Annotated[bool, typer.Option(help="Remove the tags.")] = False,
) -> None:
    """Put tags of your own on a run or study."""
    from training.tracking import annotations
    from training.tracking.store import Store

    annotations.label(Store.open(), run, labels, remove=remove)
    console().print(f"{run}: {'removed' if remove else 'tagged'} {', '.join(labels)}", markup=False)


def archive(run: options.Run, undo: Annotated[bool, typer.Option(help="Bring it back.")] = False) -> None:
    """Archive a run or study: pages leave it out unless asked. Nothing is deleted."""
    from training.tracking import annotations
    from training.tracking.store import Store

    annotations.archive(Store.open(), run, undo=undo)
    console().print(f"{run}: {'brought back' if undo else 'archived; pages leave it out unless asked'}", markup=False)
