"""``python -m dashboard [serve | share | link]``: look at a store in a browser, or put a run into a file to send."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.0.0.1", "localhost", "::1")

app = typer.Typer(add_completion=False, help="Affectory's dashboard: reads a store, never writes it.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Serve the dashboard where no command is given."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8501,
    host: Annotated[str, typer.Option(help="Address to serve on; anything but this machine needs care.")] = "127.0.0.1",
) -> None:
    """Serve the dashboard and print its address."""
    if host not in LOOPBACK:
        typer.secho(
            f"Serving on {host}: everyone who reaches this machine can read the whole store. There is no password.",
            fg="yellow",
            err=True,
        )
    typer.echo(f"Affectory is at http://{'localhost' if host in LOOPBACK else host}:{port}  (Ctrl-C ends it)")
    sys.stdout.flush()
    # Streamlit reads .streamlit/config.toml from the working folder; a store given relative to this one stays found
    if folder := os.environ.get("AFFECTORY_STORE"):
        os.environ["AFFECTORY_STORE"] = str(Path(folder).resolve())
    os.chdir(ROOT)
    from streamlit.web import cli

    sys.argv = [
        "streamlit",
        "run",
        str(ROOT / "dashboard" / "app.py"),
        f"--server.port={port}",
        f"--server.address={host}",
        "--logger.level=error",
    ]
    cli.main()


if __name__ == "__main__":
    app()
