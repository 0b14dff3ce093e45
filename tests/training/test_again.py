import shutil
from dataclasses import replace

import pandas as pd
import pytest

from affect.record import Artifact, Kind
from tests import store_template
from training import again, registry
from training.contract import UserError
from training.study import study
from training.study.plan import Plan, prepare
from training.study.progress import Watch
from training.tracking.store import Store

PLAN = Plan("meshes/linear", "synthetic_meshes", settings={"features": "aligned"}, trials=1, repeats=1, fixed=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a store with one fitted study of meshes, and its run's id; no test may change it."""
    folder = store_template.copy(tmp_path_factory.mktemp("again") / "store")
    store = Store.open(folder)
    session = study.run(prepare(PLAN), store, Watch())
    store.close()
    return folder, session.run_id


@pytest.fixture
def fitted(made, tmp_path):
    """Return a copy of that store, and the final run's id."""
    folder, study_id = made
    store = Store.open(shutil.copytree(folder, tmp_path / "again"))
    yield store, store.final(study_id).id
    store.close()


def table(store, run, name):
    return pd.read_parquet(store.artifacts(run) / name)


def test_maps_of_a_run_that_lost_them_are_what_they_were(fitted):
    store, run = fitted
    before, was = table(store, run, Artifact.ACTIVATIONS), store.get(run)
    (store.artifacts(run) / Artifact.ACTIVATIONS).unlink()
    info, files = again.activations(store, run, None, "cpu")
    assert info.id == run
    assert files == [Artifact.ACTIVATIONS, Artifact.MESH, Artifact.TRIANGLES]
    pd.testing.assert_frame_equal(table(store, run, Artifact.ACTIVATIONS), before)
    now = store.get(run)
    assert (now.status, now.start, now.end, now.tags["state"]) == (was.status, was.start, was.end, "complete")
    assert now.tags["artifacts"] == was.tags["artifacts"]
    assert now.metrics == pytest.approx(was.metrics)


def test_the_split_is_the_runs_own(fitted):
    store, run = fitted
    protocol = again.protocol_of(store, store.get(run), None)
    pd.testing.assert_frame_equal(protocol.table(), table(store, run, Artifact.SPLIT))
    assert protocol.id == store.get(run).tags["protocol_id"]


def test_data_that_has_changed_or_moved_is_told(fitted, tmp_path, monkeypatch):
    store, run = fitted
    with pytest.raises(UserError, match=r"is not at .*; say where it is by --root"):
        again.activations(store, run, tmp_path / "nowhere", "cpu")
    reader = registry.dataset("synthetic_meshes")
    whole = reader.read(None, {})
    monkeypatch.setattr(reader, "read", lambda root, settings: replace(whole, version="other"))
    with pytest.raises(UserError, match=f"has changed: expected synthetic_meshes of version {whole.version}.* other"):
        again.activations(store, run, None, "cpu")


def test_only_a_final_run_of_meshes_has_maps(fitted):
    store, run = fitted
    trial = next(info for info in store.children(store.get(run).parent) if info.tags["kind"] == Kind.TRIAL)
    with pytest.raises(UserError, match=r"expected a final run of a method of meshes|has no model"):
        again.activations(store, trial.id, None, "cpu")


def test_the_commands_root_is_found():
    assert str(
        again._option("python -m training study a/b --dataset c --root 'my data/x.npz' --trials 3", "--root")
    ) == ("my data/x.npz")
    assert str(again._option("python -m training study a/b --root=x.npz", "--root")) == "x.npz"
    assert again._option("python -m training study a/b", "--root") is None
