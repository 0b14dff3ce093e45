"""A throw-away PostgreSQL server for the tests marked postgres: a temporary folder, a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

USER = "affectory"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_server(command: list[str]) -> list[str]:
    """Return a command as the server's own user runs it: PostgreSQL refuses to run as root."""
    return command if os.geteuid() else ["runuser", "-u", "postgres", "--", *command]


class Server(str):
    """The address of a running server without a database, ``postgresql://…:port``; it can be stopped and started."""

    control: list[str]
    folder: Path
    options: str

    def start(self) -> None:
        """Start it again."""
        start = [*self.control, "-o", self.options, "-l", str(self.folder / "server.log"), "start"]
        subprocess.run(_as_server(start), check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; all connections end."""
        stop = _as_server([*self.control, "-m", mode, "stop"])
        subprocess.run(stop, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def serve(programs: Path) -> Iterator[Server]:
    """Start a server with the programs in `programs`, and yield it."""
    folder = Path(tempfile.mkdtemp(prefix="affectory-postgres-"))
    if not os.geteuid():
        shutil.chown(folder, "postgres")
    data, port = folder / "data", _free_port()
    server = Server(f"postgresql://{USER}@127.0.0.1:{port}")
    server.folder = folder
    server.control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-s"]
    # no fsync: the cluster is thrown away anyway
    server.options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c synchronous_commit=off -c max_connections=40"
    try:
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(_as_server([*initdb, "--locale=C.UTF-8"]), check=True, capture_output=True, cwd=folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create(server: str, name: str, template: str = "template1") -> str:
    """Create the database `name`, a copy of `template`, and return its address."""
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{server}/{name}"
