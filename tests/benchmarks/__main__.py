"""`make bench`: time ours against its peers, print a table, keep it as JSON by date and commit.

A topic is a file ``tests/benchmarks/bench_<topic>.py`` with one function::

    def rows(scale: float) -> Iterable[Row]: ...    # 1 for the sizes of the targets, less for a quick look

Each topic runs in a process of its own, with an empty store and cache, so that none is warm from another. It measures
ours and the peer's in turn (`tests.benchmarks.row.in_turn`) and says what it measured with `tests.benchmarks.row.row`.
A missed target is printed, never an error: times are figures, not tests.

    python -m tests.benchmarks                     every topic, some minutes
    python -m tests.benchmarks starting --scale .1 one topic, small
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.row import Row

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RESULTS = ROOT / "bench_results"
PACKAGES = [
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "torch",
    "xgboost-cpu",
    "optuna",
    "mlflow",
    "streamlit",
    "plotly",
]
LIMIT_S = 3600.0

ON_REQUEST = {"memory"}
"""Topics that run only where they are named: this one takes 6 GB of disk."""


def topics() -> list[str]:
    """Return every topic's name."""
    return sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))


def measure(module: str, scale: float) -> tuple[list[Row], str]:
    """Run one topic's module in a process of its own; return its rows, and its error's last lines where it failed."""
    with tempfile.TemporaryDirectory(prefix="affectory-bench-") as folder:
        found = Path(folder) / "rows.json"
        environment = {
            **os.environ,
            "AFFECTORY_STORE": f"{folder}/store",
            "AFFECTORY_CACHE": f"{folder}/cache",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        }
        for variable in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE"):
            environment.pop(variable, None)
        command = [sys.executable, "-m", "tests.benchmarks", "--one", module, str(found), "--scale", str(scale)]
        try:
            ran = subprocess.run(
                command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return [], f"not done after {LIMIT_S:.0f} s"
        if ran.returncode:
            return [], "\n".join(ran.stderr.splitlines()[-12:])
        return [Row(**fields) for fields in json.loads(found.read_text("utf-8"))], ""


def measure_here(module: str, scale: float, found: Path) -> None:
    """Run one topic in this process and write its rows to `found`; what the processes of `measure` do."""
    rows = list(importlib.import_module(module).rows(scale))
    found.write_text(json.dumps([asdict(row) for row in rows]), "utf-8")


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, memory, Python and the versions of what was measured."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1) if memory else None,
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def commit() -> str:
    """Return the short commit, followed by + where the tree is dirty; "unknown" outside a git checkout."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return "unknown"


def save(rows: Sequence[Row], failed: Mapping[str, str], scale: float, folder: Path) -> Path:
    """Write rows, machine and versions to ``<folder>/<date>-<commit>.json`` and return its path."""
    now = datetime.now(UTC)
    content = {
        "date": now.isoformat(timespec="seconds"),
        "commit": commit(),
        "scale": scale,
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "failed": dict(failed),
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{now:%Y-%m-%dT%H%M%S}-{content['commit']}.json"
    path.write_text(json.dumps(content, indent=1), "utf-8")
    return path


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table; a missed target stands in red and in words."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "peer", "ours", "peer's", "ratio", "target", "", title="ours against the peer, medians")
    for row in rows:
        verdict = "[green]met[/]" if row.met else "[bold red]missed[/]"
        ratio = f"{row.ratio:.3g}" + (" ×" if row.better == "higher" else "")
        table.add_row(
            row.topic + (f"\n[dim]{row.note}[/]" if row.note else ""),
            row.name,
            f"{row.ours_s:.4g} {row.unit}",
            f"{row.peer_s:.4g} {row.unit}",
            ratio,
            row.target,
            verdict if row.target else "",
        )
    # a table cut at 80 columns says nothing where its output is kept in a file
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the topics asked for; return 1 where one of them broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Time ours against its peers.")
    parser.add_argument(
        "topic", nargs="*", help=f"of {', '.join(topics())}; where none is named, all but {', '.join(ON_REQUEST)}"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the work; 1 is what the targets are for")
    parser.add_argument("--one", nargs=2, metavar=("MODULE", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        measure_here(given.one[0], given.scale, Path(given.one[1]))
        return 0
    unknown = set(given.topic) - set(topics())
    if unknown:
        parser.error(f"no topic {', '.join(sorted(unknown))}; known: {', '.join(topics())}")
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for topic in given.topic or [topic for topic in topics() if topic not in ON_REQUEST]:
        print(f"{topic} …", end=" ", flush=True)
        start = time.perf_counter()
        measured, error = measure(f"tests.benchmarks.bench_{topic}", given.scale)
        rows += measured
        print(f"{len(measured)} rows in {time.perf_counter() - start:.0f} s" if not error else f"failed:\n{error}")
        if error:
            failed[topic] = error
    show(rows)
    print(f"kept in {save(rows, failed, given.scale, RESULTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
