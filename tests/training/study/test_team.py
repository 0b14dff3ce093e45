"""Several workers of one machine: every trial and refit once, one view, and a death that costs nothing."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.study import toys
from training.study import stopping, team
from training.study.progress import Watch
from training.tracking.store import Store

pytestmark = pytest.mark.usefixtures("no_evaluations")


class Heard(Watch):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.messages: list[str] = []

    def trial_ended(self, number: int, state: str, value: float | None, best: float | None) -> None:
        self.ended.append(number)

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
    return tmp_path


def run(studies: list[Any], workers: int = 2) -> tuple[list[Heard], list[int], dict[int, Exception]]:
    heard, ended = [Heard() for _ in studies], []
    failed = team.run(studies, workers, 0.0, heard.__getitem__, ended.append)
    return heard, ended, failed


def complete(kind: str, key: str) -> Counter[tuple[str, str]]:
    runs = [r for r in Store.open().find({"kind": kind}) if r.tags["state"] in ("complete", "pruned")]
    assert not [r for r in runs if r.status == "RUNNING"]
    return Counter((r.tags["study"], r.tags[key]) for r in runs)


def test_two_workers_run_every_trial_and_refit_of_two_studies_once(folder):
    heard, ended, failed = run([toys.prepared(name=name) for name in ("a", "b")])
    assert (sorted(ended), failed) == ([0, 1], {})
    assert complete("trial", "trial") == Counter({(name, str(k)): 1 for name in "ab" for k in range(4)})
    assert complete("final", "seed") == Counter({(name, str(k)): 1 for name in "ab" for k in (1, 2)})
    assert [sorted(one.ended) for one in heard] == [[0, 1, 2, 3]] * 2
    assert len({r.tags["worker"].split(":")[1] for r in Store.open().find({"kind": "trial"})}) == 2


def test_the_trial_of_a_worker_that_is_killed_is_run_by_another_one(folder):
    def fit(params: Any, split: Any, job: Any) -> Any:
        if not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return toys.fit(params, split, job)

    [heard], ended, failed = run([toys.prepared(toys.module(fit=fit))])
    assert (ended, failed) == ([0], {})
    assert [text for text in heard.messages if text.startswith("worker")] in (
        [f"worker {number} ended early (SIGKILL); the others go on"] for number in (1, 2)
    )
    assert sum(complete("trial", "trial").values()) == 4
    assert not Store.open().find({}, status="RUNNING")


def test_where_all_workers_are_killed_the_study_has_failed_and_goes_on_later(folder):
    def fit(params: Any, split: Any, job: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    _, ended, failed = run([toys.prepared(toys.module(fit=fit))])
    assert (ended, str(failed[0])) == ([], "2 workers ended early; the same command goes on")
    run([toys.prepared()])
    assert sum(complete("trial", "trial").values()) == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(folder, how):
    """Asked to stop it waits for them; where it is killed they notice. Their trials are run again."""

    def fit(params: Any, split: Any, job: Any) -> Any:
        (folder / f"worker-{os.getpid()}").touch()
        for step in range(1, 300):
            job.report(step, 1.0)
            time.sleep(0.1)

    started = os.fork()
    if not started:
        try:
            stopping.install()
            run([toys.prepared(toys.module(fit=fit))])
        except KeyboardInterrupt:
            os._exit(130)
        finally:
            os._exit(1)
    until(lambda: len(list(folder.glob("worker-*"))) == 2)
    workers = [int(path.name.partition("-")[2]) for path in folder.glob("worker-*")]
    os.kill(started, how)
    code = os.waitstatus_to_exitcode(os.waitpid(started, 0)[1])
    assert code == (-how if how == signal.SIGKILL else 130)
    if how != signal.SIGKILL:
        assert not any(map(alive, workers))
    until(lambda: not any(map(alive, workers)))
    assert not Store.open().find({"kind": "trial"}, status="RUNNING")
    run([toys.prepared()])
    assert complete("final", "seed") == Counter({("toy", str(k)): 1 for k in (1, 2)})
    assert sum(complete("trial", "trial").values()) == 4


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(process: int) -> bool:
    """Return whether it runs; one that ended and that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_that_is_stopped_alone_leaves_its_trial_to_the_others(folder):
    def fit(params: Any, split: Any, job: Any) -> Any:
        if not (folder / "stopped").exists():
            (folder / "stopped").touch()
            os.kill(os.getpid(), signal.SIGTERM)
        return toys.fit(params, split, job)

    stopping.install()
    try:
        [heard], ended, failed = run([toys.prepared(toys.module(fit=fit))])
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert (ended, failed) == ([0], {})
    assert any("ended early (stopped)" in text for text in heard.messages)
    assert sum(complete("trial", "trial").values()) == 4


def test_a_trial_without_memory_fails_alone(folder):
    def fit(params: Any, split: Any, job: Any) -> Any:
        if params["alpha"] == 1.0:  # trial 0
            raise RuntimeError("CUDA out of memory. Tried to allocate 80.00 GiB")
        return toys.fit(params, split, job)

    _, ended, failed = run([toys.prepared(toys.module(fit=fit))])
    assert (ended, failed) == ([0], {})
    assert sum(complete("trial", "trial").values()) == 4


def test_a_study_that_fails_leaves_the_others_alone(folder):
    def fit(params: Any, split: Any, job: Any) -> Any:
        raise ArithmeticError("the loss is nan")

    studies = [toys.prepared(toys.module(fit=fit), name="bad"), toys.prepared(name="good")]
    _, ended, failed = run(studies)
    assert ended == [1]
    assert list(failed) == [0]
    assert "ArithmeticError: the loss is nan" in str(failed[0])
    assert sum(complete("final", "seed").values()) == 2
