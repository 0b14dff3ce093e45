"""What happens to studies when machines fail: `make chaos` prints a row for each fault; every count but seconds is 0.

Workers are real processes with real stores. A trial is *lost* where Optuna counts fewer than were asked for or a run
says nothing of it, *doubled* where two runs do, and a run is an *orphan* where it stands as RUNNING when all is over.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from affect.record import State
from tests import postgres
from tests.forked import Forge, Worker
from training.doctor import checkup
from training.study import search
from training.tracking.store import Store

NAME = "chaos"
DONE = (State.COMPLETE, State.PRUNED)


@dataclass
class Row:
    """What one kind of fault did, summed over the times that it was brought about."""

    fault: str
    times: int = 0
    expected: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    orphans: int = 0
    problems: int = 0
    restarts: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, doubled or left behind, and no worker ended otherwise than it should."""
        return not (self.lost or self.doubled or self.orphans or self.problems or self.failed or self.times == 0)


def study(trials: int, repeats: int, *more: str) -> list[str]:
    """Return the command line of a small study."""
    fixed = ["--dataset", "synthetic_motion", "--name", NAME, "--threads", "1", "--epochs", "5", "--seed", "5"]
    return ["study", "motion/lma_to_pad", *fixed, "--trials", str(trials), "--repeats", str(repeats), *more]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder for a store, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="affectory-chaos-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(forge: Forge, folder: Path, args: Sequence[str], env: Mapping[str, str] | None = None, **more: Any) -> Worker:
    """Start a worker on the store in `folder`."""
    return forge.start(args, {"AFFECTORY_STORE": str(folder / "store"), **(env or {})}, folder / "log", **more)


def _codes(workers: Sequence[Worker]) -> list[int]:
    return [worker.wait() for worker in workers]


def check(row: Row, store: Store, trials: int, repeats: int) -> None:
    """Compare the halves of a store with what was asked for, and add what is wrong to the row."""
    import optuna

    runs = store.find({"study": NAME})
    counted = [
        t.number
        for t in optuna.load_study(study_name=NAME, storage=store.optuna_storage(search.retry)).get_trials()
        if t.state in search.COUNTED
    ]
    recorded = Counter(r.tags["trial"] for r in runs if r.tags["kind"] == "trial" and r.tags["state"] in DONE)
    seeds = Counter(r.tags["seed"] for r in runs if r.tags["kind"] == "final" and r.tags["state"] == State.COMPLETE)
    whole = [r for r in runs if r.tags["kind"] == "study" and r.tags["state"] == State.COMPLETE]
    row.times += 1
    row.expected += trials + repeats
    row.found += len(counted) + len(seeds)
    row.lost += max(0, trials - len({str(n) for n in counted} & set(recorded))) + max(0, repeats - len(seeds))
    row.lost += not whole
    row.doubled += max(0, len(counted) - trials) + sum(n - 1 for n in [*recorded.values(), *seeds.values()])
    row.orphans += sum(r.status == "RUNNING" for r in runs)
    problems = checkup.problems(store, lambda stage: None)
    row.problems += len(problems)
    row.said += [problem.text for problem in problems]


def killed(forge: Forge, kind: str, number: int) -> Row:
    """Kill a worker before its commit or rename of this number; then the same command is given again."""
    row, asked = Row(f"killed before every {kind}"), study(2, 1)
    with scratch() as folder:
        code = start(forge, folder, asked, kind=kind, number=number).wait()
        began = time.monotonic()
        row.restarts += code == -9
        again = start(forge, folder, asked).wait()
        row.seconds.append(time.monotonic() - began)
        row.failed += again != 0 or code not in (0, -9)
        with contextlib.closing(Store.open(folder / "store")) as store:
            check(row, store, 2, 1)
    return row


def beside(forge: Forge, kind: str, number: int) -> Row:
    """Kill one of two workers before its commit or rename of this number; the other one ends the study."""
    row, asked = Row(f"one of two killed before a {kind}"), study(3, 2)
    with scratch() as folder:
        began = time.monotonic()
        both = start(forge, folder, asked, kind=kind, number=number), start(forge, folder, asked)
        code, other = _codes(both)
        row.seconds.append(time.monotonic() - began)
        row.failed += other != 0 or code not in (0, -9)
        with contextlib.closing(Store.open(folder / "store")) as store:
            check(row, store, 3, 2)
    return row


def points(forge: Forge) -> dict[str, int]:
    """Return how often a study that nobody disturbs commits and renames."""
    with scratch() as folder:
        code = start(forge, folder, study(2, 1), tally=str(folder / "tally")).wait()
        assert code == 0, (folder / "log").read_text(encoding="utf-8")
        return dict(json.loads((folder / "tally").read_text(encoding="utf-8")))


def zones(forge: Forge) -> Row:
    """Kill a worker in one time zone; one fourteen hours away goes on, and one in a third begins with it."""
    row, asked = Row("time zones 14 hours apart"), study(3, 1)
    with scratch() as folder:
        start(forge, folder, asked, {"TZ": "Pacific/Kiritimati"}, kind="commit", number=90).wait()
        began = time.monotonic()
        codes = _codes([start(forge, folder, asked, {"TZ": zone}) for zone in ("Pacific/Pago_Pago", "UTC")])
        row.seconds.append(time.monotonic() - began)
        row.failed += sum(code != 0 for code in codes)
        with contextlib.closing(Store.open(folder / "store")) as store:
            check(row, store, 3, 1)
    return row


def writers(forge: Forge, number: int = 8) -> Row:
    """Let many workers write to one SQLite store while a dashboard reads it again and again."""
    row, trials = Row(f"{number} writers on SQLite, a dashboard reading"), 3 * number
    with scratch() as folder:
        over = threading.Event()
        refreshed = threading.Thread(target=_refresh, args=(folder / "store", over, row))
        refreshed.start()
        began = time.monotonic()
        codes = _codes([start(forge, folder, study(trials, 2)) for _ in range(number)])
        row.seconds.append(time.monotonic() - began)
        over.set()
        refreshed.join()
        row.failed += sum(code != 0 for code in codes)
        with contextlib.closing(Store.open(folder / "store")) as store:
            check(row, store, trials, 2)
    return row


def _refresh(folder: Path, over: threading.Event, row: Row) -> None:
    """Read a store as the dashboard does until all is over; what it cannot read counts as failed."""
    from dashboard.results.index import Index
    from dashboard.store import Source
    from dashboard.store import Store as Shown

    while not over.wait(0.3):
        if not (folder / "mlflow.db").exists():
            continue
        try:
            index = Index(Shown(Source(f"sqlite:///{folder / 'mlflow.db'}", folder)).runs())
            index.records(index.studies)
        except Exception as error:
            row.failed += 1
            row.said.append(f"the dashboard could not read: {error!r}")


def full_disk(forge: Forge) -> Row:
    """Let the disk fill up under a worker, make room after some seconds; the worker waits and goes on."""
    row, asked = Row("disk full for 6 s"), study(3, 1)
    with scratch() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
        try:
            filler = threading.Thread(target=_fill, args=(folder,))
            filler.start()
            began = time.monotonic()
            code = forge.start(asked, {"AFFECTORY_STORE": str(folder / "store")}).wait()
            filler.join()
            row.seconds.append(time.monotonic() - began)
            row.failed += code != 0
            with contextlib.closing(Store.open(folder / "store")) as store:
                check(row, store, 3, 1)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
    return row


def _fill(folder: Path) -> None:
    """Fill the disk when the first trial has begun, and free it 6 s later."""
    until = time.monotonic() + 60
    while not list(folder.glob("store/optuna.db")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    time.sleep(6)
    (folder / "filler").unlink(missing_ok=True)


def servers(forge: Forge, fault: str, times: int = 3) -> Row:
    """Bring a fault over a PostgreSQL server again and again under four workers: ``restarted``, or ``locks`` alone."""
    called = {"restarted": f"PostgreSQL stopped {times} times", "locks": f"lock connections ended {times} times"}
    row, trials = Row(f"{called[fault]}, four workers"), 16
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with scratch() as folder, postgres.serve(programs) as server:
        env = {"MLFLOW_TRACKING_URI": postgres.create(server, "runs")}
        env["OPTUNA_STORAGE"] = postgres.create(server, "search")
        env["AFFECTORY_STORE"] = str(folder / "store")
        os.environ.update(env)
        try:
            Store.open().close()
            disturbed = threading.Thread(target=_disturb, args=(server, fault, times))
            disturbed.start()
            began = time.monotonic()
            codes = _codes([start(forge, folder, study(trials, 3), env) for _ in range(4)])
            row.seconds.append(time.monotonic() - began)
            disturbed.join()
            row.failed += sum(code != 0 for code in codes)
            row.failed += "Traceback" in (folder / "log").read_text(encoding="utf-8")
            with contextlib.closing(Store.open()) as store:  # a folder that is named has SQLite in it
                check(row, store, trials, 3)
        finally:
            for name in env:
                del os.environ[name]
    return row


def _disturb(server: postgres.Server, fault: str, times: int) -> None:
    import psycopg

    with psycopg.connect(f"{server}/search", autocommit=True) as connection:
        until = time.monotonic() + 120
        # a server that is away when a store is opened is a mistake of the address, and no fault to wait for
        while time.monotonic() < until and not _has_trials(connection):
            time.sleep(0.2)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    for _ in range(times):
        time.sleep(4)
        if fault == "restarted":
            server.stop("fast")
            time.sleep(1.5)
            server.start()
        else:
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(ended)


def _has_trials(connection: Any) -> bool:
    row = connection.execute("SELECT to_regclass('trials') IS NOT NULL").fetchone()
    if not (row and row[0]):
        return False
    return bool(connection.execute("SELECT count(*) FROM trials").fetchone()[0])


def joined(rows: Sequence[Row]) -> Row:
    """Return the sum of rows of one fault."""
    whole = Row(rows[0].fault)
    for row in rows:
        for name in ("times", "expected", "found", "lost", "doubled", "orphans", "problems", "restarts", "failed"):
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
        whole.seconds += row.seconds
        whole.said += row.said
    return whole


COLUMNS = ("times", "expected", "found", "lost", "doubled", "orphans", "problems", "failed", "restarts")


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table, and below it what was said of anything that is not 0."""
    table = Table("fault", *[{"problems": "doctor", "restarts": "restarts by hand"}.get(c, c) for c in COLUMNS])
    for name in ("seconds, median", "longest"):
        table.add_column(name, justify="right")
    for row in rows:
        seconds = sorted(row.seconds) or [0.0]
        counts = [str(getattr(row, column)) for column in COLUMNS]
        table.add_row(row.fault, *counts, f"{seconds[len(seconds) // 2]:.1f}", f"{seconds[-1]:.1f}")
    console.print(table)
    for row in rows:
        for said, times in Counter(row.said).most_common(10):
            console.print(f"{row.fault}: {said} ({times} ×)", markup=False)


def main() -> int:
    """Bring every fault about and print what became of the studies; the exit code is 1 where anything is wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--every", type=int, default=1, help="kill before every so many-th commit and rename only")
    asked.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="studies that are killed side by side")
    options = asked.parse_args()
    console, rows = Console(width=170), []
    with contextlib.ExitStack() as stack:
        pool = [stack.enter_context(Forge()) for _ in range(options.at_once)]
        for kind, most in points(pool[0]).items():
            for fault in (killed, beside):
                numbers = range(1, most + 1, options.every if kind == "commit" else 1)
                rows.append(joined(_spread(pool, fault, kind, numbers, console)))
        rows += [zones(pool[0]), writers(pool[0])]
        rows += _where_possible(pool[0], console)
    show(rows, console)
    return 0 if all(row.sound for row in rows) else 1


def _spread(pool: Sequence[Forge], fault: Any, kind: str, numbers: Sequence[int], console: Console) -> list[Row]:
    """Bring a fault about once for each number, as many at once as there are servers of workers."""
    free = list(pool)

    def one(number: int) -> Row:
        mine = free.pop()
        try:
            return fault(mine, kind, number)  # type: ignore[no-any-return]
        finally:
            free.append(mine)

    with ThreadPoolExecutor(len(pool)) as threads, console.status(f"{fault.__name__}, {kind}") as status:
        rows = []
        for row in threads.map(one, numbers):
            rows.append(row)
            status.update(f"{row.fault}: {len(rows)} of {len(numbers)}")
        return rows


def _where_possible(forge: Forge, console: Console) -> list[Row]:
    """Return the rows of faults that need more than Python; what cannot be brought about here is said."""
    rows = []
    if sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        rows += [servers(forge, "restarted"), servers(forge, "locks")]
    else:
        console.print("PostgreSQL's programs are not installed: its faults are left out")
    if os.geteuid() == 0 and sys.platform == "linux":
        rows.append(full_disk(forge))
    else:
        console.print("a disk can be filled only by root on Linux: this fault is left out")
    return rows


if __name__ == "__main__":
    sys.exit(main())
