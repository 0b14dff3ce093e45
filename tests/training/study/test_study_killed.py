"""A worker killed at any moment: no trial is lost or counted twice, and no run is left RUNNING."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import optuna
import pytest

from tests.forked import Forge, Worker
from training.study import search
from training.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.trial import FrozenTrial

    from training.tracking.store import RunInfo

STUDY = (
    "motion/lma_to_pad",
    "--dataset",
    "synthetic_motion",
    "--name",
    "killed",
    "--threads",
    "1",
    "--seed",
    "5",
    "--epochs",
    "15",
)


class Start(Protocol):
    """Starts a worker; from the fit `slow_from` on, where it is given, each takes 15 s longer."""

    def __call__(self, folder: Path, *options: str, slow_from: int | None = None) -> Worker: ...


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    with Forge() as forge:

        def begin(folder: Path, *options: str, slow_from: int | None = None) -> Worker:
            slow = None if slow_from is None else (slow_from, 15)
            return forge.start(["study", *STUDY, *options], {"AFFECTORY_STORE": str(folder)}, slow=slow)

        yield begin


def finish(start: Start, folder: Path, *options: str) -> None:
    assert start(folder, *options).wait() == 0


def trials(folder: Path) -> list[FrozenTrial]:
    """Return the study's trials as Optuna has them; none where there is no study yet."""
    if not (folder / "optuna.db").exists():
        return []
    try:
        return optuna.load_study(study_name="killed", storage=f"sqlite:///{folder / 'optuna.db'}").get_trials()
    except KeyError:
        return []


def wait(worker: Worker, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not until():
        assert worker.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def counted(folder: Path) -> list[FrozenTrial]:
    return [t for t in trials(folder) if t.state in search.COUNTED]


def check(folder: Path, total: int, finals: int) -> None:
    store = Store.open(folder)
    assert len(counted(folder)) == total
    runs = store.find({"study": "killed"})
    assert not [r for r in runs if r.status == "RUNNING"]
    complete = [r for r in runs if r.tags["kind"] == "trial" and r.tags["state"] in ("complete", "pruned")]
    assert sorted(r.tags["trial"] for r in complete) == sorted(str(t.number) for t in counted(folder))
    ends = [r for r in runs if r.tags["kind"] == "final" and r.tags["state"] == "complete"]
    assert len(ends) == len({r.tags["seed"] for r in ends}) == finals
    assert [r.tags["state"] for r in runs if r.tags["kind"] == "study"] == ["complete"]


@pytest.fixture(scope="module")
def whole(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the same study, never killed."""
    folder = tmp_path_factory.mktemp("whole")
    finish(start, folder, "--trials", "5", "--repeats", "2")
    return folder


def test_killed_in_a_trial(start: Start, tmp_path: Path, whole: Path) -> None:
    options = ("--trials", "5", "--repeats", "2")
    worker = start(tmp_path, *options, slow_from=2)
    wait(worker, lambda: any(t.number == 2 and search.RUN_ID in t.user_attrs for t in trials(tmp_path)))
    worker.kill()
    worker.wait()
    assert trials(tmp_path)[2].state.name == "RUNNING"
    finish(start, tmp_path, *options)
    check(tmp_path, total=5, finals=2)
    again = trials(tmp_path)[3]
    assert again.user_attrs[search.RETRY_OF] == 2
    assert [(t.params, t.value) for t in counted(tmp_path)] == [(t.params, t.value) for t in counted(whole)]


def test_killed_in_a_final(start: Start, tmp_path: Path) -> None:
    options = ("--trials", "2", "--repeats", "2")
    worker = start(tmp_path, *options, slow_from=2)
    folder = tmp_path / "mlflow.db"
    wait(worker, lambda: folder.exists() and bool(counted(tmp_path)) and bool(running_finals(tmp_path)))
    worker.kill()
    worker.wait()
    finish(start, tmp_path, *options)
    check(tmp_path, total=2, finals=2)


def running_finals(folder: Path) -> list[str]:
    store = Store.open(folder)
    try:
        return [r.id for r in store.find({"study": "killed", "kind": "final"}, status="RUNNING")]
    finally:
        store.close()


def test_terminated_goes_on(start: Start, tmp_path: Path, whole: Path) -> None:
    options = ("--trials", "5", "--repeats", "2")
    worker = start(tmp_path, *options, slow_from=1)
    wait(worker, lambda: any(t.number == 1 and search.RUN_ID in t.user_attrs for t in trials(tmp_path)))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 130
    assert not [r for r in Store.open(tmp_path).find({"study": "killed"}) if r.status == "RUNNING"]
    finish(start, tmp_path, *options)
    check(tmp_path, total=5, finals=2)
    assert [t.params for t in counted(tmp_path)] == [t.params for t in counted(whole)]


def test_two_workers_share_a_study(start: Start, tmp_path: Path) -> None:
    options = ("--trials", "6", "--repeats", "2")
    both = [start(tmp_path, *options) for _ in range(2)]
    assert [worker.wait() for worker in both] == [0, 0]
    check(tmp_path, total=6, finals=2)
    assert len({t.user_attrs[search.WORKER] for t in trials(tmp_path)}) == 2


def test_two_workers_share_folds_and_one_is_killed(start: Start, tmp_path: Path) -> None:
    options = ("--trials", "2", "--repeats", "1", "--test-folds", "2")
    steady, killed = (start(tmp_path, *options) for _ in range(2))
    wait(killed, lambda: any(r.tags["state"] == "running" for r in trial_runs(tmp_path)))
    killed.kill()
    killed.wait()
    assert steady.wait(240) == 0
    store = Store.open(tmp_path)
    runs = store.find({"study": "killed"})
    assert not [r for r in runs if r.status == "RUNNING"]
    counted = [r.tags["fold"] for r in runs if r.tags["kind"] == "trial" and r.tags["state"] in ("complete", "pruned")]
    assert sorted(counted) == ["1", "1", "2", "2"]
    ends = [r.tags["fold"] for r in runs if r.tags["kind"] == "final" and r.tags["state"] == "complete"]
    assert sorted(ends) == ["1", "2"]
    assert [r.tags["frozen"] for r in runs if r.tags["kind"] == "study"] == ["true"]


def test_killed_in_a_fold_of_a_trial(start: Start, tmp_path: Path) -> None:
    """The same values as those of a search that was never killed, and the folds before are not fitted again."""
    options = ("--trials", "2", "--repeats", "1", "--folds", "3")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    finish(start, whole, *options)
    worker = start(stopped, *options, slow_from=4)
    wait(worker, lambda: len(list((stopped / "checkpoints").rglob("fold-1.json"))) == 1 and len(trials(stopped)) == 2)
    worker.kill()
    worker.wait()
    finish(start, stopped, *options)
    check(stopped, total=2, finals=1)
    assert [(t.params, t.value) for t in counted(stopped)] == [(t.params, t.value) for t in counted(whole)]


def trial_runs(folder: Path) -> list[RunInfo]:
    if not (folder / "mlflow.db").exists():
        return []
    store = Store.open(folder)
    try:
        return store.find({"study": "killed", "kind": "trial"})
    finally:
        store.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_again_and_again(start: Start, tmp_path: Path) -> None:
    """Two workers, one of them killed at random moments until the study is done."""
    import random

    draw = random.Random(0)
    options = ("--trials", "12", "--repeats", "3")
    steady = start(tmp_path, *options)
    while steady.poll() is None:
        other = start(tmp_path, *options)
        try:
            other.wait(draw.uniform(2.5, 6))
        except subprocess.TimeoutExpired:
            other.kill()
            other.wait()
    assert steady.returncode == 0
    finish(start, tmp_path, *options)
    check(tmp_path, total=12, finals=3)
