"""Reading a store of 10,000 runs (15 parameters, 12 metrics, 12 tags each): the run table and the curves of 200 runs.

The peer is what a person writes without Affectory: `mlflow.search_runs` over all experiments, and `MlflowClient`'s
metric histories. Both read the same file, in turn.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from affect import record
from affect.record import Kind, State
from dashboard.reading.file import REST_S
from dashboard.store import Source, Store
from tests.benchmarks.row import Row, in_turn, row
from tests.fake_store import START, Writer, bulk, ids

RUNS, WITH_CURVES, EPOCHS = 10_000, 200, 100


def _open(folder: Path) -> Store:
    return Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))


def rows(scale: float) -> Iterator[Row]:
    """Yield cold, changed and unchanged run tables, a new process's, and curves. A scale of 10 is 100,000 runs."""
    import mlflow
    from mlflow.tracking import MlflowClient

    count = max(200, round(RUNS * scale))
    with tempfile.TemporaryDirectory(prefix="affectory-bench-") as made:
        folder = bulk(Path(made) / "store", count)
        curve_names = [record.curve(name) for name in ("val/mae", "train/loss")]
        some = [ids("bulk", i, 0) for i in range(WITH_CURVES)]
        with Writer(folder) as writer:
            for run, name in itertools.product(some, curve_names):
                writer.points(run, [(name, 1.0 / (step + 1), START + step, step) for step in range(EPOCHS)])

        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        client = MlflowClient()
        cold_caches, fresh = itertools.count(), itertools.count()
        kept = str(Path(made) / "kept")
        os.environ["AFFECTORY_CACHE"] = kept
        store = _open(folder)
        store.runs().wide()

        def cold() -> None:
            os.environ["AFFECTORY_CACHE"] = str(Path(made) / f"cold {next(cold_caches)}")
            _open(folder).runs().wide()
            os.environ["AFFECTORY_CACHE"] = kept

        def restart() -> None:
            _open(folder).runs().wide()

        def add() -> None:
            number = next(fresh)
            tags = {"kind": Kind.FINAL, "method": "motion/new", "state": State.COMPLETE}
            params = {f"p{j}": j / 7 for j in range(15)}
            metrics = {record.metric("test", name): 0.5 for name in ("mae", "rmse", "ccc")}
            with Writer(folder) as writer:
                writer.run(1, ids("bench", number), f"new {number}", tags, params, metrics)

        def table() -> None:
            assert len(store.runs().wide()) >= count

        def peer() -> None:
            found = mlflow.search_runs(search_all_experiments=True, max_results=50_000 * (1 + count // 50_000))
            assert len(found) >= min(count, 50_000)

        cold_s, restart_s, _, changed_s, unchanged_s, peer_s = in_turn(
            cold, restart, add, table, table, peer, rounds=3, warm=1
        )
        name = "mlflow.search_runs, all experiments"
        topic = f"reading · run table of {count:,} runs"
        yield row(f"{topic}, cold", name, cold_s, peer_s, ">= 30", note="no snapshot; writes one")
        yield row(f"{topic}, after one new run", name, changed_s, peer_s, ">= 100", note="all tags and runs looked at")
        yield row(f"{topic}, unchanged", name, unchanged_s, peer_s, ">= 1000", note="the probe alone")
        note = "by the snapshot, every row's digest compared"
        yield row(f"{topic}, new process beside a writer", name, restart_s, peer_s, ">= 30", note=note)

        rest = Path(made) / "rest"
        rest.mkdir()
        connection = sqlite3.connect(folder / "mlflow.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copyfile(folder / "mlflow.db", rest / "mlflow.db")
        time.sleep(REST_S + 1)
        (rest_s,) = in_turn(lambda: _open(rest).runs().wide(), rounds=3)
        note = "by the snapshot alone: the store is at rest"
        yield row(f"{topic}, new process at rest", name, rest_s, peer_s, ">= 100", note=note)

        def curves() -> None:
            assert len(store.curves(some)) == WITH_CURVES * len(curve_names) * EPOCHS

        def histories() -> None:
            for run, curve in itertools.product(some, curve_names):
                assert len(client.get_metric_history(run, curve)) == EPOCHS

        ours_s, histories_s = in_turn(curves, histories, rounds=3)
        topic = f"reading · {2 * EPOCHS * WITH_CURVES:,} points of {WITH_CURVES} runs' curves"
        yield row(topic, "MlflowClient.get_metric_history", ours_s, histories_s, ">= 10")
