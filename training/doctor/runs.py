"""Runs of MLflow that are not as they should be: still running without a worker, not ended, scored twice, deleted."""

from __future__ import annotations

import time
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from affect.record import RECORD_VERSION, Kind, State
from training.doctor.problem import Problem
from training.study import search
from training.study.workers import Workers
from training.tracking import backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from training.tracking.store import RunInfo, Store

STUDY_LEFT = "its workers are gone; the same command goes on"


def named(info: RunInfo) -> str:
    """Return how a run is named in a sentence."""
    study = info.tags.get("study", "")
    return f"run {info.id[:8]} ({info.name}{f' of study {study}' if study and study != info.name else ''})"


def dead_workers(store: Store, infos: Sequence[RunInfo], say: Callable[[str], None]) -> set[str]:
    """Return those workers of running runs that are gone.

    A free lock alone is no death (`training.study.workers`): a lock of another machine's worker is looked at a second
    time after two intervals of the heartbeat, and `say` is told of the wait.
    """
    workers = Workers(store)
    asked = {info.tags.get("worker", "") for info in infos}
    dead = {worker for worker in asked if not worker or _is_dead(workers, worker)}
    free = {worker for worker in asked - dead if _is_free(store, worker)}
    if free:
        wait = 2 * backends.heartbeat_s() + 1
        say(f"waiting {wait} s: a worker may have lost its lock and take it again")
        time.sleep(wait)
        dead |= {worker for worker in free if _is_dead(workers, worker)}
    return dead


def _is_dead(workers: Workers, worker: str) -> bool:
    with workers.dead(worker) as dead:
        return dead


def _is_free(store: Store, worker: str) -> bool:
    from training.study.workers import lock

    with store.lock(lock(worker)) as free:
        return free


def problems(store: Store, infos: Sequence[RunInfo], dead: set[str]) -> Iterator[Problem]:
    """Yield the problems of runs, `infos` being all that MLflow has not deleted, and `dead` workers that are gone."""
    busy = {info.parent for info in infos if is_running(info) and info.tags.get("worker", "") not in dead}
    for info in infos:
        state = info.tags.get("state")
        if info.status == "RUNNING" and state in (State.COMPLETE, State.PRUNED, State.FAILED, State.STOPPED):
            yield Problem(
                "end not written",
                f"{named(info)} is {state}, and RUNNING to MLflow",
                "end it",
                partial(store.end, info.id, state),
            )
        elif is_running(info) and info.tags.get("worker", "") in dead and info.id not in busy:
            yield _left_running(store, info)
    yield from _scored_twice(store, infos)
    for info in infos:
        if info.tags.get("kind") == Kind.STUDY and info.tags.get("frozen") != "true":
            version = info.tags.get("record", "1")
            if version.isdecimal() and int(version) < RECORD_VERSION:
                yield Problem(
                    "earlier record",
                    f"study {info.name} is of record {version}, now {RECORD_VERSION}",
                    "start it anew with another --name",
                )


def is_running(info: RunInfo) -> bool:
    """Return whether a run has not ended, by its state and to MLflow."""
    return info.status == "RUNNING" and info.tags.get("state") == State.RUNNING


def _left_running(store: Store, info: RunInfo) -> Problem:
    of_study = info.tags["kind"] == Kind.STUDY
    state, reason = (State.STOPPED, STUDY_LEFT) if of_study else (State.FAILED, search.KILLED)
    return Problem(
        "worker gone",
        f"{named(info)} is running, and its worker is gone",
        "close it as stopped: the same command goes on" if of_study else "close it as failed: the study runs it again",
        lambda: store.resume(info.id).close(state, reason),
    )


def _scored_twice(store: Store, infos: Sequence[RunInfo]) -> Iterator[Problem]:
    finals: dict[tuple[str, str, str], list[RunInfo]] = defaultdict(list)
    for info in infos:
        if info.tags.get("kind") == Kind.FINAL and info.tags.get("state") == State.COMPLETE:
            finals[info.parent or "", info.tags.get("fold", ""), info.tags.get("seed", "")].append(info)
    for (_, _, seed), same in finals.items():
        *others, last = same  # the study's summary is of the last one
        for info in others:
            reason = f"seed {seed} was scored twice, and run {last.id} counts"
            yield Problem(
                "scored twice",
                f"{named(info)}: seed {seed} was scored again by run {last.id[:8]}, which counts",
                "close it as failed, with the reason",
                partial(_close_again, store, info.id, reason),
            )


def _close_again(store: Store, run_id: str, reason: str) -> None:
    store.resume(run_id).close(State.FAILED, reason)


def deleted(store: Store, infos: Sequence[RunInfo]) -> Iterator[Problem]:
    """Yield a problem for each of the runs `infos`, all of them deleted in MLflow."""
    address = backends.shown(store.tracking_uri)
    for info in infos:
        command = f"MLFLOW_TRACKING_URI={address} mlflow runs restore --run-id {info.id}"
        yield Problem("deleted in MLflow", f"{named(info)} was deleted", f"`{command}` brings it back")
