"""What selection on test would have scored (``--also-selected-on-test``): shown, and without any effect."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affect.record import SELECTED_ON_TEST, Artifact, curve, parse_metric
from tests.training.study import toys
from training.study import study
from training.study.progress import Watch
from training.tracking.store import Store

pytestmark = pytest.mark.usefixtures("no_evaluations")

ERRORS = (0.5, 0.2, 0.4)
"""What the method reports of the three epochs of the extra fit: the second is best."""
TOLD = {f"{SELECTED_ON_TEST}mae": 0.2, f"{SELECTED_ON_TEST}epoch": 2.0}


def run(folder: Path, fit: Any = toys.fit, **options: Any) -> Store:
    store = Store.open(folder)
    study.run(toys.prepared(toys.module(fit=fit), **{"trials": 2, "repeats": 1, **options}), store, Watch())
    return store


def final(store: Store) -> Any:
    [found] = store.find({"kind": "final", "study": "toy"})
    return found


def told(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name.startswith(SELECTED_ON_TEST)}


def reporting(params: Any, split: Any, job: Any) -> Any:
    """Fit the toy; in the extra fit report `ERRORS` alone."""
    if job.checkpoint.name == "selected-on-test":
        for step, error in enumerate(ERRORS, 1):
            job.report(step, error)
        job = dataclasses.replace(job, report=lambda *step, **scores: None)
    return toys.fit(params, split, job)


def test_the_best_epoch_on_test_is_recorded_with_its_curve(tmp_path: Path) -> None:
    store = run(tmp_path, reporting, also_selected_on_test=True)
    assert told(final(store).metrics) == TOLD
    points = store.client.get_metric_history(final(store).id, curve(f"{SELECTED_ON_TEST}mae"))
    assert [(point.step, point.value) for point in points] == list(enumerate(ERRORS, 1))


def test_nothing_else_of_the_study_changes_and_no_part_of_a_ranking_has_it(tmp_path: Path) -> None:
    plain, shown = run(tmp_path / "plain"), run(tmp_path / "shown", also_selected_on_test=True)
    honest = {name: value for name, value in final(plain).metrics.items() if not name.startswith(("cost/", "curve/"))}
    assert honest
    assert not told(honest)
    assert {name: final(shown).metrics[name] for name in honest} == honest
    tables = [pd.read_parquet(store.artifacts(final(store).id) / Artifact.PREDICTIONS) for store in (plain, shown)]
    pd.testing.assert_frame_equal(*tables)
    [own] = shown.find({"kind": "study", "study": "toy"})
    assert not told(own.metrics), "a study's own scores are those of the leaderboard"
    assert all(parse_metric(name) is None for name in told(final(shown).metrics)), "no page takes it for a score"


@pytest.mark.parametrize("options", [{}, {"refit": "all"}, {"folds": 2, "refit": "all"}])
def test_only_the_extra_fit_sees_test_targets_and_it_is_the_last(tmp_path: Path, options: dict[str, Any]) -> None:
    fits: list[Any] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        fits.append(split)
        return toys.fit(params, split, job)

    run(tmp_path, fit, also_selected_on_test=True, **options)
    *before, honest, extra = fits
    assert all(split.test is None for split in before)
    assert honest.test is not None
    assert honest.test.y is None
    assert extra.test is None
    np.testing.assert_array_equal(extra.validation.sample, honest.test.sample)
    assert np.isfinite(extra.validation.targets()).all()
    np.testing.assert_array_equal(extra.train.sample, honest.train.sample)


def test_a_method_of_one_step_has_no_epoch_to_choose(tmp_path: Path) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        outcome = toys.fit(params, split, dataclasses.replace(job, report=lambda *step, **scores: None))
        job.report(1, 0.3)
        return outcome

    store = run(tmp_path, fit, also_selected_on_test=True)
    assert final(store).tags["state"] == "complete"
    assert not told(final(store).metrics)


def test_an_extra_fit_that_raises_does_not_cost_the_run(tmp_path: Path) -> None:
    def fit(params: Any, split: Any, job: Any) -> Any:
        if job.checkpoint.name == "selected-on-test":
            raise ValueError("it diverged")
        return toys.fit(params, split, job)

    store = run(tmp_path, fit, also_selected_on_test=True)
    assert final(store).tags["state"] == "complete"
    assert "it diverged" in (store.artifacts(final(store).id) / Artifact.LOG).read_text()
