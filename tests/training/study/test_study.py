"""The study protocol: what is searched, what is refused, what is scored, and when."""

from __future__ import annotations

import dataclasses
import errno
import io
import itertools
import json
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState
from rich.console import Console

from affect import metrics, record
from tests.training.study import toys
from training import registry
from training.commands import status
from training.contract import Evaluation, Findings, StudyFailed, UserError
from training.study import claims, finals, search, stopping, study, trials, workers
from training.study.progress import Watch
from training.study.session import Session
from training.tracking import locks, transport
from training.tracking.run import Run
from training.tracking.store import Store

pytestmark = pytest.mark.usefixtures("no_evaluations")


def run(store: Store, **options: Any) -> Session:
    toy, data = options.pop("toy", None), options.pop("data", None)
    return study.run(toys.prepared(toy, data, **options), store, Watch())


def runs(store: Store, kind: str) -> list[Any]:
    return store.find({"kind": kind, "study": "toy"})


def predictions(store: Store, run_id: str) -> pd.DataFrame:
    return pd.read_parquet(store.artifacts(run_id) / record.Artifact.PREDICTIONS)


def draws(session: Session) -> list[dict[str, Any]]:
    """Return the parameters of complete trials in the order in which they count."""
    return [t.params for t in session.study.get_trials() if t.state.name in ("COMPLETE", "PRUNED")]


def test_study_searches_refits_and_freezes(store: Store) -> None:
    session = run(store)
    searched, ends = runs(store, "trial"), runs(store, "final")
    assert [t.tags["trial"] for t in searched] == ["0", "1", "2", "3"]
    assert {name: float(value) for name, value in searched[0].params.items()} == toys.SPACE.DEFAULTS
    assert {end.tags["seed"] for end in ends} == {"1", "2"}
    whole = store.get(session.run_id)
    assert whole.tags["frozen"] == "true"
    assert whole.tags["state"] == "complete"
    best = min(float(t.metrics["val/mae/all"]) for t in searched)
    assert float(whole.tags["best_value"]) == pytest.approx(best)
    assert not store.client.search_runs([session.experiment], "attributes.status = 'RUNNING'")


def test_search_never_sees_test(store: Store) -> None:
    seen = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        seen.append(split.test)
        return toys.fit(params, split, job)

    run(store, toy=toys.module(fit=fit))
    assert seen[:4] == [None] * 4
    assert all(test is not None and test.y is None and test.label is None for test in seen[4:])
    assert len(seen) == 6


def test_shuffled_test_targets_change_no_prediction(tmp_path: Path) -> None:
    prepared = toys.prepared()
    block = prepared.data.blocks["pad"]
    shuffled = block.values.copy()
    test = np.flatnonzero(prepared.protocol.part == "test")
    shuffled[test] = shuffled[np.random.default_rng(1).permutation(test)]
    other = dataclasses.replace(
        prepared.data, blocks={**prepared.data.blocks, "pad": dataclasses.replace(block, values=shuffled)}
    )
    found = []
    for name, data in (("a", prepared.data), ("b", other)):
        store = Store.open(tmp_path / name)
        run(store, data=data)
        found.append(predictions(store, runs(store, "final")[0].id))
    predicted = [column for column in found[0] if column.startswith("pred_")]
    pd.testing.assert_frame_equal(found[0][predicted], found[1][predicted])
    assert not np.allclose(found[0]["true_pleasure"], found[1]["true_pleasure"])


def test_metrics_can_be_computed_again_from_the_artifacts(store: Store) -> None:
    session = run(store)
    for final in runs(store, "final"):
        table = predictions(store, final.id)
        train, test = table[table.part == "train"], table[table.part == "test"]
        targets = json.loads(final.tags["targets"])
        true = test[[f"true_{t}" for t in targets]].to_numpy()
        pred = test[[f"pred_{t}" for t in targets]].to_numpy()
        for (name, target), value in metrics.score(true, pred, targets).items():
            assert final.metrics[record.metric("test", name, target)] == value
        mean = metrics.mean_row(train[[f"true_{t}" for t in targets]].to_numpy(), len(test))
        for (name, target), value in metrics.score(true, mean, targets).items():
            assert final.metrics[record.metric("test", name, target, record.MEAN)] == value
    whole = store.get(session.run_id).metrics
    each = [final.metrics["test/mae/all"] for final in runs(store, "final")]
    assert whole["test/mae/all"] == pytest.approx(np.mean(each))
    assert whole["test.sd/mae/all"] == pytest.approx(np.std(each, ddof=1))
    assert whole["test.low/mae/all"] < whole["test/mae/all"] < whole["test.high/mae/all"]


def test_same_seed_same_study_other_seed_other_draws(tmp_path: Path) -> None:
    first, same = (run(Store.open(tmp_path / name)) for name in "ab")
    other = run(Store.open(tmp_path / "c"), seed=7)
    assert draws(first) == draws(same)
    assert draws(first)[0] == draws(other)[0] == toys.SPACE.DEFAULTS
    assert draws(first)[1:] != draws(other)[1:]


def test_finished_study_given_again_changes_nothing(store: Store) -> None:
    before = run(store)
    kept = store.get(before.run_id)
    again = run(store)
    assert again.run_id == before.run_id
    assert len(runs(store, "trial")) == 4
    assert store.get(again.run_id) == kept


def test_frozen_study_takes_no_more_trials(store: Store) -> None:
    run(store)
    with pytest.raises(UserError, match=r"closed: more trials.*another --name"):
        run(store, trials=9)
    with pytest.raises(UserError, match="closed"):
        run(store, repeats=3)


def test_name_used_for_something_else_names_the_difference(store: Store) -> None:
    run(store)
    with pytest.raises(UserError, match=r"choose another --name.*seed: it has 0, asked for 3"):
        run(store, seed=3)


class Interrupted:
    """The toy, stopped by a person or a bug at its k-th fit."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.at, self.error, self.calls = at, error, 0

    def __call__(self, params: Any, split: Any, job: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return toys.fit(params, split, job)


@pytest.mark.parametrize("at", [1, 3])
def test_stopped_study_goes_on_as_if_it_had_not_been(tmp_path: Path, at: int) -> None:
    whole = run(Store.open(tmp_path / "whole"), trials=14)
    store = Store.open(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(at, KeyboardInterrupt())), trials=14)
    stopped = runs(store, "study")[0]
    assert (stopped.status, stopped.tags["state"]) == ("KILLED", "stopped")
    resumed = run(store, trials=14)
    assert draws(resumed) == draws(whole)
    retried = [t for t in runs(store, "trial") if "retry_of" in t.tags]
    assert [t.tags["retry_of"] for t in retried] == [str(at - 1)]
    assert store.get(resumed.run_id).tags["best_value"] == store_tag(tmp_path / "whole", whole, "best_value")


def store_tag(folder: Path, session: Session, name: str) -> str:
    return Store.open(folder).get(session.run_id).tags[name]


def test_stopped_hyperband_study_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.left -= 1
        if fit.left == 0:
            raise KeyboardInterrupt
        outcome = toys.fit(params, split, job)
        for step in range(4, 41):
            job.report(step, abs(np.log10(params["alpha"]) - 1) + 1 / step)
        return outcome

    fit.left = -1
    whole = run(Store.open(tmp_path / "whole"), toy=toys.module(fit=fit), trials=16, pruner="hyperband")
    assert {"COMPLETE", "PRUNED"} == {t.state.name for t in whole.study.get_trials()}
    store, fit.left = Store.open(tmp_path / "stopped"), 7
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=fit), trials=16, pruner="hyperband")
    resumed = run(store, toy=toys.module(fit=fit), trials=16, pruner="hyperband")
    ended = [[t for t in s.study.get_trials() if t.state.name != "FAIL"] for s in (resumed, whole)]
    assert [(t.params, t.state) for t in ended[0]] == [(t.params, t.state) for t in ended[1]]


def test_ctrl_c_between_two_steps_of_a_trial_loses_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run of trial 0, the space's DEFAULTS, is not yet made when the person stops the study."""
    start = store.start

    def stopped(experiment: str, name: str, *rest: Any, **named: Any) -> Any:
        if name == "trial 0":
            raise KeyboardInterrupt
        return start(experiment, name, *rest, **named)

    monkeypatch.setattr(store, "start", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(store)
    monkeypatch.setattr(store, "start", start)
    session = run(store)
    assert draws(session)[0] == toys.SPACE.DEFAULTS
    assert len(draws(session)) == 4


def test_store_that_fails_stops_the_study(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    start = store.start

    def full(experiment: str, name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("trial"):
            raise OSError("disk full")
        return start(experiment, name, *rest, **named)

    monkeypatch.setattr(store, "start", full)
    with pytest.raises(StudyFailed, match="last 5 trials all failed; trial 4: OSError: disk full"):
        run(store)


def test_trial_that_another_worker_took_for_dead_counts_once(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        if fit.calls == 2:
            storage = store.optuna_storage()
            study = optuna.load_study(study_name="toy", storage=storage)
            [trial] = study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
            storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL)
            search.retry(study, trial)
        return toys.fit(params, split, job)

    fit.calls = 0
    session = run(store, toy=toys.module(fit=fit))
    assert len(draws(session)) == 4
    assert [t.tags["state"] for t in runs(store, "trial")] == ["complete", "failed", *["complete"] * 3]


def test_no_trial_begins_once_the_best_one_is_named(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        if fit.calls == 2:  # another worker, whose time is up
            optuna.load_study(study_name="toy", storage=store.optuna_storage()).set_user_attr(search.BEST, 0)
        return toys.fit(params, split, job)

    fit.calls = 0
    session = run(store, toy=toys.module(fit=fit))
    assert len(draws(session)) == 2
    assert {final.tags["trial"] for final in runs(store, "final")} == {"0"}


def test_run_that_another_worker_begins_just_now_is_left_alone(store: Store) -> None:
    session = run(store)
    with store.lock(workers.lock("another")):
        session.study.ask().set_user_attr(search.WORKER, "another")
        tags = {**session.tags("trial"), "trial": "4"}
        begun = store.start(session.experiment, "trial 4", tags, parent=session.run_id)
        trials.reconcile(session)
        assert store.get(begun.id).tags["state"] == "running"


def test_trial_whose_worker_was_killed_before_it_named_itself_is_run_again_at_once(store: Store) -> None:
    session = run(store)
    asked = session.study.ask()
    trials.reconcile(session)
    states = [t.state.name for t in session.study.get_trials()]
    assert (states[asked.number], states[asked.number + 1]) == ("FAIL", "WAITING")


def test_failed_trial_is_kept_with_its_traceback_and_the_study_goes_on(store: Store) -> None:
    session = run(store, toy=toys.module(fit=Interrupted(2, ZeroDivisionError("no such thing"))))
    failed = [t for t in runs(store, "trial") if t.tags["state"] == "failed"]
    assert len(failed) == 1
    assert failed[0].status == "FAILED"
    assert failed[0].tags["reason"] == "ZeroDivisionError: no such thing"
    assert "Traceback" in (store.artifacts(failed[0].id) / record.Artifact.LOG).read_text()
    assert len(draws(session)) == 4


def test_five_failures_in_a_row_stop_the_study(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        raise RuntimeError("broken")

    with pytest.raises(StudyFailed, match="last 5 trials all failed; trial 4: RuntimeError: broken"):
        run(store, toy=toys.module(fit=fit), trials=20)
    assert len(runs(store, "trial")) == 5
    assert runs(store, "study")[0].tags["state"] == "failed"
    mended = run(store, trials=6)
    assert len(draws(mended)) == 6


def test_nan_predictions_are_a_failure_not_a_score(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        outcome = toys.fit(params, split, job)
        outcome.predictions["validation"][0, 0] = np.nan
        return outcome

    with pytest.raises(StudyFailed, match="1 NaN or inf"):
        run(store, toy=toys.module(fit=fit))


def test_seed_that_raises_is_a_result_and_the_study_ends_with_the_others(store: Store) -> None:
    heard = []

    class Ear(Watch):
        def final_failed(self, k: int, reason: str) -> None:
            heard.append((k, reason))

    toy = toys.module(fit=Interrupted(6, ArithmeticError("train loss is nan in epoch 3")))
    session = study.run(toys.prepared(toy, repeats=3), store, Ear())
    ends = {end.tags["seed"]: end for end in runs(store, "final")}
    assert {seed: end.tags["state"] for seed, end in ends.items()} == {"1": "complete", "2": "failed", "3": "complete"}
    failed = ends["2"]
    assert failed.status == "FAILED"
    assert failed.tags["reason"] == "ArithmeticError: train loss is nan in epoch 3"
    assert "Traceback" in (store.artifacts(failed.id) / record.Artifact.LOG).read_text()
    assert heard == [(1, failed.tags["reason"])]
    whole = store.get(session.run_id)
    assert {name: whole.tags[name] for name in ("frozen", "state", "seeds", "repeats")} == {
        "frozen": "true",
        "state": "complete",
        "seeds": "2",
        "repeats": "3",
    }
    each = [ends[seed].metrics["test/mae/all"] for seed in "13"]
    assert whole.metrics["test/mae/all"] == pytest.approx(np.mean(each))
    kept = store.get(session.run_id)
    assert run(store, repeats=3).run_id == session.run_id
    assert (store.get(session.run_id), len(runs(store, "final"))) == (kept, 3)


def test_study_whose_seeds_all_fail_is_failed_and_the_same_command_tries_again(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        if split.test is not None:
            raise ArithmeticError("no loss")
        return toys.fit(params, split, job)

    for _ in range(2):
        with pytest.raises(StudyFailed, match=r"all 2 final runs failed; seed 1 .*ArithmeticError: no loss"):
            run(store, toy=toys.module(fit=fit))
    assert runs(store, "study")[0].tags["state"] == "failed"
    assert len(runs(store, "final")) == 4
    session = run(store)
    assert store.get(session.run_id).tags["seeds"] == "2"
    assert not list((store.folder / "checkpoints").rglob("*"))


def test_what_is_evaluated_once_is_so_for_the_first_seed_that_comes_through(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        if split.test is not None and job.seed == 1:
            raise ArithmeticError("no loss")
        return toys.fit(params, split, job)

    evaluated = []

    def evaluate(fitted: Any) -> Findings:
        evaluated.append(fitted.job.seed)
        return Findings()

    once = Evaluation(applies=lambda method: True, evaluate=evaluate, once=True)
    monkeypatch.setattr(registry, "evaluations", lambda: ["refits"])
    monkeypatch.setattr(registry, "evaluation", lambda name: once)
    run(store, toy=toys.module(fit=fit), trials=1, repeats=3)
    assert evaluated == [2]


def test_store_that_cannot_be_written_is_no_result_of_a_seed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written, calls = Run.epoch_scores, itertools.count(1)

    def epoch_scores(self: Run, step: int, values: Any) -> None:
        if next(calls) == 5:  # one trial and one final report three times each
            raise RuntimeError("database is locked")
        written(self, step, values)

    monkeypatch.setattr(Run, "epoch_scores", epoch_scores)
    with pytest.raises(StudyFailed, match=r"final run .* failed: .*RuntimeError: database is locked"):
        run(store, trials=1)
    session = run(store, trials=1)
    assert store.get(session.run_id).tags["seeds"] == "2"


def test_disk_that_is_full_is_no_result_of_a_seed(store: Store) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StudyFailed, match=r"final run .* failed: OSError.*No space left"):
        run(store, toy=toys.module(fit=Interrupted(6, full)))
    session = run(store)
    ends = runs(store, "final")
    assert sorted((e.tags["seed"], e.tags["state"]) for e in ends) == [
        ("1", "complete"),
        ("2", "complete"),
        ("2", "failed"),
    ]
    assert store.get(session.run_id).tags["seeds"] == "2"


def test_final_without_memory_is_no_result_of_a_seed(store: Store) -> None:
    error = RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with pytest.raises(StudyFailed, match=r"final run .* failed: .*no memory left, .*: the same command fits it again"):
        run(store, toy=toys.module(fit=Interrupted(3, error)), trials=1)
    assert not [end for end in runs(store, "final") if "error" in end.tags]
    session = run(store, trials=1)
    ends = [(end.tags["seed"], end.tags["state"]) for end in runs(store, "final")]
    assert sorted(ends) == [("1", "complete"), ("2", "complete"), ("2", "failed")]
    assert store.get(session.run_id).tags["seeds"] == "2"


def test_trial_without_memory_is_a_failed_trial_and_the_search_goes_on(store: Store) -> None:
    session = run(store, toy=toys.module(fit=Interrupted(2, MemoryError("no room"))), trials=3, repeats=1)
    failed = [t for t in runs(store, "trial") if t.tags["state"] == "failed"]
    assert [t.tags["reason"] for t in failed] == ["MemoryError: no room"]
    assert len(draws(session)) == 3


def test_trial_on_a_full_disk_is_run_again_by_the_same_command(store: Store, tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StudyFailed, match="No space left on device; this is no result of the trial: the same command"):
        run(store, toy=toys.module(fit=Interrupted(2, full)), repeats=1)
    session = run(store, repeats=1)
    whole = run(Store.open(tmp_path / "other"), repeats=1)
    assert draws(session) == draws(whole)
    (failed,) = [t for t in runs(store, "trial") if t.tags["state"] == "failed"]
    assert failed.tags["reason"] == "OSError: [Errno 28] No space left on device"


def test_trial_whose_lock_another_process_has_is_run_again_and_no_error_of_the_method(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = iter([locks.LockLost("worker-a")])

    def keep_locks() -> None:
        for error in lost:
            raise error

    monkeypatch.setattr(store, "keep_locks", keep_locks)
    with pytest.raises(StudyFailed, match=r"worker-a was lost, and another process has it now.*no result of the trial"):
        run(store, repeats=1)
    session = run(store, repeats=1)
    assert draws(session) == draws(run(Store.open(tmp_path / "other"), repeats=1))
    assert [trial.tags["state"] for trial in runs(store, "trial")].count("failed") == 1


def test_final_killed_before_mlflow_heard_of_its_end_is_ended_by_the_same_command(store: Store, tmp_path: Path) -> None:
    session = run(store, trials=2)
    store.client.update_run(runs(store, "final")[0].id, status="RUNNING")
    run(store, trials=2)
    assert {end.status for end in runs(store, "final")} == {"FINISHED"}
    assert len(runs(store, "final")) == 2
    transport.export(store, [session.run_id], tmp_path / "runs.zip")


def test_no_checkpoint_is_left_by_pruned_failed_and_complete_trials(store: Store) -> None:
    left = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        folders = job.checkpoint.parent
        left.append({folder.name for folder in folders.iterdir()} - {job.checkpoint.name})
        (job.checkpoint / "fit.pt").write_bytes(b"weights")
        if fit.calls == 2:
            raise ZeroDivisionError
        for step in range(1, 30):
            job.report(step, 1.0 if fit.calls <= 6 else 5.0)
        return toys.fit(params, split, job)

    fit.calls = 0
    run(store, toy=toys.module(fit=fit), trials=7)
    assert {t.tags["state"] for t in runs(store, "trial")} == {"complete", "pruned", "failed"}
    assert left == [set()] * len(left)


def test_study_that_fails_leaves_no_checkpoint(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        (job.checkpoint / "fit.pt").write_bytes(b"weights")
        raise RuntimeError("broken")

    with pytest.raises(StudyFailed):
        run(store, toy=toys.module(fit=fit), trials=20)
    assert not list((store.folder / "checkpoints").rglob("*"))


def test_stopped_trial_finds_its_checkpoint_when_it_is_run_again(store: Store) -> None:
    found = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        found.append((job.checkpoint / "fit.pt").exists())
        (job.checkpoint / "fit.pt").write_bytes(b"weights")
        if len(found) == 2:
            raise KeyboardInterrupt
        return toys.fit(params, split, job)

    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=fit))
    run(store, toy=toys.module(fit=fit))
    assert found == [False, False, True, *[False] * 4]


@pytest.mark.parametrize("at", [2, 5])
def test_stop_that_a_compiled_library_turned_into_an_error_is_a_stop(
    store: Store, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """In a trial (the second fit) and in a final run (the fifth)."""

    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        if fit.calls == at:
            monkeypatch.setattr(stopping, "_wish", True)
            raise RuntimeError("XGBoostError: the callback raised")
        return toys.fit(params, split, job)

    fit.calls = 0
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=fit))
    assert runs(store, "study")[0].tags["state"] == "stopped"
    monkeypatch.setattr(stopping, "_wish", False)
    session = run(store, toy=toys.module(fit=fit))
    assert draws(session)[0] == toys.SPACE.DEFAULTS
    assert len(draws(session)) == 4
    assert store.get(session.run_id).tags["seeds"] == "2"


def test_stop_within_an_evaluation_is_a_stop(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(fitted: Any) -> Any:
        monkeypatch.setattr(stopping, "_wish", True)
        raise RuntimeError("XGBoostError")

    with_evaluations(monkeypatch, stopped=evaluate)
    with pytest.raises(KeyboardInterrupt):
        run(store)
    assert [end.tags["state"] for end in runs(store, "final")] == ["failed"]


def test_trial_that_was_failed_before_it_could_be_added_again_is_run_again(store: Store) -> None:
    """A second Ctrl-C or a kill met the worker just when it was about to add the stopped trial again."""
    session = run(store, trials=2)
    lost = session.study.ask(fixed_distributions=search.distributions(toys.SPACE))
    lost.set_user_attr(search.WORKER, "gone")
    session.study.tell(lost, state=TrialState.FAIL)
    for _ in range(2):
        trials.reconcile(session)
    again = [t for t in session.study.get_trials() if t.user_attrs.get(search.RETRY_OF) == lost.number]
    assert [t.params for t in again] == [lost.params]


def test_second_ctrl_c_waits_until_the_stopped_trial_is_written_down(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "_wish", False)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    add_again = trials._add_again

    def interrupted(session: Session) -> Any:
        signal.raise_signal(signal.SIGINT)
        return add_again(session)

    monkeypatch.setattr(trials, "_add_again", interrupted)
    try:
        stopping.install()
        with pytest.raises(KeyboardInterrupt):
            run(store, toy=toys.module(fit=Interrupted(2, KeyboardInterrupt())))
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert runs(store, "study")[0].tags["state"] == "stopped"
    waiting = optuna.load_study(study_name="toy", storage=store.optuna_storage()).get_trials()[-1]
    assert (waiting.state.name, waiting.user_attrs[search.RETRY_OF]) == ("WAITING", 1)


def test_stops_do_not_use_up_the_runs_that_a_killed_trial_has() -> None:
    made = optuna.create_study()
    for killed in (False, False, False, False, True, True, True):
        trial = made.ask()
        made.tell(trial, state=TrialState.FAIL)
        search.retry(made, made.get_trials()[-1], killed=killed)
    last = made.ask()
    assert last.user_attrs[search.RETRIES] == search.MOST_RETRIES
    made.tell(last, state=TrialState.FAIL)
    search.retry(made, made.get_trials()[-1])
    given_up = made.get_trials()[-1]
    assert given_up.number == last.number, "it is not run again"
    assert search.error(given_up) == "its worker was killed 4 times; the study does not run it again"
    assert search.without_successor(made.get_trials()) == []


def test_pruned_trials_count_and_keep_their_curves(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        for step in range(1, 30):
            job.report(step, 1.0 if fit.calls <= 5 else 5.0)
        return toys.fit(params, split, job)

    fit.calls = 0
    run(store, toy=toys.module(fit=fit), trials=8)
    states = [t.tags["state"] for t in runs(store, "trial")]
    assert states == ["complete"] * 5 + ["pruned"] * 3
    pruned = runs(store, "trial")[-1]
    assert pruned.status == "FINISHED"
    assert pruned.tags["reason"].startswith("pruned at step 4")
    history = store.client.get_metric_history(pruned.id, "curve/val/mae")
    assert [point.step for point in history] == [1, 2, 3, 4]


def test_pruning_counts_reports_whatever_a_method_calls_its_steps(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        for rounds in range(25, 601, 25):
            job.report(rounds, 1.0 if fit.calls <= 5 else 5.0)
        return toys.fit(params, split, job)

    fit.calls = 0
    run(store, toy=toys.module(fit=fit), trials=6)
    assert runs(store, "trial")[-1].tags["reason"].startswith("pruned at step 100")


def test_few_trials_are_not_enough_for_more_than_asked(store: Store) -> None:
    session = run(store, trials=2)
    assert len(session.study.get_trials()) == 2


def test_final_of_a_worker_that_only_lost_its_lock_is_left_to_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock is free and its process alive: for two heartbeats it may take the lock again."""
    monkeypatch.setenv("AFFECTORY_HEARTBEAT", "1")
    theirs = {}

    def fit(params: Any, split: Any, job: Any) -> Any:
        if split.test is not None and not theirs:
            [own] = [final for final in runs(store, "final") if final.status == "RUNNING"]
            tags = {**own.tags, "seed": "2", "worker": "elsewhere:1:a"}
            theirs[store.start(own.experiment, "final seed 2", tags, parent=own.parent).id] = time.monotonic()
        return toys.fit(params, split, job)

    run(store, toy=toys.module(fit=fit))
    [(live, begun)] = theirs.items()
    info = store.get(live)
    assert (info.tags["state"], info.tags["reason"]) == ("failed", search.KILLED)
    assert time.monotonic() - begun > 2
    assert {end.tags["seed"] for end in runs(store, "final") if end.tags["state"] == "complete"} == {"1", "2"}


@pytest.mark.parametrize("lost", [True, False], ids=["its lock is another's", "another closed its run"])
def test_final_that_another_worker_took_over_is_not_complete(
    store: Store, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    before: list[str] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        if split.test is not None and not before:
            before.extend(final.id for final in runs(store, "final"))
            if not lost:
                store.resume(before[0]).close(record.State.FAILED, search.KILLED)
        return toys.fit(params, split, job)

    def keep_locks() -> None:
        if lost and before and len(runs(store, "final")) == 1:
            raise locks.LockLost("final")

    monkeypatch.setattr(store, "keep_locks", keep_locks)
    run(store, toy=toys.module(fit=fit))
    states = [(end.tags["seed"], end.tags["state"]) for end in runs(store, "final")]
    assert sorted(states) == [("1", "complete"), ("1", "failed"), ("2", "complete")]
    assert store.get(before[0]).tags["reason"] == (claims.TAKEN_OVER if lost else search.KILLED)


@pytest.mark.parametrize("when", ["before it was seen", "while it was fitted"])
def test_final_that_another_worker_scored_while_the_locks_were_lost_is_not_scored_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The other worker took the free lock, scored the seed and gave the lock back: no lock is missing at the end."""
    other: list[str] = []

    def score(own: Any) -> None:
        theirs = store.start(own.experiment, own.name, {**own.tags, "worker": "elsewhere:1:a"}, parent=own.parent)
        other.append(theirs.id)
        theirs.close(record.State.COMPLETE)

    def fit(params: Any, split: Any, job: Any) -> Any:
        running = [final for final in runs(store, "final") if final.status == "RUNNING"]
        if split.test is not None and when == "while it was fitted" and not other:
            score(running[0])
        return toys.fit(params, split, job)

    def keep_locks() -> None:
        running = [final for final in runs(store, "final") if final.status == "RUNNING"]
        if when == "before it was seen" and running and not other:
            score(running[0])

    monkeypatch.setattr(store, "keep_locks", keep_locks)
    with pytest.raises(UserError, match=r"predictions of final seed 1 cannot be read"):  # the other's holds nothing
        run(store, toy=toys.module(fit=fit))
    states = [(end.tags["seed"], end.tags["state"]) for end in runs(store, "final") if end.id not in other]
    assert ("1", "complete") not in states
    [failed] = [end for end in runs(store, "final") if end.tags["state"] == "failed"]
    assert failed.tags["reason"] == claims.TAKEN_OVER
    assert not [name for name in failed.metrics if name.startswith("test/")]


def test_finals_of_an_imported_study_of_the_same_name_are_not_its_own(tmp_path: Path, store: Store) -> None:
    other = Store.open(tmp_path / "other")
    theirs = run(other, seed=0, trials=2)
    transport.export(other, [theirs.run_id], tmp_path / "runs.zip")
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(1, KeyboardInterrupt())), trials=3)
    transport.import_(store, tmp_path / "runs.zip")
    mine = run(store, trials=3)
    assert mine.run_id != theirs.run_id
    assert set(finals.done(mine)) == {"1", "2"}
    assert {final.parent for final in finals.done(mine).values()} == {mine.run_id}
    assert store.final(theirs.run_id).parent == theirs.run_id


def test_fixed_configuration_runs_one_trial(store: Store) -> None:
    session = run(store, trials=1, fixed=True, first={"alpha": 10.0})
    assert draws(session) == [{"alpha": 10.0, "unused": 3}]
    assert all(float(end.params["alpha"]) == 10.0 for end in runs(store, "final"))


def test_fixed_configuration_that_fails_is_not_replaced_by_a_drawn_one(store: Store) -> None:
    fixed = {"trials": 1, "fixed": True, "first": {"alpha": 10.0}}
    with pytest.raises(StudyFailed, match="the configuration failed; trial 0: RuntimeError: broken"):
        run(store, toy=toys.module(fit=Interrupted(1, RuntimeError("broken"))), **fixed)
    assert draws(run(store, **fixed)) == [{"alpha": 10.0, "unused": 3}]


def with_evaluations(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    """Let the study have evaluations of these names that apply to every method."""
    made = {name: Evaluation(applies=lambda method: True, evaluate=evaluate) for name, evaluate in functions.items()}
    monkeypatch.setattr(registry, "evaluations", lambda: sorted(made))
    monkeypatch.setattr(registry, "evaluation", made.__getitem__)


def empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(record.COLUMNS[name]))


def test_two_evaluations_that_write_one_table_are_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        {"feature": ["a"], "z_from": [0.0], "step": [1.0], "change": [0.0], "change_over_range": [0.0]}
    )
    tables = {record.Artifact.SENSITIVITY: table}
    with_evaluations(monkeypatch, one=lambda fitted: Findings(tables), two=lambda fitted: Findings(tables))
    with pytest.raises(StudyFailed, match=r"evaluation one and the evaluation two both write sensitivity\.parquet"):
        run(store)


def test_method_and_evaluation_that_write_one_table_are_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        {"feature": ["a"], "z_from": [0.0], "step": [1.0], "change": [0.0], "change_over_range": [0.0]}
    )
    tables = {record.Artifact.SENSITIVITY: table}

    def fit(params: Any, split: Any, job: Any) -> Any:
        return dataclasses.replace(toys.fit(params, split, job), tables=tables)

    with_evaluations(monkeypatch, one=lambda fitted: Findings(tables))
    with pytest.raises(StudyFailed, match=r"the method and the evaluation one both write sensitivity\.parquet"):
        run(store, toy=toys.module(fit=fit))


def test_samples_of_all_authors_stand_in_one_table(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def samples(kind: str) -> dict[str, pd.DataFrame]:
        columns: dict[str, Any] = dict.fromkeys(record.COLUMNS[record.Artifact.SAMPLES], "")
        row = {**columns, "kind": kind, "step": 0.0, "png": b"", "valence": 0.0, "arousal": 0.0}
        return {record.Artifact.SAMPLES: pd.DataFrame([row])}

    def fit(params: Any, split: Any, job: Any) -> Any:
        job.show(1, np.zeros((2, 3, 4, 4), np.uint8))
        job.show(2, np.zeros((2, 3, 4, 4), np.uint8))
        return dataclasses.replace(toys.fit(params, split, job), tables=samples("reconstruction"))

    evaluations = {name: (lambda fitted, name=name: Findings(samples(name))) for name in ("real", "traversal")}
    with_evaluations(monkeypatch, **evaluations)
    run(store, toy=toys.module(fit=fit), repeats=1)
    [final] = runs(store, "final")
    table = pd.read_parquet(store.artifacts(final.id) / record.Artifact.SAMPLES)
    assert table["kind"].tolist() == [*["generated"] * 4, "reconstruction", "real", "traversal"]
    assert table["step"].tolist()[:4] == [1, 1, 2, 2]


def test_generated_images_and_curves_are_there_while_the_method_fits_and_outlive_a_kill(store: Store) -> None:
    """The method is stopped after it showed images; run again, it goes on from a later step."""
    seen = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        job.curve("train/loss_generator", fit.calls, 0.5)
        images = np.full((1, 3, 4, 4), fit.calls, np.uint8)
        job.show(fit.calls, images, np.array([[0.1, 0.2, 0.3]]))
        [running] = [r for kind in ("trial", "final") for r in runs(store, kind) if r.status == "RUNNING"]
        seen.append(pd.read_parquet(store.artifacts(running.id) / record.Artifact.SAMPLES))
        if fit.calls == 1:
            raise KeyboardInterrupt
        return toys.fit(params, split, job)

    fit.calls = 0
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=fit), trials=1)
    run(store, toy=toys.module(fit=fit), trials=1, repeats=1)
    assert [table["step"].tolist() for table in seen[:2]] == [[1.0], [1.0, 2.0]]
    assert seen[0]["arousal"].tolist() == [0.2]
    curve = store.client.get_metric_history(runs(store, "trial")[1].id, "curve/train/loss_generator")
    assert [(point.step, point.value) for point in curve] == [(2, 0.5)]


def test_job_scores_validation_as_the_search_does(store: Store) -> None:
    scored = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        outcome = toys.fit(params, split, job)
        scored.append(job.score(outcome.predictions["validation"]))
        assert job.direction == "minimize"
        return outcome

    run(store, toy=toys.module(fit=fit), trials=2)
    assert scored[:2] == [t.metrics["val/mae/all"] for t in runs(store, "trial")]


def test_evaluation_that_raises_costs_no_score(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    class Ear(Watch):
        def message(self, text: str) -> None:
            said.append(text)

    def evaluate(fitted: Any) -> Findings:
        raise ValueError("odd data")

    with_evaluations(monkeypatch, broken=evaluate)
    study.run(toys.prepared(), store, Ear())
    assert "evaluation broken failed: ValueError: odd data" in said[0]
    final = runs(store, "final")[0]
    assert "test/mae/all" in final.metrics
    assert "odd data" in (store.artifacts(final.id) / record.Artifact.LOG).read_text()


def test_study_removed_from_one_half_of_the_store_is_refused(store: Store) -> None:
    run(store)
    optuna.delete_study(study_name="toy", storage=store.optuna_storage())
    with pytest.raises(UserError, match="its search is not in Optuna's storage"):
        run(store)


@pytest.mark.parametrize("how", ["run", "experiment"])
def test_study_deleted_in_mlflow_is_said_with_the_way_back(store: Store, how: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(2, KeyboardInterrupt())))
    study_run = runs(store, "study")[0]
    if how == "run":
        store.client.delete_run(study_run.id)
    else:
        store.client.delete_experiment(study_run.experiment)
    with pytest.raises(UserError) as caught:
        run(store)
    assert str(caught.value).startswith(f"study 'toy' (run {study_run.id[:8]}) was deleted in MLflow; bring it back")
    assert "another --name" in str(caught.value)
    if how == "run":
        store.client.restore_run(study_run.id)
    else:
        store.client.restore_experiment(study_run.experiment)
    assert len(draws(run(store))) == 4


def test_study_deleted_while_it_runs_is_said(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        if fit.calls == 3:
            store.client.delete_run(runs(store, "study")[0].id)
        return toys.fit(params, split, job)

    fit.calls = 0
    with pytest.raises(UserError, match=r"study 'toy' .* was deleted in MLflow"):
        run(store, toy=toys.module(fit=fit))


def test_deleted_trial_and_final_are_seen_as_deleted(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(2, KeyboardInterrupt())))
    store.client.delete_run(runs(store, "trial")[1].id)  # the stopped one
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(5, KeyboardInterrupt())))
    store.client.delete_run(runs(store, "final")[0].id)
    session = run(store)
    assert [end.tags["seed"] for end in runs(store, "final") if end.tags["state"] == "complete"] == ["1", "2"]
    store.client.delete_run(store.final("toy").id)
    assert store.final("toy").tags["seed"] == "2"
    assert store.get(session.run_id).tags["frozen"] == "true"


def test_changed_space_names_the_parameter_with_its_old_and_new_distribution(store: Store) -> None:
    run(store, trials=1)
    space = SimpleNamespace(
        DEFAULTS=toys.SPACE.DEFAULTS,
        TINY=toys.SPACE.TINY,
        suggest=lambda trial: {
            "alpha": trial.suggest_float("alpha", 1e-2, 1e4, log=True),
            "unused": trial.suggest_int("unused", 1, 9),
        },
    )
    with pytest.raises(UserError) as caught:
        study.run(toys.prepared(space=space, trials=2), store, Watch())
    assert str(caught.value).endswith(
        "parameter alpha: it has 0.001 to 10000, by order of magnitude, asked for 0.01 to 10000, by order of magnitude"
    )


def test_unfinished_study_of_an_earlier_record_must_be_started_anew(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(2, KeyboardInterrupt())))
    store.set_tags(runs(store, "study")[0].id, {"record": "1"})
    with pytest.raises(UserError) as caught:
        run(store)
    assert str(caught.value) == (
        "study 'toy' cannot go on: it was begun by an earlier Affectory, which drew and named its split otherwise "
        "(record 1, now 2); start it anew with another --name"
    )
    out = io.StringIO()
    status.show(store, Console(file=out, width=200))
    assert "stopped, of an earlier Affectory: start it anew" in out.getvalue()


def test_finished_study_of_an_earlier_record_stays_readable(store: Store) -> None:
    session = run(store, trials=1, repeats=1)
    store.set_tags(session.run_id, {"record": "1"})
    with pytest.raises(UserError, match=r"is finished and was recorded by an earlier Affectory .* another --name"):
        run(store, trials=1, repeats=1)
    out = io.StringIO()
    status.show(store, Console(file=out, width=200))
    assert "complete" in out.getvalue()
    assert "earlier" not in out.getvalue()
    assert store.final("toy").tags["seed"] == "1"


def test_refit_on_train_and_validation_takes_the_steps_that_validation_found(store: Store) -> None:
    """The toy stops itself after as many steps as validation says, and keeps what it was given."""
    seen: list[tuple[int, int, int | None]] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        fixed = job.steps.fixed()
        seen.append((len(split.train), len(split.validation), fixed))
        if fixed is None:
            job.steps.chose(17)
        return toys.fit(params, split, job)

    session = run(store, toy=toys.module(fit=fit), trials=1, repeats=1, refit="all")
    protocol = session.prepared.protocol
    train, validation = (int((protocol.part == part).sum()) for part in ("train", "validation"))
    assert seen == [(train, validation, None), (train + validation, validation, 17)]
    [final] = runs(store, "final")
    assert final.tags["refit"] == store.get(session.run_id).tags["refit"] == "all"
    assert not [name for name in final.metrics if name.startswith("val/")]
    table = predictions(store, final.id)
    assert (table["part"] == "train").sum() == train
    assert sorted(table["sample"]) == sorted(protocol.data.sample)
    with pytest.raises(UserError, match=r"refit: it has 'all', asked for None"):
        run(store, toy=toys.module(fit=fit), trials=1, repeats=1)


def test_ordinals_skip_reruns() -> None:
    made = optuna.create_study()
    for attributes in ({}, {}, {search.RETRY_OF: 1}, {}):
        made.add_trial(optuna.create_trial(value=0.0, user_attrs=attributes))
    assert [search.ordinal(made, t) for t in made.trials] == [0, 1, 1, 2]


def test_pruning_steps_grow() -> None:
    assert [step for step in range(1, 40) if search.is_pruning_step(step)] == [1, 2, 3, 4, 6, 9, 13, 19, 28]


def test_seed_of_finals_is_none_of_a_trial(store: Store) -> None:
    session = run(store)
    assert {finals.seed(session, k) for k in range(2)}.isdisjoint(t.tags["seed"] for t in runs(store, "trial"))
