"""What `doctor` finds in a store, and what mending leaves of it."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from affect import record
from tests import store_template
from tests.training.study import toys
from training import registry
from training.commands import doctor
from training.contract import UserError
from training.doctor import checkup, problem
from training.study import search, study, workers
from training.study.progress import Watch
from training.study.session import Session
from training.tracking import artifacts, transport
from training.tracking.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(store_template.copy(tmp_path / "store"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "evaluations", list)


def finished(store: Store, **options: Any) -> Session:
    return study.run(toys.prepared(None, None, **{"trials": 2, "repeats": 1, **options}), store, Watch())


def stopped(store: Store) -> None:
    """Begin a study of two trials, which a person stops in the second."""

    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1  # type: ignore[attr-defined]
        if fit.calls == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return toys.fit(params, split, job)

    fit.calls = 0  # type: ignore[attr-defined]
    prepared = toys.prepared(toys.module(fit=fit), None, trials=2, repeats=1)
    with pytest.raises(KeyboardInterrupt):
        study.run(prepared, store, Watch())


def kinds(store: Store) -> dict[str, int]:
    return dict(Counter(found.kind for found in checkup.problems(store, lambda text: None)))


def mended(store: Store, *, delete: bool = False) -> str:
    """Mend all problems; return what was printed."""
    out = Console(file=io.StringIO(), width=300, no_color=True)
    doctor.run(store, out, fix=True, delete=delete)
    return out.file.getvalue()  # type: ignore[attr-defined]


def run_of(store: Store, kind: str) -> Any:
    return store.find({"kind": kind})[0]


def test_nothing_is_wrong_with_a_finished_or_a_stopped_study(store: Store) -> None:
    stopped(store)
    assert kinds(store) == {}
    finished(store)
    assert kinds(store) == {}


def test_every_kind_of_problem_has_a_meaning_that_is_shown() -> None:
    assert all(meaning for meaning in problem.KINDS.values())


def test_a_run_whose_end_mlflow_did_not_hear_of_is_ended(store: Store) -> None:
    finished(store)
    final = run_of(store, "final")
    store.client.update_run(final.id, status="RUNNING")
    assert kinds(store) == {"end not written": 1}
    mended(store)
    assert store.get(final.id).status == "FINISHED"
    assert kinds(store) == {}


def test_runs_of_a_dead_worker_are_closed_and_those_of_a_live_one_are_not(store: Store) -> None:
    session = finished(store)
    worker = workers.new_name()
    tags = {**session.tags(record.Kind.FINAL), "worker": worker, "seed": "9"}
    live = store.start(session.experiment, "final", tags, parent=session.run_id)
    gone = workers.new_name().replace(f":{os.getpid()}:", ":999999999:")
    dead = store.start(session.experiment, "final", {**tags, "worker": gone}, parent=session.run_id)
    with store.holding(workers.lock(worker)):
        assert kinds(store) == {"worker gone": 1}
        assert dead.id[:8] in mended(store)
    assert store.get(dead.id).tags["state"] == record.State.FAILED
    assert store.get(dead.id).tags["reason"] == search.KILLED
    assert store.get(live.id).tags["state"] == record.State.RUNNING


def test_a_study_whose_worker_was_killed_is_stopped_and_goes_on(store: Store) -> None:
    stopped(store)
    info = run_of(store, "study")
    gone = workers.new_name().replace(f":{os.getpid()}:", ":999999999:")
    store.resume(info.id).tags({"worker": gone})
    assert kinds(store) == {"worker gone": 1}
    mended(store)
    assert store.get(info.id).status == "KILLED"
    assert store.get(finished(store).run_id).tags["frozen"] == "true"


def test_a_trial_that_nobody_runs_is_failed_and_added_again(store: Store) -> None:
    stopped(store)
    loaded = optuna.load_study(study_name="toy", storage=store.optuna_storage(search.retry))
    asked = loaded.ask()
    assert kinds(store) == {"worker gone": 1}
    mended(store)
    trials = loaded.get_trials()
    assert trials[asked.number].state == TrialState.FAIL
    assert trials[-1].state == TrialState.WAITING
    assert trials[-1].params == asked.params
    assert kinds(store) == {}


def test_of_two_finals_of_one_seed_the_last_counts(store: Store) -> None:
    session = finished(store)
    first = run_of(store, "final")
    again = store.start(session.experiment, "final", first.tags, parent=session.run_id)
    again.close(record.State.COMPLETE)
    assert kinds(store) == {"scored twice": 1}
    mended(store)
    assert store.get(first.id).tags["state"] == record.State.FAILED
    assert store.get(first.id).tags["reason"] == f"seed 1 was scored twice, and run {again.id} counts"
    assert store.get(again.id).tags["state"] == record.State.COMPLETE


def test_a_run_deleted_in_mlflow_is_named_with_the_way_back(store: Store) -> None:
    finished(store)
    trial = run_of(store, "trial")
    store.client.delete_run(trial.id)
    assert kinds(store) == {"trial without run": 1, "deleted in MLflow": 1}
    assert f"mlflow runs restore --run-id {trial.id}" in mended(store)
    store.client.restore_run(trial.id)
    assert kinds(store) == {}


def test_a_search_that_was_not_restored_is_named_unless_its_study_is_finished(store: Store) -> None:
    stopped(store)
    optuna.delete_study(study_name="toy", storage=store.optuna_storage(search.retry))
    assert kinds(store) == {"study without search": 1}
    other = finished(store, name="other")
    optuna.delete_study(study_name="other", storage=store.optuna_storage(search.retry))
    assert kinds(store) == {"study without search": 1}
    assert store.get(other.run_id).tags["frozen"] == "true"


def test_a_search_whose_study_is_lost_is_deleted_with_delete_alone(store: Store) -> None:
    session = finished(store)
    session.study.set_user_attr("run_id", "0" * 32)
    found = [found for found in checkup.problems(store, lambda text: None) if found.kind == "search without study"]
    assert [one.deletes for one in found] == [True]
    assert "search toy: its study is run 00000000, which is not in MLflow" in mended(store)
    assert kinds(store) == {"search without study": 1}
    mended(store, delete=True)
    assert optuna.get_all_study_names(store.optuna_storage(search.retry)) == []


def test_a_run_whose_trial_is_not_in_the_search_is_closed_with_the_reason(store: Store) -> None:
    session = finished(store)
    trial = run_of(store, "trial")
    other = store.start(session.experiment, "trial 7", {**trial.tags, "trial": "7"}, parent=session.run_id)
    other.close(record.State.COMPLETE)
    assert kinds(store) == {"run without trial": 1}
    mended(store)
    assert store.get(other.id).tags["reason"] == "no trial of the search has this run"


def test_missing_damaged_and_foreign_files_are_told_apart(store: Store) -> None:
    finished(store)
    final = run_of(store, "final")
    folder = store.artifacts(final.id)
    names = json.loads(final.tags["artifacts"])
    assert set(json.loads(final.tags["hashes"])) == set(names)
    (folder / record.Artifact.SPLIT).unlink(missing_ok=True)
    model = next(path for path in (folder / record.Artifact.MODEL).iterdir())
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    (folder / "mine.txt").write_text("a person's file")
    missing = int(record.Artifact.SPLIT in names)
    expected = {"artifact damaged": 1, "artifact foreign": 1, **({"artifact missing": 1} if missing else {})}
    assert kinds(store) == expected
    assert "the content of model is not what the run wrote" in mended(store)
    assert kinds(store) == expected  # a person's files and copies are a person's


def test_leftovers_of_dead_processes_are_deleted_with_delete_alone(store: Store) -> None:
    finished(store)
    folder = store.artifacts(run_of(store, "final").id)
    dead = folder / ".999999999.model"
    dead.mkdir()
    (dead / "weights").write_bytes(b"w" * 1500)
    (folder / f".{os.getpid()}.model").mkdir()
    (store.folder / "artifacts" / ".import-999999999.x1").mkdir()
    (store.folder / "artifacts" / f".import-{os.getpid()}.x2").mkdir()
    (store.folder / "checkpoints" / "0123456789ab").mkdir(parents=True)
    (store.folder / "locks").mkdir(exist_ok=True)
    (store.folder / "locks" / "left.lock").touch()
    with store.holding("held"):
        assert kinds(store) == {"leftover": 4}
        assert "4 problems: --fix --delete removes 4" in mended(store)
        mended(store, delete=True)
    assert not dead.exists()
    assert (folder / f".{os.getpid()}.model").exists()
    assert [path.name for path in (store.folder / "artifacts").glob(".import-*")] == [f".import-{os.getpid()}.x2"]
    assert kinds(store) == {}


def test_imported_runs_have_the_hashes_of_their_files(store: Store, tmp_path: Path) -> None:
    session = finished(store)
    transport.export(store, [session.run_id], tmp_path / "runs.zip")
    other = Store.open(store_template.copy(tmp_path / "other"))
    transport.import_(other, tmp_path / "runs.zip")
    assert kinds(other) == {}


def test_a_folder_and_its_content_have_one_hash_whatever_is_half_made_in_it(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("a")
    before = artifacts.content_hash(tmp_path / "model")
    (tmp_path / "model" / ".part").write_text("half")
    assert artifacts.content_hash(tmp_path / "model") == before
    (tmp_path / "model" / "a").rename(tmp_path / "model" / "b")
    assert artifacts.content_hash(tmp_path / "model") != before


def test_delete_alone_is_refused(store: Store) -> None:
    with pytest.raises(UserError, match="give both"):
        doctor.run(store, Console(file=io.StringIO()), fix=False, delete=True)
