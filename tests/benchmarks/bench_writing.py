"""Writing a run whose curves are seen while it goes on, against one write at the end and the usual ways.

A run has 15 parameters, 12 metrics and 6 curves of 100 epochs. An epoch takes 0.3 s by a clock that is set forward and
nobody waits for, so that curve points go out as often as in a fit of 30 s and only the writing is timed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest import mock

from mlflow.entities import Metric, Param, RunTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from affect import record
from tests.benchmarks.row import Row, in_turn, row
from training.tracking import run as run_module
from training.tracking.store import Store

EPOCHS, EPOCH_S = 100, 0.3
PARAMS = {f"param_{i}": i / 7 for i in range(15)}
SCORES = {record.metric("test", f"m{i}"): i / 7 for i in range(12)}
CURVES = [f"val/c{i}" for i in range(6)]
TAGS = {"kind": "trial", "method": "motion/lma_vae", "study": "s", "trial": "1", "seed": "0", "settings": "{}"}


def ours(store: Store, experiment: str) -> str:
    """Write a run through `training.tracking`, curves in steps of time."""
    clock = SimpleNamespace(now=0.0, time=time.time)
    clock.monotonic = lambda: clock.now
    with mock.patch.object(run_module, "time", clock):
        run = store.start(experiment, "trial 1", TAGS, PARAMS)
        for step in range(EPOCHS):
            clock.now += EPOCH_S
            run.epoch_scores(step, {name: step / 7 for name in CURVES})
        run.close("complete", metrics=SCORES)
    return run.id


def _metrics(step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(record.curve(name), step / 7, now, step) for name in CURVES]


def _peer(store: Store, experiment: str, log: Callable[[str], None]) -> str:
    tags = {record.tag(name): value for name, value in TAGS.items()}
    run_id = str(store.client.create_run(experiment, tags=tags, run_name="trial 1").info.run_id)
    log(run_id)
    store.client.set_terminated(run_id)
    return run_id


def _last(run_id: str, store: Store, metrics: list[Metric]) -> None:
    now = int(time.time() * 1000)
    scores = [Metric(name, value, now, 0) for name, value in SCORES.items()]
    params = [Param(name, str(value)) for name, value in PARAMS.items()]
    closing = [RunTag(record.tag("state"), "complete"), RunTag(record.tag("artifacts"), "[]")]
    store.client.log_batch(run_id, metrics + scores, params, closing)


def at_the_end(store: Store, experiment: str) -> str:
    """Write a run with one `log_batch` when it is over: nothing is seen before."""

    def log(run_id: str) -> None:
        _last(run_id, store, [metric for step in range(EPOCHS) for metric in _metrics(step)])

    return _peer(store, experiment, log)


def each_epoch(store: Store, experiment: str) -> str:
    """Write a run with a `log_batch` an epoch, which is what `mlflow.log_metrics` does."""

    def log(run_id: str) -> None:
        for step in range(EPOCHS):
            store.client.log_batch(run_id, _metrics(step))
        _last(run_id, store, [])

    return _peer(store, experiment, log)


def each_value(store: Store, experiment: str) -> str:
    """Write a run with a `log_metric` a value."""

    def log(run_id: str) -> None:
        for step in range(EPOCHS):
            for metric in _metrics(step):
                store.client.log_metric(run_id, metric.key, metric.value, metric.timestamp, metric.step)
        _last(run_id, store, [])

    return _peer(store, experiment, log)


def _assert_equal(store: Store, run_id: str, peer: str) -> None:
    """Raise where the two runs are not the same record: only then are their times comparable."""
    mine, theirs = store.get(run_id), store.get(peer)
    if (mine.params, mine.metrics) != (theirs.params, theirs.metrics):
        raise AssertionError("the peer wrote another run")


def rows(scale: float) -> Iterable[Row]:
    """Measure writing a run in one store that is in WAL mode for all, and making a store."""
    with TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        experiment = store.experiment("a protocol")
        run_id = ours(store, experiment)
        for write in (at_the_end, each_epoch, each_value):
            _assert_equal(store, run_id, write(store, experiment))

        def turn(write: Callable[[Store, str], str], rounds: int) -> list[float]:
            return in_turn(
                lambda: ours(store, experiment), lambda: write(store, experiment), rounds=max(2, round(rounds * scale))
            )

        topic = "writing · a run, 6 curves of 100 epochs"
        note = "ours: curves seen after 1, 3, 7, 15 and 25 s of a fit of 30 s; the peer's only when it is over"
        yield row(topic, "one log_batch at the end", *turn(at_the_end, 20), "<= 1.5", note=note)
        yield row(topic, "mlflow.log_metrics each epoch", *turn(each_epoch, 5), "<= 0.5")
        yield row(topic, "mlflow.log_metric each value", *turn(each_value, 3), "<= 0.2")
        store.close()

        number = itertools.count()

        def fresh() -> None:
            Store.open(Path(folder) / f"store{next(number)}").close()

        def migrated() -> None:
            file = Path(folder) / f"migrated{next(number)}.db"
            SqlAlchemyStore(f"sqlite:///{file}", folder).engine.dispose()

        taken = in_turn(fresh, migrated, rounds=max(2, round(3 * scale)))
        yield row("writing · a fresh store", "MLflow's migrations", *taken, "<= 0.2", note="the second and later ones")
