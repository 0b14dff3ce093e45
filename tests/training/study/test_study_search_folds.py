"""A study whose trials are scored on folds of train and validation (``--folds``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from affect import record
from tests.training.study import toys
from tests.training.study.test_study import Interrupted
from training.contract import UserError
from training.study import search, study, trial_fits
from training.study.plan import Plan, prepare
from training.study.progress import Watch
from training.study.session import Session
from training.tracking.store import Store

FOLDS = {"folds": 3, "refit": "all", "trials": 2, "repeats": 1}
SCORES = record.curve(record.FOLDS + "val/mae")


pytestmark = pytest.mark.usefixtures("no_evaluations")


def run(store: Store, **options: Any) -> Session:
    toy = options.pop("toy", None)
    return study.run(toys.prepared(toy, **{**FOLDS, **options}), store, Watch())


def runs(store: Store, kind: str) -> list[Any]:
    found = store.find({"kind": kind, "study": "toy"})
    return sorted(found, key=lambda info: (info.tags.get("fold", ""), int(info.tags["trial"])))


def curve(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in store.client.get_metric_history(run_id, name)]


def test_a_trial_is_the_mean_over_folds_and_the_best_is_refitted_on_both_parts(store: Store) -> None:
    seen: list[Any] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        seen.append(split)
        return toys.fit(params, split, job)

    session = run(store, toy=toys.module(fit=fit))
    *fitted, final = seen
    protocol = session.prepared.protocol
    learned = set(protocol.data.group[np.isin(protocol.part, ("train", "validation"))].tolist())
    assert len(fitted) == 6, "two trials on three folds"
    assert all(split.test is None for split in fitted)
    for trial in (fitted[:3], fitted[3:]):
        held_out = [set(split.validation.group.tolist()) for split in trial]
        assert set.union(*held_out) == learned
        assert sum(map(len, held_out)) == len(learned), "each group is held out once"
        assert all(set(split.train.group.tolist()) == learned - out for split, out in zip(trial, held_out, strict=True))
    assert set(final.train.group.tolist()) == learned
    assert len(final.test) == (protocol.part == "test").sum()

    trials = session.study.get_trials()
    for info, trial in zip(runs(store, "trial"), trials, strict=True):
        values = curve(store, info.id, SCORES)
        assert [step for step, _ in values] == [1, 2, 3]
        assert trial.value == pytest.approx(np.mean([value for _, value in values]), abs=1e-12)
        assert info.metrics["val/mae/all"] == pytest.approx(trial.value)
        assert len(curve(store, info.id, record.curve(record.fold_curve(2, "val/mae")))) == 3
        means = [float(np.mean([value for _, value in values[:k]])) for k in (1, 2, 3)]
        assert list(trial.intermediate_values.values()) == pytest.approx(means)
    whole, [end] = store.get(session.run_id), runs(store, "final")
    assert all(info.tags["search_folds"] == "3" for info in (whole, end, *runs(store, "trial")))
    assert (end.tags["refit"], whole.tags["frozen"]) == ("all", "true")
    assert "test/mae/all" in whole.metrics


def test_it_stands_in_the_leaderboard_of_the_study_without_folds(store: Store) -> None:
    one, other = run(store), run(store, name="plain", folds=None, refit="train")
    assert one.experiment == other.experiment
    infos = [store.get(session.run_id) for session in (one, other)]
    assert len({info.tags["protocol_id"] for info in infos}) == 1
    assert len({info.tags["split"] for info in infos}) == 1
    assert "search_folds" not in infos[1].tags
    with pytest.raises(UserError, match="folds: it has 3, asked for 4"):
        run(store, folds=4)


@pytest.mark.parametrize("at", [2, 6])
def test_stopped_in_a_fold_it_goes_on_there_as_if_it_had_not_been(tmp_path: Path, at: int) -> None:
    """In the second fold of the first trial, and in the last of the second."""
    whole_store, store = Store.open(tmp_path / "whole"), Store.open(tmp_path / "stopped")
    whole = run(whole_store)
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(at, KeyboardInterrupt())))
    again = Interrupted(0, KeyboardInterrupt())
    resumed = run(store, toy=toys.module(fit=again))
    assert again.calls == 6 + 1 - (at - 1), "folds that were done are not fitted again"
    values = [
        [(t.params, t.value) for t in session.study.get_trials() if t.state.name == "COMPLETE"]
        for session in (whole, resumed)
    ]
    assert values[0] == values[1]
    complete = [[i for i in runs(s, "trial") if i.tags["state"] == "complete"] for s in (whole_store, store)]
    for one, other in zip(*complete, strict=True):
        for name in (SCORES, *(record.curve(record.fold_curve(k, "val/mae")) for k in (1, 2, 3))):
            assert curve(whole_store, one.id, name) == curve(store, other.id, name)
    scores = [
        {name: value for name, value in s.get(session.run_id).metrics.items() if not name.startswith("cost/")}
        for s, session in ((whole_store, whole), (store, resumed))
    ]
    assert scores[0] == scores[1]
    assert not list((store.folder / "checkpoints").rglob("*.json"))


def test_a_fold_of_other_code_or_one_that_cannot_be_read_is_fitted_again(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(store, toy=toys.module(fit=Interrupted(3, KeyboardInterrupt())))
    first, second = sorted((store.folder / "checkpoints").rglob("fold-*.json"))
    first.write_text(first.read_text().replace('"key": "', '"key": "other'))
    second.write_text("{")
    again = Interrupted(0, KeyboardInterrupt())
    run(store, toy=toys.module(fit=again))
    assert again.calls == 7


def test_a_trial_is_pruned_after_a_fold(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.calls += 1
        worse = 1.0 if fit.calls > 5 * 3 else 0.0  # the sixth trial
        outcome = toys.fit(params, split, job)
        return type(outcome)(outcome.model, {name: p + worse for name, p in outcome.predictions.items()})

    fit.calls = 0
    session = run(store, toy=toys.module(fit=fit), trials=6)
    assert fit.calls == 5 * 3 + 1 + 1
    last = session.study.get_trials()[-1]
    assert last.state == optuna.trial.TrialState.PRUNED
    info = runs(store, "trial")[-1]
    assert info.tags["state"] == "pruned"
    assert info.tags["reason"].startswith("pruned after fold 1 of 3: mean validation mae 1.")
    assert len(curve(store, info.id, SCORES)) == 1


def test_the_median_pruner_looks_at_the_folds_so_far() -> None:
    """A first fold that is easy for everybody does not save a trial that is worse on the others."""
    study_ = optuna.create_study(pruner=search.MedianOfFolds())

    def ended(*means: float) -> None:
        trial = study_.ask()
        for step, mean in enumerate(means, 1):
            trial.report(mean, step)
        study_.tell(trial, means[-1])

    for _ in range(search.STARTUP):
        ended(0.1, 0.5, 0.5)
    trial = study_.ask()
    trial.report(0.1, 1)
    assert not trial.should_prune()
    trial.report(0.6, 2)
    assert trial.should_prune()
    assert not optuna.pruners.MedianPruner(n_startup_trials=search.STARTUP).prune(study_, study_.get_trials()[-1]), (
        "Optuna's own goes by the best so far"
    )


def test_steps_are_the_median_over_folds_and_costs_the_sum() -> None:
    def fold(mae: float, steps: list[int], peak: float) -> trial_fits.Scored:
        return trial_fits.Scored({"val/mae/all": mae}, {"cost/seconds": 2.0, "cost/peak_mb": peak}, steps)

    found = trial_fits.together([fold(0.1, [4, 10], 5.0), fold(0.4, [9, 20], 7.0), fold(0.1, [5], 6.0)])
    assert found.scores == pytest.approx({"val/mae/all": 0.2})
    assert found.cost == {"cost/seconds": 6.0, "cost/peak_mb": 7.0}
    assert found.steps == [5, 15]


def test_the_refit_takes_the_median_number_of_steps(store: Store) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        fit.fixed.append(job.steps.fixed())
        job.steps.chose(len(fit.fixed))
        return toys.fit(params, split, job)

    fit.fixed = []
    run(store, toy=toys.module(fit=fit), trials=1)
    assert fit.fixed == [None, None, None, 2]
    assert [json.loads(end.tags["steps"]) for end in runs(store, "final")] == [[2]]


def test_with_test_folds_each_has_a_search_on_folds_of_its_own(store: Store) -> None:
    session = run(store, test_folds=2, folds=3, trials=1)
    assert len(runs(store, "trial")) == 2
    assert all(len(curve(store, info.id, SCORES)) == 3 for info in runs(store, "trial"))
    whole = store.get(session.run_id)
    assert whole.metrics["test.groups/mae/all"] == len(set(session.prepared.data.group))
    assert (whole.tags["test_folds"], whole.tags["search_folds"]) == ("2", "3")


def test_a_prerequisite_is_fitted_on_the_train_part_of_each_fold(store: Store) -> None:
    plan = Plan(
        method="motion/pad_to_latent",
        dataset="synthetic_motion",
        name="toy",
        trials=1,
        repeats=1,
        epochs=2,
        folds=2,
        refit="all",
        fixed=True,
    )
    prepared = prepare(plan)
    study.run(prepared, store, Watch())
    splits = [fold.split_id for fold in prepared.protocol.search_folds]
    [trial], [final] = runs(store, "trial"), runs(store, "final")
    used = {name: store.get(run_id).tags for name, run_id in json.loads(trial.tags["needs"]).items()}
    assert {name: tags["split"] for name, tags in used.items()} == dict(
        zip(("vae, search fold 1", "vae, search fold 2"), splits, strict=True)
    )
    assert {tags["search_fold"] for tags in used.values()} == {"1", "2"}
    of_final = {store.get(run_id).tags["split"] for run_id in json.loads(final.tags["needs"]).values()}
    assert of_final == {prepared.protocol.split_id}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"folds": 3}, r"--folds 3 refits the best trial on train and validation.*leave --refit out"),
        ({"folds": 900, "refit": "all"}, r"--folds 900: train and validation have \d+ clips to divide"),
        (
            {"folds": 3, "refit": "all", "method": "motion/pad_to_latent", "prerequisites": {"vae": "abcd1234"}},
            "--with vae=abcd1234: with --folds each fold has a vae of its own",
        ),
    ],
)
def test_what_cannot_be_asked_for(store: Store, options: Any, found: str) -> None:
    plan = Plan(**{"method": "motion/lma_to_pad", "dataset": "synthetic_motion", **options})
    with pytest.raises(UserError, match=found):
        study.run(prepare(plan), store, Watch())


def test_the_studys_name_says_so() -> None:
    plan = Plan(method="motion/lma_to_pad", dataset="synthetic_motion", folds=3, refit="all")
    assert prepare(plan).name == "motion/lma_to_pad synthetic_motion folds=3"
