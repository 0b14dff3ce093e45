"""``python -m dashboard [serve | share | link]``: look at a store in a browser, or put a run into a file to send."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlencode, urlsplit

import typer

if TYPE_CHECKING:
    from dashboard.results.index import Index

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("run", "circumplex", "latent")
"""Pages whose figures go into a shared file where nobody names one."""
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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        typer.secho(
            f"Cannot serve on {host}:{port} ({reason}); choose another with --port or PORT=", fg="red", err=True
        )
        raise typer.Exit(2) from error


@app.command("share")
def share_runs(
    runs: Annotated[list[str], typer.Argument(help="Studies or runs: names, run ids, or their first letters.")],
    page: Annotated[
        list[str] | None, typer.Option(help="Page whose figures go into the file; may be given several times.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; shares/<run>.html where not given.")] = None,
) -> None:
    """Write what pages show of runs into one HTML file that opens offline: by default the card and all about it."""
    from dashboard import share
    from dashboard.results.index import Index
    from dashboard.store import Store, locate
    from dashboard.views import view

    pages = [_page(name) for name in page or SHARED]
    store = Store(locate())
    index = Index(store.runs())
    ids = [_found(index, given) for given in runs]
    if not page:  # only what there is something of
        pages = [name for name in pages if view.load(name).shows_any(index, ids)]
    path = out or ROOT / "shares" / f"{'-'.join(run[:8] for run in ids[:3])}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(share.file(index, store, [view.load(name) for name in pages], ids), encoding="utf-8")
    typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB, opens offline)")


@app.command()
def link(
    runs: Annotated[list[str], typer.Argument(help="Studies or runs: names, run ids, or their first letters.")],
    page: Annotated[str, typer.Option(help="Page that the address opens.")] = "run",
) -> None:
    """Print the address of a page that shows runs, below AFFECTORY_URL where that is set."""
    from dashboard.results.index import Index
    from dashboard.store import Store, locate

    index = Index(Store(locate()).runs())
    found = address([_found(index, given) for given in runs], _page(page), os.environ.get("AFFECTORY_URL", ""))
    typer.echo(found)
    if urlsplit(found).hostname in LOOPBACK:
        typer.echo("This address opens only on this machine; AFFECTORY_URL names another base.", err=True)


def address(run_ids: Sequence[str], page: str, base: str) -> str:
    """Return the address of a page that shows some runs."""
    query = urlencode({"runs": list(run_ids)}, doseq=True)
    return f"{base.rstrip('/') or 'http://localhost:8501'}/{page}?{query}"


def _page(name: str) -> str:
    """Return the name of a page that shows runs; end with exit code 2 where there is no such page."""
    from dashboard.views import view

    known = [page for page in view.names() if view.load(page).looks_at == "runs"]
    if name not in known:
        _refuse(f"no page {name!r} shows runs; known: {', '.join(known)}")
    return name


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
