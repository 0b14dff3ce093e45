"""A made-up store that every page's tests share, pages driven by AppTest, and a server for the browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests import fake_faces, fake_meshes, fake_store
from tests import fake_results as made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]

FEW = tuple(
    made.Spec(f"motion/{method}", noise, settings, dataset)
    for method, noise, settings, dataset in (
        ("lma_to_pad", 0.55, {}, "synthetic_motion"),
        ("pad_to_lma_correlated", 0.91, {}, "synthetic_motion"),
        ("lma_vae", 0.86, {"latent_size": 1}, "lma"),
        ("lma_vae", 0.70, {"latent_size": 2}, "lma"),
    )
)
"""Studies that between them have every artifact that a page draws."""


class Visit(Protocol):
    """Opens a page of the dashboard at an address; the store is the one that AFFECTORY_STORE names."""

    def __call__(self, page: str, **query: str | list[str]) -> AppTest: ...


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of four finished studies and one that runs; shared by all tests, so nobody may change it."""
    return fake_store.build(tmp_path_factory.mktemp("filled") / "store", (*FEW, made.STUDIES[-1]), trials=14, finals=2)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of a vanilla and a regularised face method, a study of two objectives, and one of motion."""
    studies = (*fake_faces.STUDIES, fake_faces.APART, made.STUDIES[0])
    return fake_store.build(tmp_path_factory.mktemp("faces") / "store", studies, trials=5, finals=1)


@pytest.fixture(scope="session")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of classifiers of synthetic meshes, two of data with published figures, and one of motion."""
    studies = (made.STUDIES[0], *fake_meshes.REAL, *fake_meshes.STUDIES)
    return fake_store.build(tmp_path_factory.mktemp("meshes") / "store", studies, trials=4, finals=2)


@pytest.fixture
def own(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that store which a test may damage; AFFECTORY_STORE names it."""
    folder = Path(shutil.copytree(filled, tmp_path / "own"))
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    return folder


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Return a function that opens a page by AppTest, as a browser with this address would."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.chdir(ROOT)

    def open_page(page: str, **query: str | list[str]) -> AppTest:
        test = AppTest.from_file(str(ROOT / "dashboard/app.py"), default_timeout=60)
        test.switch_page(f"pages_/{page}.py")
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return open_page


@pytest.fixture(scope="session")
def address(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the shared store as a person would, and return the address without a path."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("served") / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "serve", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "AFFECTORY_STORE": str(filled)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        base = f"http://127.0.0.1:{port}"
        try:
            _wait(base + "/_stcore/health", server, log)
            yield base
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(health: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text('utf-8', 'replace')}")
