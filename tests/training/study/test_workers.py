"""Which workers are dead: not one that only lost its lock."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from training.study import workers

if TYPE_CHECKING:
    from training.tracking.store import Store


def dead(all_workers: workers.Workers, name: str) -> bool:
    with all_workers.dead(name) as answer:
        return answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("AFFECTORY_HEARTBEAT", "10")
    return now


def test_name_says_machine_and_process() -> None:
    name = workers.new_name()
    assert name.rpartition(":")[0] == f"{socket.gethostname()}:{os.getpid()}"
    assert name != workers.new_name()


def test_free_lock_of_a_live_process_is_a_death_only_after_two_heartbeats(store: Store, clock: list[float]) -> None:
    all_workers, name = workers.Workers(store), f"{socket.gethostname()}:{os.getpid()}:a"
    assert not dead(all_workers, name)
    clock[0] += 19
    assert not dead(all_workers, name)
    clock[0] += 2
    assert dead(all_workers, name)


def test_lock_that_was_taken_again_begins_the_time_anew(store: Store, clock: list[float]) -> None:
    all_workers = workers.Workers(store)
    assert not dead(all_workers, "elsewhere:1:a")
    clock[0] += 15
    with store.lock(workers.lock("elsewhere:1:a")):
        assert not dead(all_workers, "elsewhere:1:a")
    clock[0] += 15
    assert not dead(all_workers, "elsewhere:1:a")
    clock[0] += 25
    assert dead(all_workers, "elsewhere:1:a")


def test_process_that_is_gone_from_this_machine_is_dead_at_once(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    name = f"{socket.gethostname()}:{ended.pid}:a"
    assert dead(workers.Workers(store), name)
    with store.lock(workers.lock(name)):
        assert not dead(workers.Workers(store), name)


@pytest.mark.parametrize("name", ["", "gone", "a:b", f"{socket.gethostname()}:x:1", "elsewhere:1:a"])
def test_name_of_another_machine_or_another_version_waits_for_two_heartbeats(
    store: Store, clock: list[float], name: str
) -> None:
    all_workers = workers.Workers(store)
    assert not dead(all_workers, name)
    clock[0] += 21
    assert dead(all_workers, name)
