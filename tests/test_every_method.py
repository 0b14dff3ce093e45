"""What every method keeps to. A new method is found by itself; nothing is to be added here."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import subprocess
import sys
import time

import numpy as np
import pytest

from affect import record
from tests import small_data
from training import registry
from training.contract import LABEL, Method, Outcome
from training.data import Split
from training.study import scoring

METHODS = registry.methods()
SECONDS = 8  # style.md asks for 5 on a quiet core; two tests at once on two cores take half as long again
QUICK = 1  # second of a fit


@functools.cache
def fit(name: str, seed: int = 0) -> tuple[Outcome, list, float]:
    log: list = []
    job = small_data.lent(name, seed=seed, log=log)
    # what the first optimiser of a process imports takes seconds, and is no part of a fit
    importlib.import_module("torch._dynamo")
    began = time.process_time()
    outcome = registry.method(name).fit(registry.tiny(name)[0], split(name), job)
    return outcome, log, time.process_time() - began


def split(name: str) -> Split:
    return small_data.split(registry.method(name).METHOD)


def protocol(name: str):
    return small_data.protocol(registry.method(name).METHOD)


def objective(name: str, part: str) -> float:
    """Return what a search of the method optimises, of the fit on this part."""
    declared: Method = registry.method(name).METHOD
    scores = scoring.scores(protocol(name), fit(name)[0], declared)
    return scores[record.metric(part, declared.objective, declared.objective_target)]


def trivial_objective(name: str) -> float:
    """Return the same of always-the-mean, or always the majority, on test."""
    declared: Method = registry.method(name).METHOD
    rows = scoring.baselines(protocol(name), images=bool(fit(name)[0].images))
    aspect = record.MAJORITY if declared.targets == LABEL else record.MEAN
    figures = {
        target: rows[record.metric("test", declared.objective, target, aspect)] for target in declared.objective_weights
    }
    return declared.objective_value(figures)


@pytest.mark.parametrize("name", METHODS)
def test_it_declares_what_the_bench_can_serve(name):
    declared = registry.method(name).METHOD
    assert declared.title
    assert declared.source
    assert not registry.reader(registry.synthetic(declared.data)).lacks(declared)
    assert {path for paths in declared.all_needed().values() for path in paths} <= set(METHODS)
    assert all(values for values in declared.settings.values())
    assert declared.direction in ("minimize", "maximize")


@pytest.mark.parametrize("name", METHODS)
def test_it_predicts_every_part_that_it_was_handed(name):
    outcome, _, _ = fit(name)
    made = protocol(name)
    assert set(outcome.predictions) == {"train", "validation", "test"}
    scoring.check(made, outcome, outcome.predictions)
    # the test part changes nothing: it is no unlabelled data, and its rows behind the views are not looked at
    hidden = small_data.without_test_rows(small_data.split(registry.method(name).METHOD, test=False))
    without = registry.method(name).fit(registry.tiny(name)[0], hidden, small_data.lent(name))
    assert set(without.predictions) == {"train", "validation"}
    np.testing.assert_array_equal(without.predictions["validation"], outcome.predictions["validation"])


@pytest.mark.parametrize("name", METHODS)
def test_it_learns(name):
    """A fit of a few seconds on the synthetic world, where inputs do cause targets, beats the trivial row on test."""
    own, trivial = objective(name, "test"), trivial_objective(name)
    if registry.method(name).METHOD.direction == "minimize":
        assert own < 0.95 * trivial
    else:
        assert own > trivial + 0.05


@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_gives_the_same_predictions_and_nothing_else_is_touched(name):
    """Whatever was drawn before, on the same number of threads; global seeds and the arguments stay as they were.

    On two threads where a fit is quick, else on the one of the fit that other tests share.
    """
    import torch

    params = dict(registry.tiny(name)[0])
    shared, _, seconds = fit(name)
    options = {"threads": 2} if seconds < QUICK else {}
    first = registry.method(name).fit(params, split(name), small_data.lent(name, **options)) if options else shared
    np.random.seed(123)
    torch.manual_seed(123)
    handed = split(name)
    copies = {(part, block): np.array(view) for part, of in handed.parts().items() for block, view in of.inputs.items()}
    state, torch_state, threads = np.random.get_state()[1].copy(), torch.get_rng_state(), torch.get_num_threads()
    again = registry.method(name).fit(params, handed, small_data.lent(name, **options))
    for part, values in first.predictions.items():
        np.testing.assert_array_equal(again.predictions[part], values)
    assert params == registry.tiny(name)[0]
    assert (np.random.get_state()[1] == state).all()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.get_num_threads() == threads
    for (part, block), before in copies.items():
        np.testing.assert_array_equal(np.asarray(getattr(handed, part).inputs[block]), before)


@pytest.mark.parametrize("name", METHODS)
def test_a_saved_model_predicts_the_same_by_itself(name, tmp_path):
    """Read with nothing but the folder: what it needed at the fit must be in it."""
    outcome, _, _ = fit(name)
    outcome.model.save(tmp_path)
    assert not [f for f in tmp_path.rglob("*") if f.suffix in (".pkl", ".pickle", ".pt", ".npy")]
    again = registry.method(name).load(tmp_path, "cpu")
    for part, values in split(name).parts().items():
        np.testing.assert_allclose(again.predict(values.inputs), outcome.predictions[part], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_test_labels_cannot_be_reached(name):
    """They are not in what a method is handed, at any depth."""
    made = protocol(name)
    handed = split(name)
    assert handed.test is not None
    assert handed.test.y is None
    assert handed.test.label is None
    declared = registry.method(name).METHOD
    if declared.targets not in declared.all_blocks():
        arrays = [getattr(part, f.name) for part in handed.parts().values() for f in dataclasses.fields(part)]
        arrays += [np.asarray(view) for part in handed.parts().values() for view in part.inputs.values()]
        hidden = made.truth()["test"]
        assert not any(isinstance(a, np.ndarray) and a.shape == hidden.shape and (a == hidden).all() for a in arrays)


@pytest.mark.parametrize("name", METHODS)
def test_it_reports_the_objective_as_it_goes(name):
    """Steps rise, and the best figure reported is that of validation's predictions, in the data's own units."""
    _, log, _ = fit(name)
    steps = [step for step, _, _ in log]
    assert steps == sorted(set(steps))
    choose = min if registry.method(name).METHOD.direction == "minimize" else max
    best = choose(value for _, value, _ in log)
    assert best == pytest.approx(objective(name, "validation"), rel=0.05)


@pytest.mark.parametrize("name", METHODS)
def test_a_report_that_raises_ends_the_fit(name):
    """That is how a trial is pruned."""

    class Pruned(Exception):
        pass

    def report(step: int, value: float, **scores: float) -> None:
        raise Pruned

    with pytest.raises(Pruned):
        registry.method(name).fit(registry.tiny(name)[0], split(name), small_data.lent(name, report=report))


@pytest.mark.parametrize("name", METHODS)
def test_epochs_are_a_limit(name):
    if max(step for step, _, _ in fit(name)[1]) <= 2:
        return  # there is nothing to limit
    log: list = []
    job = small_data.lent(name, log=log, epochs=2)
    registry.method(name).fit(registry.tiny(name)[0], split(name), job)
    assert max(step for step, _, _ in log) <= 2


@pytest.mark.parametrize("name", METHODS)
def test_tables_and_codes_are_those_of_the_record(name):
    outcome, _, _ = fit(name)
    for artifact, table in outcome.tables.items():
        assert tuple(table.columns)[: len(record.COLUMNS[artifact])] == record.COLUMNS[artifact]
    for parts in outcome.embeddings.values():
        for part, values in parts.items():
            assert values.ndim == 2
            assert len(values) == len(outcome.predictions[part])
    assert outcome.parameters is None or outcome.parameters > 0


@pytest.mark.parametrize("name", METHODS)
def test_tiny_is_tiny(name):
    """Processor seconds of a fit: no wall clock, since the machine may be busy."""
    assert fit(name)[2] < SECONDS


def test_no_method_imports_mlflow_or_optuna():
    listing = "from training import registry; [(registry.method(m), registry.space(m)) for m in registry.methods()]"
    check = "import sys; print(sorted({'mlflow', 'optuna', 'streamlit'} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", f"{listing}; {check}"], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.strip() == "[]"
