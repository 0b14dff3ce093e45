"""From nothing to something to look at: the command line's first words, and the dashboard's first leaderboard.

The dashboard and `mlflow ui` are started on the same store of 10,000 runs, in turn, and a Chromium that is already
open goes to each as soon as it answers. The clock runs from the start of the process until rows are drawn. Memory is
the proportional share of the whole process tree (Linux), so that pages shared by its workers count once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests import fake_store
from tests.benchmarks.row import Row, in_turn, row
from tests.conftest import BROWSER_ARGUMENTS, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
RUNS = 10_000
ROUNDS = 3
LIMIT_S = 120.0


def rows(scale: float) -> Iterable[Row]:
    """Yield the rows of the command line, then of the pages (none of these without Chromium)."""
    yield from command_line()
    if find_chromium() is None:
        raise OSError("no Chromium found: the dashboard's start cannot be measured (BROWSER_PATH=FILE names one)")
    yield from pages(max(100, int(RUNS * scale)))


def command_line() -> Iterator[Row]:
    """Yield `--help` and `methods` against what an eager command line would pay: importing what it will use."""

    def python(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)

    shown, listed, eager, bare = in_turn(
        lambda: python("-m", "training", "--help"),
        lambda: python("-m", "training", "methods"),
        lambda: python("-c", "import pandas, mlflow, optuna, torch"),
        lambda: python("-c", "pass"),
        rounds=7,
    )
    name = "python -c 'import pandas, mlflow, optuna, torch'"
    note = f"bare interpreter: {bare:.2f} s"
    # performance.md: 0.4 s and 0.5 s on a machine where these imports take 3.4 s
    yield row("python -m training --help", name, shown, eager, "<= 0.12", note=note)
    yield row("python -m training methods", name, listed, eager, "<= 0.15", note=note)


def pages(runs: int) -> Iterator[Row]:
    """Yield time and memory to a drawn leaderboard against `mlflow ui` to its first page of runs."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="affectory-start-") as home, sync_playwright() as playwright:
        store = fake_store.bulk(fake_store.build(Path(home) / "store"), runs)
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=list(BROWSER_ARGUMENTS),
            env={**os.environ, "HOME": home},
        )
        ours, peers = [], []
        for _ in range(ROUNDS):
            ours.append(dashboard(store, browser))
            peers.append(mlflow_ui(store, browser))
        browser.close()
    note = f"{runs} runs, Chromium already open, medians of {ROUNDS}"
    for topic, unit, which, target in (
        ("dashboard: start to a drawn leaderboard", "s", 0, "<= 0.125"),
        ("dashboard: memory with the leaderboard drawn", "MB", 1, "<= 0.25"),
    ):
        own, other = median(o[which] for o in ours), median(p[which] for p in peers)
        yield row(topic, "mlflow ui to its first page", own, other, target, note=note, unit=unit)


def dashboard(store: Path, browser: Browser) -> tuple[float, float]:
    """Return seconds to a drawn leaderboard and MB of the dashboard's processes then."""
    port = free_port()
    command = [sys.executable, "-m", "dashboard", "serve", "--port", str(port)]
    with started(command, {"AFFECTORY_STORE": str(store)}, port) as (process, start), page(browser) as tab:
        tab.goto(f"http://127.0.0.1:{port}/leaderboard")
        # the figure's rows carry the methods' names: with the first of them, there is something to read
        tab.locator("[data-testid=stPlotlyChart] .annotation-text").first.wait_for(state="visible")
        return time.perf_counter() - start, memory_mb(process.pid)


def mlflow_ui(store: Path, browser: Browser) -> tuple[float, float]:
    """Return seconds to MLflow's drawn table of one experiment's runs and MB of its processes then."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}"]
    with started(command, {}, port) as (process, start), page(browser) as tab:
        tab.goto(f"http://127.0.0.1:{port}/#/experiments/1/runs")
        tab.locator("[role=row] a[href*='/runs/']").first.wait_for(state="visible")
        return time.perf_counter() - start, memory_mb(process.pid)


@contextlib.contextmanager
def page(browser: Browser) -> Iterator:
    context = browser.new_context()
    tab = context.new_page()
    tab.set_default_timeout(LIMIT_S * 1000)
    yield tab
    context.close()


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str], port: int) -> Iterator[tuple[subprocess.Popen, float]]:
    """Start a server in a process group of its own, yield it and its starting time once it answers, and end it."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(port):
            if process.poll() is not None or time.perf_counter() - start > LIMIT_S:
                raise OSError(f"{' '.join(command)} did not answer")
            time.sleep(0.02)
        yield process, start
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def memory_mb(root: int) -> float:
    """Return the proportional memory of a process and all its descendants in MB."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # the name in brackets may hold spaces; the parent is the second field after it
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
