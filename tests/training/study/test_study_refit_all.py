"""``--refit all`` from the search to the saved record, with a network."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affect import metrics, record
from tests import small_data
from tests.training.study import toys
from training import registry
from training.study import study
from training.study.progress import Watch
from training.tracking.store import Store

BEST = 3
"""The epoch at which validation is best in the search; the network could take `LIMIT`."""
LIMIT = 7


def test_a_network_is_refitted_on_train_and_validation_for_the_epochs_of_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "evaluations", list)
    method, space = registry.method("motion/lma_vae"), registry.space("motion/lma_vae")
    fits: list[tuple[str, int]] = []
    # in the final it is worse in each epoch, and must decide nothing any more
    validation = {"trial": itertools.chain([0.9, 0.8, 0.1], itertools.repeat(0.5)), "final": itertools.count(1)}

    def fit(params: Any, split: Any, job: Any) -> Any:
        kind = "trial" if split.test is None else "final"
        fits.append((kind, len(split.train)))
        values = validation[kind]
        return method.fit(params, split, dataclasses.replace(job, score=lambda *predictions: float(next(values))))

    toy = toys.module(METHOD=method.METHOD, fit=fit, load=method.load)
    first = {**space.TINY, "epochs": 20}
    options = {"method": "motion/lma_vae", "trials": 1, "repeats": 1, "refit": "all", "fixed": True, "epochs": LIMIT}
    prepared = toys.prepared(toy, space=space, first=first, **options)
    settings = {"latent_size": 1}
    prepared = dataclasses.replace(prepared, settings=settings)
    store = Store.open(tmp_path / "store")
    session = study.run(prepared, store, Watch())

    split = prepared.protocol.split(method.METHOD, settings, test=True)
    both = len(split.train) + len(split.validation)
    assert fits == [("trial", len(split.train)), ("final", both)], "one final, and one look at the test inputs"
    [trial] = store.find({"kind": "trial", "study": "toy"})
    [final] = store.find({"kind": "final", "study": "toy"})
    curve = record.curve("val/mae")
    assert [len(store.client.get_metric_history(run.id, curve)) for run in (trial, final)] == [LIMIT, BEST]

    assert (final.tags["refit"], json.loads(final.tags["steps"]), final.tags["epochs"]) == ("all", [BEST], str(LIMIT))
    assert not [name for name in final.metrics if name.startswith("val/")], "the fit has seen validation"
    table = pd.read_parquet(store.artifacts(final.id) / record.Artifact.PREDICTIONS)
    assert table["part"].value_counts().to_dict() == {name: len(part) for name, part in split.parts().items()}
    test = table[table["part"] == "test"]
    true, pred = (test[[f"{which}_{target}" for target in split.targets]].to_numpy() for which in ("true", "pred"))
    assert final.metrics["test/mae/all"] == pytest.approx(metrics.score(true, pred, split.targets)["mae", "all"])
    assert store.get(session.run_id).metrics["test/mae/all"] == pytest.approx(final.metrics["test/mae/all"])

    # the same network after as many epochs on both parts, with nothing that could stop it or choose among them
    falling = itertools.count(0, -1)
    job = small_data.job(settings, seed=int(final.tags["seed"]), score=lambda *predictions: float(next(falling)))
    expected = method.fit({**first, "epochs": BEST}, split.joined(), job)
    np.testing.assert_allclose(pred, expected.predictions["test"], rtol=1e-5, atol=1e-6)
    saved = method.load(store.artifacts(final.id) / record.Artifact.MODEL, "cpu")
    np.testing.assert_allclose(saved.predict(split.test.inputs), pred, rtol=1e-5, atol=1e-6)
    store.close()
