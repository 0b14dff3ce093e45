"""``python -m dashboard [serve | share | link]``: look at a store in a browser, or put a run into a file to send."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import quote, urlsplit

import typer

if TYPE_CHECKING:
    from dashboard.results.index import Index

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"run": "run", "errors": "runs", "circumplex": "fits", "latent": "spaces"}
"""Pages whose address takes a run, and by which name."""
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
    _refuse_a_taken_port(host, port)
    typer.echo(f"Affectory is at http://{host}:{port}  (Ctrl-C ends it)")
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


def _refuse_a_taken_port(host: str, port: int) -> None:
    """End with exit code 2 where another program serves there: the address would lead to it."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        typer.secho(
            f"Cannot serve on {host}:{port} ({reason}); choose another with --port or PORT=", fg="red", err=True
        )
        raise typer.Exit(2) from error


@app.command("share")
def share_runs(
    runs: Annotated[list[str], typer.Argument(help="Run ids, or their first letters.")],
    out: Annotated[Path | None, typer.Option(help="File to write; shares/<run>.html where not given.")] = None,
) -> None:
    """Write cards and figures of runs into one HTML file that opens offline."""
    from dashboard import share
    from dashboard.results.index import Index
    from dashboard.store import Store, locate

    store = Store(locate())
    index = Index(store.runs())
    ids = [_found(index, given) for given in runs]
    path = out or ROOT / "shares" / f"{'-'.join(run[:8] for run in ids[:3])}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(share.runs(store, ids), encoding="utf-8")
    typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB, opens offline)")


@app.command()
def link(
    run: Annotated[str, typer.Argument(help="Run id, or its first letters.")],
    page: Annotated[str, typer.Option(help="Page that the address opens.")] = "run",
) -> None:
    """Print the address of a run's page, below AFFECTORY_URL where that is set."""
    from dashboard.results.index import Index
    from dashboard.store import Store, locate

    if page not in PAGES:
        _refuse(f"no page {page!r}; known: {', '.join(PAGES)}")
    typer.echo(address(_found(Index(Store(locate()).runs()), run), page, os.environ.get("AFFECTORY_URL", "")))


def address(run_id: str, page: str, base: str) -> str:
    """Return the address of a page for a run, and in words where an address opens only on this machine."""
    base = base.rstrip("/") or "http://localhost:8501"
    here = (
        "" if urlsplit(base).hostname not in LOOPBACK else "  (only on this machine; AFFECTORY_URL names another base)"
    )
    return f"{base}/{page}?{PAGES[page]}={quote(run_id)}{here}"


def _found(index: Index, given: str) -> str:
    found = index.find(given)
    if found is None:
        close = index.nearest(given)
        _refuse(f"no run or study {given!r} in this store" + (f"; did you mean {' or '.join(close)}?" if close else ""))
    return str(found)


def _refuse(message: str) -> NoReturn:
    typer.secho(message, fg="red", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
