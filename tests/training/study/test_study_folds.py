"""A study that is tested by folds: every group is tested once, by a search and refits that never saw it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from affect import metrics, record, statistics
from tests.training.study import toys
from tests.training.study.test_study import Interrupted
from training import registry
from training.contract import StudyFailed, UserError
from training.study import search, study, workers
from training.study.plan import DataSets, Plan, prepare
from training.study.progress import Watch
from training.study.session import Session
from training.tracking.store import Store

FOLDS = {"test_folds": 3, "trials": 2, "repeats": 2}


pytestmark = pytest.mark.usefixtures("no_evaluations")


def run(store: Store, **options: Any) -> Session:
    toy = options.pop("toy", None)
    return study.run(toys.prepared(toy, **{**FOLDS, **options}), store, Watch())


def runs(store: Store, kind: str) -> list[Any]:
    return store.find({"kind": kind, "study": "toy"})


def test_rows(store: Store, final: Any) -> pd.DataFrame:
    table = pd.read_parquet(store.artifacts(final.id) / record.Artifact.PREDICTIONS)
    return table[table["part"] == "test"]


test_rows.__test__ = False  # type: ignore[attr-defined]


def test_every_group_is_tested_once_and_scores_are_of_all_folds_together(store: Store) -> None:
    session = run(store)
    whole = store.get(session.run_id)
    assert [info.id for info in runs(store, "study")] == [whole.id], "one row in the leaderboard"
    assert (whole.tags["test_folds"], whole.tags["trials_total"], whole.tags["frozen"]) == ("3", "6", "true")
    assert "fold" not in whole.tags
    searched, ends = runs(store, "trial"), runs(store, "final")
    assert Counter(t.tags["fold"] for t in searched) == {"1": 2, "2": 2, "3": 2}
    assert Counter((e.tags["fold"], e.tags["seed"]) for e in ends) == {(f, s): 1 for f in "123" for s in "12"}
    assert {r.tags["protocol_id"] for r in (*searched, *ends, whole)} == {whole.tags["protocol_id"]}
    assert len({r.tags["split"] for r in ends}) == 3
    assert all(r.parent == whole.id and r.tags["test_folds"] == "3" for r in (*searched, *ends))

    targets = json.loads(whole.tags["targets"])
    scores, predicted = [], []
    for seed in "12":
        folds = [
            test_rows(store, end) for end in sorted(ends, key=lambda e: e.tags["fold"]) if end.tags["seed"] == seed
        ]
        table = pd.concat(folds)
        assert sorted(table["sample"]) == sorted(session.prepared.data.sample)
        assert not set(folds[0]["group"]) & set(folds[1]["group"])
        true, pred = (table[[f"{which}_{t}" for t in targets]].to_numpy() for which in ("true", "pred"))
        scores.append(metrics.score(true, pred, targets)["mae", "all"])
        predicted.append(pred)
    assert whole.metrics["test/mae/all"] == pytest.approx(np.mean(scores))
    assert whole.metrics["test.sd/mae/all"] == pytest.approx(np.std(scores, ddof=1))
    groups = table["group"].to_numpy()
    assert whole.metrics["test.groups/mae/all"] == len(set(groups)) == len(set(session.prepared.data.group))
    over_groups = statistics.intervals(true, np.stack(predicted), groups, targets)["mae", "all"]
    assert whole.metrics["test.low/mae/all"] == pytest.approx(over_groups.low)
    assert whole.metrics["test/mae/all"] < whole.metrics["test.mean/mae/all"]


def test_a_folds_search_and_refits_see_nothing_of_its_test_groups(store: Store) -> None:
    seen: list[tuple[set[str], bool]] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        seen.append(({*split.train.group, *split.validation.group}, split.test is not None))
        assert split.test is None or (split.test.y is None and split.test.label is None)
        return toys.fit(params, split, job)

    session = run(store, toy=toys.module(fit=fit), repeats=1)
    every = set(session.prepared.data.group)
    searched, refitted = ([groups for groups, test in seen if test is is_final] for is_final in (False, True))
    assert len(refitted) == 3
    tested = [every - groups for groups in refitted]
    assert set.union(*tested) == every
    assert sum(map(len, tested)) == len(every)
    assert searched == [groups for groups in refitted for _ in range(2)]


@pytest.mark.parametrize("at", [3, 8])
def test_stopped_study_by_folds_goes_on_as_if_it_had_not_been(tmp_path: Path, at: int) -> None:
    """In a search (the third fit, of the second fold) and in a final run (the eighth)."""
    whole_store, store = Store.open(tmp_path / "whole"), Store.open(tmp_path / "stopped")
    whole = whole_store.get(run(whole_store).run_id)
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(at, KeyboardInterrupt())))
    assert runs(store, "study")[0].tags["state"] == "stopped"
    resumed = store.get(run(store).run_id)
    scores = [
        {name: value for name, value in info.metrics.items() if not name.startswith("cost/")}
        for info in (whole, resumed)
    ]
    assert scores[0] == scores[1]
    assert not store.client.search_runs([resumed.experiment], "attributes.status = 'RUNNING'")
    kept = store.get(resumed.id)
    run(store)
    assert store.get(resumed.id) == kept
    with pytest.raises(UserError, match="closed: more trials"):
        run(store, trials=3)


def test_worker_that_would_wait_in_one_fold_goes_on_in_the_next(store: Store) -> None:
    """Another worker is at the only trial that is left of the first fold."""
    other: list[Any] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        if fit.calls == 1:
            first = optuna.load_study(study_name="toy · fold 1 of 3", storage=store.optuna_storage())
            other.append(first.ask(fixed_distributions=search.distributions(toys.SPACE)))
            other[0].set_user_attr(search.WORKER, "another")
        if fit.calls == 5:  # the other folds' four trials are done: now it ends
            first = optuna.load_study(study_name="toy · fold 1 of 3", storage=store.optuna_storage())
            assert other[0].number == 1
            first.tell(other[0], 1.0)
        return toys.fit(params, split, job)

    fit.calls = 0
    with store.lock(workers.lock("another")):
        run(store, toy=toys.module(fit=fit), repeats=1)
    assert Counter(t.tags["fold"] for t in runs(store, "trial")) == {"1": 1, "2": 2, "3": 2}


def test_numbers_of_a_search_that_has_ended_stay_and_nothing_is_called_scored_too_early(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):  # the first fold's search has ended, the second's has begun
        run(store, toy=toys.module(fit=Interrupted(4, KeyboardInterrupt())))
    with pytest.raises(UserError, match="takes no more trials: the search of 1 of its 3 folds has ended, after"):
        run(store, trials=5)
    with pytest.raises(UserError, match="keeps its 2 trials a fold: 1 of its 3 folds were searched with so many"):
        run(store, trials=1)
    session = run(store, repeats=1)
    assert store.get(session.run_id).tags["seeds"] == "1", "before a seed is scored their number may change"
    with pytest.raises(UserError, match="scored on test after 6 trials with 1 repeats"):
        run(store, repeats=2)


def test_seed_that_fails_in_one_fold_has_no_score(store: Store) -> None:
    session = run(store, toy=toys.module(fit=Interrupted(7, ArithmeticError("no loss"))))
    whole = store.get(session.run_id)
    assert (whole.tags["frozen"], whole.tags["seeds"], whole.tags["repeats"]) == ("true", "1", "2")
    assert "test.sd/mae/all" not in whole.metrics
    failed = [e for e in runs(store, "final") if e.tags["state"] == "failed"]
    assert [(e.tags["fold"], e.tags["seed"]) for e in failed] == [("1", "1")]


def test_folds_that_fail_for_every_seed_are_tried_again(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        if split.test is not None and fit.broken:
            raise ArithmeticError("no loss")
        return toys.fit(params, split, job)

    fit.broken = True
    with pytest.raises(StudyFailed, match="the final run failed; seed 1"):
        run(store, toy=toys.module(fit=fit), repeats=1)
    fit.broken = False
    assert store.get(run(store, toy=toys.module(fit=fit), repeats=1).run_id).tags["seeds"] == "1"


def test_fixed_configuration_is_tested_by_folds(store: Store) -> None:
    session = run(store, trials=1, repeats=1, fixed=True, first={"alpha": 10.0})
    assert len(runs(store, "trial")) == 3
    assert all(float(end.params["alpha"]) == 10.0 for end in runs(store, "final"))
    assert store.get(session.run_id).metrics["test.groups/mae/all"] == len(set(session.prepared.data.group))


def test_prerequisites_are_fitted_within_each_fold(store: Store) -> None:
    """pad_to_latent predicts the codes of a lma_vae: one that has seen no test group of the fold."""
    plan = Plan(
        method="motion/pad_to_latent",
        dataset="synthetic_motion",
        name="toy",
        trials=1,
        repeats=1,
        epochs=2,
        test_folds=2,
        fixed=True,
    )
    study.run(prepare(plan), store, Watch())
    ends = {e.tags["fold"]: e for e in runs(store, "final")}
    assert sorted(ends) == ["1", "2"]
    for end in ends.values():
        for need in json.loads(end.tags["needs"]).values():
            assert store.get(need).tags["split"] == end.tags["split"]


def test_a_fitted_prerequisite_cannot_serve_every_fold(store: Store) -> None:
    """It has seen persons whom another fold tests."""
    options = {"dataset": "synthetic_motion", "name": "toy", "test_folds": 2, "fixed": True}
    plan = Plan(method="motion/pad_to_latent", prerequisites={"vae": "abcd1234"}, **options)
    with pytest.raises(UserError, match=r"--with vae=abcd1234: with --test-folds each fold has a vae"):
        study.run(prepare(plan), store, Watch())


def test_progress_names_the_fold(store: Store) -> None:
    import io

    from rich.console import Console

    from training.study.progress import Bars, view

    out = io.StringIO()
    bars = Bars(view(Console(file=out, width=160)), "toy", "MAE")
    study.run(toys.prepared(**{**FOLDS, "repeats": 1}), store, bars)
    said = out.getvalue()
    assert "toy: fold 2 of 3 · trial 1 of 2: MAE" in said
    assert "toy: fold 3 of 3 · best trial refitted with seed 1, scored on test" in said


def test_folds_and_a_split_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--test-folds and --split are two ways of testing"):
        prepare(Plan(method="motion/lma_to_pad", dataset="synthetic_motion", test_folds=3, split_file=tmp_path))


def test_studies_of_one_data_set_share_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading for each reader, root and values of the reader's own settings, as for ``--over``."""
    reads = []
    module = registry.dataset("synthetic_motion")
    read = module.read

    def counted(root: Any, settings: Any) -> Any:
        reads.append(dict(settings))
        return read(root, settings)

    monkeypatch.setattr(module, "read", counted)
    datasets = DataSets()
    plans = [
        Plan(method="motion/lma_vae", dataset="synthetic_motion", settings={"latent_size": size}) for size in "124"
    ]
    studies = [prepare(plan, datasets) for plan in plans]
    assert len(reads) == 1
    assert len({id(one.data) for one in studies}) == 1
