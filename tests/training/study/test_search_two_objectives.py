"""A search of two objectives, and a study of a classifier: the same protocol, other figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from affect import metrics, record
from tests.training.study import toys
from training import registry
from training.contract import LABEL, Method, Outcome, UserError
from training.study import search, study
from training.study.plan import default_name
from training.study.progress import Watch
from training.tracking.store import Store
from training.views import Inputs


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(registry, "evaluations", list)
    return Store.open(tmp_path / "store")


TWO = dataclasses.replace(toys.METHOD, objective_weights={"pleasure": 1.0, "arousal": 3.0})


def test_both_objectives_are_searched_and_the_compromise_wins(store: Store) -> None:
    prepared = toys.prepared(toys.module(METHOD=TWO), objectives="two", trials=6)
    session = study.run(prepared, store, Watch())
    tried = store.find({"kind": "trial", "study": "toy"})
    assert len(tried) == 6, "median pruning was asked for by default, and no trial of two objectives is pruned"
    whole = store.get(session.run_id).tags
    assert json.loads(whole["objectives"]) == ["val/mae/pleasure", "val/mae/arousal"]
    assert json.loads(whole["weights"]) == TWO.objective_weights
    assert whole["pruner"] == "none"
    values = {int(t.tags["trial"]): [t.metrics[name] for name in json.loads(whole["objectives"])] for t in tried}
    assert {t.number: t.values for t in session.study.get_trials()} == values
    winner = values[int(whole["best_trial"])]
    assert not any(all(a < b for a, b in zip(other, winner, strict=True)) for other in values.values())
    assert float(whole["best_value"]) == pytest.approx(winner[0] + 3 * winner[1])
    assert all(
        t.metrics["val/mae/weighed"] == pytest.approx(v[0] + 3 * v[1])
        for t, v in zip(tried, values.values(), strict=True)
    )
    again = study.run(prepared, store, Watch())
    assert again.run_id == session.run_id, "the same command finds its study"
    assert len(store.find({"kind": "trial", "study": "toy"})) == 6


def test_weighed_search_has_one_value(store: Store) -> None:
    session = study.run(toys.prepared(toys.module(METHOD=TWO), trials=3, repeats=1), store, Watch())
    whole = store.get(session.run_id)
    assert json.loads(whole.tags["objectives"]) == ["val/mae/weighed"]
    best = min(t.metrics["val/mae/weighed"] for t in store.find({"kind": "trial", "study": "toy"}))
    assert float(whole.tags["best_value"]) == pytest.approx(best)
    assert "test/mae/weighed" in whole.metrics
    assert record.objective_curve(["val/mae/weighed"]) == "val/mae/weighed"
    assert record.objective_curve(["val/mae/all"]) == "val/mae"
    assert record.objective_curve(["val/mae/pleasure", "val/mae/arousal"]) == "val/mae/weighed"


def test_compromise_has_the_smallest_sum_of_ranks_among_all_complete_trials() -> None:
    made = optuna.create_study(directions=["minimize", "maximize"])
    for values in [(1.0, 1.0), (2.0, 8.0), (9.0, 9.5), (2.5, 7.9), (2.6, 7.8), (8.5, 7.7)]:
        made.add_trial(optuna.create_trial(values=values))
    front = made.best_trials
    assert {t.number for t in front} == {0, 1, 2}
    # 1 + 6, 2 + 2, 6 + 1; among the front alone each would have 4, and the first would always win
    assert search.compromise(front, made.get_trials(), made.directions).number == 1
    assert search.best(made).number == 1
    made.add_trial(optuna.create_trial(values=(2.0, 8.0)))
    assert search.best(made).number == 1, "of equals the first"


def test_what_is_held_is_not_searched(store: Store) -> None:
    session = study.run(toys.prepared(hold={"alpha": "100"}, trials=5, repeats=1), store, Watch())
    tried = [t.params for t in session.study.get_trials()]
    assert [t["alpha"] for t in tried] == [100.0] * 5
    assert len({t["unused"] for t in tried}) > 1
    assert "alpha=100.0" in default_name(session.prepared.plan, {}, session.prepared.first, toys.SPACE)
    with pytest.raises(UserError, match="did you mean alpha"):
        toys.prepared(hold={"alfa": "1"})
    with pytest.raises(UserError, match=r"made otherwise.*held"):
        study.run(toys.prepared(hold={"alpha": "10"}, trials=5, repeats=1), store, Watch())


class Nearest:
    """The class whose train mean is nearest."""

    def __init__(self, means: np.ndarray) -> None:
        self.means = means

    def predict(self, inputs: Inputs) -> np.ndarray:
        near = np.exp(-np.linalg.norm(np.asarray(inputs.x)[:, None] - self.means, axis=2))
        return near / near.sum(axis=1, keepdims=True)

    def save(self, folder: Path) -> None:
        (folder / "means.json").write_text(json.dumps(self.means.tolist()))


def classify(params: Any, split: Any, job: Any) -> Outcome:
    x, y = np.asarray(split.train.x), split.train.targets()
    model = Nearest(np.stack([x[y == k].mean(axis=0) for k in range(len(split.classes))]))
    found = np.array(split.classes)[model.predict(split.validation.inputs).argmax(axis=1)]
    job.report(1, metrics.f1(split.validation.label, found))
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model, predictions, embeddings={"penultimate": predictions})


def test_a_classifier_has_the_same_study(store: Store) -> None:
    declared = Method("nearest mean", "tests", "motion", "features", LABEL, "f1")
    prepared = toys.prepared(toys.module(METHOD=declared, fit=classify), trials=2)
    assert prepared.protocol.name == "synthetic_motion · by clip · emotion"
    session = study.run(prepared, store, Watch())
    whole = store.get(session.run_id)
    assert json.loads(whole.tags["classes"]) == list(prepared.protocol.classes)
    final = store.find({"kind": "final", "study": "toy"})[0]
    table = pd.read_parquet(store.artifacts(final.id) / record.Artifact.PREDICTIONS)
    rows = table[table.part == "test"]
    assert final.metrics["test/f1/all"] == metrics.f1(rows.true_emotion, rows.pred_emotion)
    assert whole.metrics["test/f1/all"] > whole.metrics["test.majority/f1/all"]
    assert whole.metrics["test.low/f1/emotion"] <= whole.metrics["test/f1/emotion"]
    assert (store.artifacts(final.id) / record.Artifact.EMBEDDINGS).exists()
