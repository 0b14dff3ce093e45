"""Several workers of one machine: every trial and refit once, one view, and a death that costs nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.training.study import toys
from training.contract import StudyFailed
from training.study import team
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

    with pytest.raises(StudyFailed, match="all 2 workers ended early; the same command goes on"):
        run([toys.prepared(toys.module(fit=fit))])
    run([toys.prepared()])
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
