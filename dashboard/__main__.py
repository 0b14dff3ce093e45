"""``python -m dashboard [serve | share | link | verify]``: look at a store in a browser, or send what it shows."""

from __future__ import annotations

import difflib
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlencode, urlsplit

import typer

if TYPE_CHECKING:
    from dashboard.results.index import Index

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("run", "circumplex", "latent")
"""Pages whose figures go into a shared file where nobody names one."""
LARGE = 5_000_000
"""Bytes of a shared file from which on it is said what makes it large."""
SHOW = "AFFECTORY_SHOW_FACES"
"""What `dashboard.figures.pictures` reads; named here so that `--help` loads no figure."""
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
    host: Annotated[
        str, typer.Option(help="Address to serve on; any but this machine's own needs sign-in.")
    ] = "127.0.0.1",
) -> None:
    """Serve the dashboard and print its address."""
    # Streamlit reads .streamlit/config.toml from the working folder; a store given relative to this one stays found
    if folder := os.environ.get("AFFECTORY_STORE"):
        os.environ["AFFECTORY_STORE"] = str(Path(folder).resolve())
    os.chdir(ROOT)
    _refuse_strangers(host)
    _refuse_a_taken_port(host, port)
    typer.echo(f"Affectory is at http://{host}:{port}  (Ctrl-C ends it)")
    sys.stdout.flush()
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


def _refuse_strangers(host: str) -> None:
    """End with exit code 2 where people without an account on this machine could read the store."""
    from dashboard import signing_in

    try:
        listed = signing_in.allowed()
    except ValueError as error:
        _refuse(f"Not serving: {error}. {signing_in.HOW}")
    if listed is None and host not in LOOPBACK:
        _refuse(
            f"Not serving on {host}: everyone who reaches this machine could read the whole store, because no sign-in "
            f"is set up. {signing_in.HOW} Or serve on 127.0.0.1 and reach it through ssh."
        )


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
    report: Annotated[
        bool, typer.Option("--report", help="A whole report: overview, leaderboard, best runs, errors and data.")
    ] = False,
    faces: Annotated[
        bool, typer.Option("--faces", help="Put images into the file, those of real people as well.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="File to write; shares/<run>.html where not given.")] = None,
) -> None:
    """Write what pages show of runs into one HTML file that opens offline: by default the card and all about it."""
    if report and page:
        _refuse("--report has pages of its own; give either --report or --page")
    if faces:
        os.environ[SHOW] = "1"
    from dashboard import report as reports
    from dashboard import share
    from dashboard.results.index import Index
    from dashboard.store import Store, locate
    from dashboard.views import document, view

    pages = [_page(name) for name in page or SHARED]
    store = Store(locate())
    index = Index(store.runs())
    ids = [_found(index, given) for given in runs]
    if report:
        text = reports.file(index, store, ids, faces)
    else:
        if not page:  # only what there is something of
            pages = [name for name in pages if view.load(name).shows_any(index, ids)]
        text = share.file(index, store, [view.load(name) for name in pages], ids, faces)
    name = f"{'-'.join(run[:8] for run in ids[:3])}{'-report' if report else ''}.html"
    path = out or ROOT / "shares" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(data)
    typer.echo(f"{path} ({len(data) / 1e6:.1f} MB, opens offline)")
    if (named := document.hashes(text)) is not None:
        typer.echo(f"SHA-256 {named[0]}")
    if len(data) > LARGE:
        chapters = sorted(document.sizes(text).items(), key=lambda pair: -pair[1])[:2]
        most = "; ".join(f"{title} takes {size / 1e6:.1f} MB" for title, size in chapters)
        typer.echo(
            f"Larger than most mail takes{f': {most}' if most else ''}. Fewer studies make it smaller.", err=True
        )


@app.command()
def verify(file: Annotated[Path, typer.Argument(help="File that `share` wrote.")]) -> None:
    """Say whether a shared file is as it was written; exit code 1 where it is not."""
    from dashboard.views import document

    try:
        text = file.read_bytes().decode()
    except OSError as error:
        _refuse(f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        text = ""
    found = document.hashes(text)
    if found is None:
        typer.secho(f"{file} is no file that Affectory shared: it names no hash.", fg="red", err=True)
        raise typer.Exit(1)
    named, own = found
    if named != own:
        message = f"{file} was changed after it was written: it names the hash {named} and has {own}."
        typer.secho(message, fg="red", err=True)
        raise typer.Exit(1)
    typer.echo(f"{file} is as it was written: SHA-256 {own}")


@app.command()
def link(
    runs: Annotated[list[str], typer.Argument(help="Studies or runs: names, run ids, or their first letters.")],
    page: Annotated[str, typer.Option(help="Page that the address opens.")] = "run",
) -> None:
    """Print the address of a page that shows runs, below AFFECTORY_URL where that is set."""
    from dashboard.results.index import Index
    from dashboard.store import Store, locate
    from dashboard.views import view

    index = Index(Store(locate()).runs())
    query = view.load(_page(page)).query(index, [_found(index, given) for given in runs])
    found = address(query, page, os.environ.get("AFFECTORY_URL", ""))
    typer.echo(found)
    if urlsplit(found).hostname in LOOPBACK:
        typer.echo("This address opens only on this machine; AFFECTORY_URL names another base.", err=True)


def address(query: Mapping[str, str | Sequence[str]], page: str, base: str) -> str:
    """Return the address of a page; `query` is what is chosen on it."""
    from dashboard.views import view

    words = urlencode(query, doseq=True)
    path = "" if page == view.FIRST else page
    return f"{base.rstrip('/') or 'http://localhost:8501'}/{path}{f'?{words}' if words else ''}"


def _page(name: str) -> str:
    """Return the name of a page; end with exit code 2 where there is no such page."""
    from dashboard.views import view

    known = view.names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        _refuse(f"no page {name!r}{f'; did you mean {close[0]}?' if close else ''} Known: {', '.join(known)}")
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
