import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from affect.record import Artifact, Kind
from tests import store_template
from training import protocols, registry
from training.commands import _final, _model, evaluate
from training.contract import UserError
from training.evaluation import diagnostics
from training.study import study
from training.study.plan import Plan, data_summary, prepare
from training.study.progress import Watch
from training.tracking.store import Store

PLAN = Plan("meshes/linear", "synthetic_meshes", settings={"features": "aligned"}, trials=1, repeats=1, fixed=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a store with one fitted study of meshes, and its run's id; no test may change it."""
    folder = store_template.copy(tmp_path_factory.mktemp("kept") / "store")
    store = Store.open(folder)
    session = study.run(prepare(PLAN), store, Watch())
    store.close()
    return folder, session.run_id


@pytest.fixture
def fitted(made, tmp_path):
    """Return a copy of that store, and the final run's id."""
    folder, study_id = made
    store = Store.open(shutil.copytree(folder, tmp_path / "kept"))
    yield store, store.final(study_id).id
    store.close()


def table(store, run, name):
    return pd.read_parquet(store.artifacts(run) / name)


def test_maps_of_a_run_that_lost_them_are_what_they_were(fitted):
    store, run = fitted
    before, was = table(store, run, Artifact.ACTIVATIONS), store.get(run)
    (store.artifacts(run) / Artifact.ACTIVATIONS).unlink()
    info, files = evaluate.add(store, run, "activations", None, "cpu")
    assert info.id == run
    assert files == [Artifact.ACTIVATIONS, Artifact.MESH, Artifact.TRIANGLES]
    pd.testing.assert_frame_equal(table(store, run, Artifact.ACTIVATIONS), before)
    now = store.get(run)
    assert (now.status, now.start, now.end, now.tags["state"]) == (was.status, was.start, was.end, "complete")
    assert now.tags["artifacts"] == was.tags["artifacts"]
    assert now.metrics == pytest.approx(was.metrics)


def test_the_split_is_the_runs_own(fitted):
    store, run = fitted
    protocol = _final.protocol(store, store.get(run), None)
    pd.testing.assert_frame_equal(protocol.table(), table(store, run, Artifact.SPLIT))
    assert protocol.id == store.get(run).tags["protocol_id"]


def test_the_split_of_a_fold_is_the_folds_own(fitted):
    store, run = fitted
    whole = registry.dataset("synthetic_meshes").read(None, {})
    fold = protocols.for_method(registry.method("meshes/linear").METHOD, whole, {}, test_folds=3).folds[1]
    fold.table().to_parquet(store.artifacts(run) / Artifact.SPLIT)
    info = store.get(run)
    info = replace(info, tags={**info.tags, "split": fold.split_id, "fold": "2"})
    assert _final.protocol(store, info, None).part.tolist() == fold.part.tolist()


def test_data_that_has_changed_or_moved_is_told(fitted, tmp_path, monkeypatch):
    store, run = fitted
    with pytest.raises(UserError, match=r"is not at .*; say where it is by --root"):
        evaluate.add(store, run, "activations", tmp_path / "nowhere", "cpu")
    reader = registry.dataset("synthetic_meshes")
    whole = reader.read(None, {})
    monkeypatch.setattr(reader, "read", lambda root, settings: replace(whole, version="other"))
    with pytest.raises(UserError, match=f"has changed: expected synthetic_meshes of version {whole.version}.* other"):
        evaluate.add(store, run, "activations", None, "cpu")


def test_only_a_final_run_of_meshes_has_maps(fitted):
    store, run = fitted
    trial = next(info for info in store.children(store.get(run).parent) if info.tags["kind"] == Kind.TRIAL)
    with pytest.raises(UserError, match=r"computed for a final run|has no model"):
        evaluate.add(store, trial.id, "activations", None, "cpu")


def test_options_are_read_from_the_record_and_of_an_earlier_one_from_the_command(fitted):
    store, run = fitted
    info = store.get(run)

    def option(name, **tags):
        return _final.option(replace(info, tags=tags), name)

    command = "python -m training study a/b --dataset c --root 'my data/x.npz' --epochs=3"
    assert [option(name, command=command) for name in ("root", "epochs", "threads")] == ["my data/x.npz", "3", None]
    assert option("root", command="python -m training study a/b --root=x.npz") == "x.npz"
    new = {"command": command, "threads": "2", "epochs": "5"}
    assert [option(name, **new) for name in ("root", "epochs", "threads")] == [None, "5", "2"]
    assert info.tags["threads"] == "1"
    assert not {"root", "epochs", "steps"} & {*info.tags}


@pytest.mark.parametrize("name", ["rotations", "separation"])
def test_every_evaluation_of_a_kept_run_gives_what_it_gave(fitted, name):
    store, run = fitted
    before = {file.name: pd.read_parquet(file) for file in store.artifacts(run).glob("*.parquet")}
    _, files = evaluate.add(store, run, name, None, "cpu")
    for file in {*files} & {*before}:
        pd.testing.assert_frame_equal(table(store, run, file), before[file], rtol=1e-4, atol=1e-5)


def test_an_evaluation_of_other_methods_or_of_no_name_is_refused(fitted):
    store, run = fitted
    with pytest.raises(UserError, match=r"round_trip is computed for .*, motion/pad_to_lma,"):
        evaluate.add(store, run, "round_trip", None, "cpu")
    with pytest.raises(UserError, match="did you mean rotations"):
        evaluate.add(store, run, "rotation", None, "cpu")


def test_an_evaluation_that_refits_has_the_runs_own_parameters(tmp_path):
    store = Store.open(store_template.copy(tmp_path / "store"))
    first = {"depth": "3", "n_estimators": "50"}
    plan = Plan("motion/lma_to_pad", "synthetic_motion", trials=1, repeats=1, fixed=True, first=first)
    session = study.run(prepare(plan), store, Watch())
    final = store.final(session.run_id)
    before = table(store, final.id, Artifact.DIAGNOSTICS)
    (store.artifacts(final.id) / Artifact.DIAGNOSTICS).unlink()
    _, files = evaluate.add(store, final.id, "diagnostics", None, "cpu")
    assert files == [Artifact.DIAGNOSTICS]
    pd.testing.assert_frame_equal(table(store, final.id, Artifact.DIAGNOSTICS), before, rtol=1e-6)
    store.close()


def test_a_network_is_refitted_as_the_study_refitted_it(tmp_path):
    """It scores itself on validation while it is fitted."""
    store = Store.open(store_template.copy(tmp_path / "store"))
    plan = Plan("motion/lma_vae", "synthetic_motion", trials=1, repeats=1, fixed=True, epochs=1)
    study.run(prepare(plan), store, Watch())
    final = store.final("motion/lma_vae synthetic_motion train")
    method = registry.method("motion/lma_vae")
    info, model = _model.load(store, final.id, "cpu")
    kept = _final.Final(store, info, method, model, _final.protocol(store, info, None), tmp_path / "fit", "cpu")
    fitted = kept.fitted(registry.evaluation("diagnostics"))
    again = fitted.refit(fitted.split)
    np.testing.assert_allclose(again.predictions["test"], fitted.outcome.predictions["test"], rtol=1e-3, atol=1e-4)
    store.close()


def test_a_final_on_train_and_validation_is_refitted_as_it_was(tmp_path, monkeypatch):
    store = Store.open(store_template.copy(tmp_path / "store"))
    monkeypatch.setattr(registry, "evaluations", list)
    method, fits = registry.method("motion/lma_to_pad"), []
    fit = method.fit

    def spied(params, split, job):
        fits.append((len(split.train), list(job.steps._fixed or []), job.threads, job.epochs))
        return fit(params, split, job)

    monkeypatch.setattr(method, "fit", spied)
    first = {"depth": "3", "n_estimators": "60"}
    options = {"trials": 1, "repeats": 1, "fixed": True, "first": first, "refit": "all", "threads": 3, "epochs": 30}
    session = study.run(prepare(Plan("motion/lma_to_pad", "synthetic_motion", **options)), store, Watch())
    info, model = _model.load(store, session.run_id, "cpu")
    protocol = _final.protocol(store, info, None)
    fitted = _final.Final(store, info, method, model, protocol, tmp_path / "fit", "cpu").fitted(diagnostics.EVALUATION)
    again = fitted.refit(fitted.split)
    (_, final, refit), both = fits, len(fitted.split.train) + len(fitted.split.validation)
    assert refit == final == (both, json.loads(info.tags["steps"]), 3, 30)
    assert len(final[1]) == 3, "a number of rounds for each regressor"
    for part, pred in again.predictions.items():
        np.testing.assert_allclose(pred, fitted.outcome.predictions[part], rtol=1e-5, atol=1e-6)
    earlier = replace(info, tags={name: value for name, value in info.tags.items() if name != "steps"})
    kept = _final.Final(store, earlier, method, model, protocol, tmp_path / "fit", "cpu")
    with pytest.raises(UserError, match="an earlier Affectory did not record"):
        kept.fitted(diagnostics.EVALUATION).refit(fitted.split)
    store.close()


def test_test_groups_without_labels_of_a_split_file_are_left_out_again(fitted, monkeypatch):
    store, run = fitted
    reader = registry.dataset("synthetic_meshes")
    whole = reader.read(None, {})
    groups = np.unique(whole.group).tolist()
    own = protocols.for_method(registry.method("meshes/linear").METHOD, whole, {})
    published = {group: "train" for group in groups} | dict(own.table()[["group", "part"]].itertuples(index=False))
    hidden = [group for group in groups if published[group] == "test"][:2]
    also = next(group for group in groups if published[group] == "train")
    partly = replace(whole, label=np.where(np.isin(whole.group, [*hidden, also]), "", whole.label))
    protocol = protocols.for_method(registry.method("meshes/linear").METHOD, partly, {}, published=published)
    assert protocol.groups_left_out() == hidden
    protocol.table().to_parquet(store.artifacts(run) / Artifact.SPLIT)
    summary = data_summary(SimpleNamespace(protocol=protocol, data=partly))
    (store.artifacts(run) / Artifact.DATA_SUMMARY).write_text(json.dumps(summary))
    info = store.get(run)
    info = replace(info, tags={**info.tags, "split": protocol.split_id})
    monkeypatch.setattr(reader, "read", lambda root, settings: partly)
    assert _final.protocol(store, info, None).part.tolist() == protocol.part.tolist()


def test_samples_without_labels_are_where_they_were(fitted, monkeypatch):
    """Groups without any label stand in no row of split.parquet."""
    store, run = fitted
    reader = registry.dataset("synthetic_meshes")
    whole = reader.read(None, {})
    groups = np.unique(whole.group).tolist()
    label = np.where(whole.group == groups[0], "", whole.label)
    partly = replace(whole, label=label)
    protocol = protocols.for_method(registry.method("meshes/linear").METHOD, partly, {})
    info = store.get(run)
    protocol.table().to_parquet(store.artifacts(run) / Artifact.SPLIT)
    info = replace(info, tags={**info.tags, "split": protocol.split_id})
    monkeypatch.setattr(reader, "read", lambda root, settings: partly)
    assert _final.protocol(store, info, None).part.tolist() == protocol.part.tolist()
