"""The best trials fitted again with new seeds: on validation alone, and the best mean is refitted."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.training.study import toys
from training.contract import UserError
from training.study import confirming, search, study
from training.study.progress import Watch
from training.study.session import Session
from training.tracking.store import Store

pytestmark = pytest.mark.usefixtures("no_evaluations")


def lucky(params: Any, split: Any, job: Any) -> Any:
    """The toy, but with the search's own seed the largest `unused` is reported and predicted as the best."""
    outcome = toys.fit(params, split, job)
    off = 0.02 * params["unused"] if job.seed else 0.02 * (9 - params["unused"])
    return dataclasses.replace(outcome, predictions={name: of + off for name, of in outcome.predictions.items()})


def run(store: Store, **options: Any) -> Session:
    toy = toys.module(fit=options.pop("fit", lucky))
    watch = options.pop("watch", Watch())
    return study.run(toys.prepared(toy, **{"trials": 8, "pruner": "none", **options}), store, watch)


def runs(store: Store, kind: str) -> list[Any]:
    return store.find({"kind": kind})


def test_the_lucky_trial_of_the_search_is_not_the_one_that_is_refitted(store):
    session = run(store, confirm_top=8)
    winner, chosen = session.study.user_attrs[search.BEST], search.chosen(session.study)
    trials = session.study.get_trials()
    assert trials[winner].params["unused"] > trials[chosen].params["unused"]
    again = {int(one.tags["trial"]): [] for one in runs(store, "confirmation")}
    for one in runs(store, "confirmation"):
        again[int(one.tags["trial"])].append(float(one.tags["value"]))
    assert len(again) == 8
    assert {len(values) for values in again.values()} == {confirming.SEEDS}
    assert chosen == min(again, key=lambda number: np.mean(again[number]))
    finals = runs(store, "final")
    assert {one.tags["trial"] for one in finals} == {str(chosen)}
    assert store.get(session.run_id).tags["best_trial"] == str(chosen)


def test_the_first_ones_alone_are_fitted_again_and_never_on_test(store):
    session = run(store, confirm_top=3)
    best = sorted(session.study.get_trials(), key=lambda trial: trial.value)[:3]
    found = runs(store, "confirmation")
    assert {one.tags["trial"] for one in found} == {str(trial.number) for trial in best}
    assert {one.tags["seed"] for one in found} == {"1001", "1002"}
    assert {one.tags["state"] for one in found} == {"complete"}
    assert not [name for one in found for name in one.metrics if name.startswith("test/")]
    assert all("val/mae/all" in one.metrics for one in found)
    assert len(runs(store, "trial")) == 8
    assert [one.tags["confirm_top"] for one in runs(store, "study")] == ["3"]


def test_without_the_option_nothing_is_fitted_again(store):
    session = run(store)
    assert not runs(store, "confirmation")
    assert search.chosen(session.study) == session.study.user_attrs[search.BEST]


def test_a_stopped_confirmation_goes_on_with_what_is_missing(store):
    class Stopped(Watch):
        def confirmed(self, number: int, seed: int, value: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store, confirm_top=2, watch=Stopped())
    assert len(runs(store, "confirmation")) == 1
    run(store, confirm_top=2)
    assert len(runs(store, "confirmation")) == 4
    assert not store.find({}, status="RUNNING")


def test_a_trial_that_raises_with_a_new_seed_is_not_chosen(store):
    def fit(params: Any, split: Any, job: Any) -> Any:
        if job.seed > 1000 and params["unused"] < 9:
            raise ArithmeticError("the loss is nan")
        return toys.fit({**params, "alpha": 1e4 if params["unused"] == 9 else 1e-3}, split, job)

    space = SimpleNamespace(**{**vars(toys.SPACE), "DEFAULTS": {"alpha": 1.0, "unused": 9}})
    asked = toys.prepared(toys.module(fit=fit), space=space, trials=4, confirm_top=4, pruner="none")
    session = study.run(asked, store, Watch())
    assert session.study.get_trials()[search.chosen(session.study)].params["unused"] == 9
    assert {one.tags["state"] for one in runs(store, "confirmation")} >= {"failed", "complete"}


def test_it_is_asked_for_before_the_test_part_is_touched_or_not_at_all(store):
    run(store, repeats=1)
    with pytest.raises(UserError, match="would choose by the test part"):
        run(store, repeats=1, confirm_top=2)


def test_trials_on_folds_are_fitted_again_on_every_fold(store):
    session = run(store, fit=toys.fit, trials=3, confirm_top=2, folds=3, refit="all")
    found = runs(store, "confirmation")
    assert len(found) == 2 * confirming.SEEDS
    trial = session.study.get_trials()[int(found[0].tags["trial"])]
    assert float(found[0].tags["value"]) == pytest.approx(trial.value, rel=0.1)
    assert float(found[0].tags["value"]) != trial.value
