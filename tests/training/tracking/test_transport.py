"""Runs travel between stores whole and with their ids, and what a person writes on them stays on them."""

from __future__ import annotations

import json
import math
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from affect import record
from affect.record import Kind
from tests import store_template
from training.contract import UserError
from training.tracking import annotations, exported, transport
from training.tracking.store import RunInfo, Store

PROTOCOL = "lma · by clip · P A D"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """Return a second store, whose experiments have other ids."""
    opened = Store.open(store_template.copy(tmp_path / "other"))
    opened.experiment("something else")
    yield opened
    opened.close()


def add_study(store: Store, name: str = "latent sizes") -> dict[str, str]:
    """Write a study with a need, a trial with curves and a final with artifacts; return their ids."""
    experiment = store.experiment(PROTOCOL)
    study = store.start(experiment, name, {"kind": Kind.STUDY, "study": name})
    need = store.start(experiment, "need", {"kind": Kind.NEED})
    need.close("complete")
    trial = store.start(experiment, "trial 0", {"kind": Kind.TRIAL, "study": name}, {"lr": 0.1}, parent=study.id)
    for step, value in enumerate([0.5, 0.25, math.nan]):
        trial.epoch_scores(step, {"val/mae": value})
    trial.close("failed", "it diverged")
    needs = record.to_json({"vae": need.id})
    final = store.start(experiment, "final", {"kind": Kind.FINAL, "study": name, "needs": needs}, parent=study.id)
    final.text(record.Artifact.LOG, "a log\n")
    with final.folder(record.Artifact.MODEL) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "weights.safetensors").write_bytes(bytes(range(256)))
    final.close("complete", metrics={"test/mae/all": 0.25})
    study.close("complete", metrics={"test/mae/all": 0.25})
    return {"study": study.id, "need": need.id, "trial": trial.id, "final": final.id}


def plain(info: RunInfo) -> dict[str, Any]:
    """Return a run as a dictionary that can be compared: NaN is not equal to itself."""
    values = vars(info) | {"metrics": {k: str(v) for k, v in info.metrics.items()}}
    del values["experiment"]
    return values


# -------------------------------------------------------------------------------------------------- there and back


def test_a_study_comes_over_with_its_children_its_needs_and_every_id(store: Store, other: Store, tmp_path: Path):
    ids = add_study(store)
    assert transport.export(store, ["latent sizes"], tmp_path / "runs.zip") == 4
    assert transport.import_(other, tmp_path / "runs.zip") == "4 runs imported"

    for run_id in ids.values():
        assert plain(other.get(run_id)) == plain(store.get(run_id))
        # the protocol's experiment was made, under an id of the other store's own
        experiment = other.client.get_experiment(other.get(run_id).experiment)
        assert experiment.name == PROTOCOL
        assert experiment.experiment_id != store.get(run_id).experiment
    curve = record.curve("val/mae")
    assert [str(p) for p in other.client.get_metric_history(ids["trial"], curve)] == [
        str(p) for p in store.client.get_metric_history(ids["trial"], curve)
    ]
    folder = other.artifacts(ids["final"])
    assert (folder / "log.txt").read_text() == "a log\n"
    assert (folder / "model" / "deep" / "weights.safetensors").read_bytes() == bytes(range(256))
    assert {info.id for info in other.children(ids["study"])} == {ids["trial"], ids["final"]}
    # MLflow's own client lists them too
    assert {file.path for file in other.client.list_artifacts(ids["final"])} == {"log.txt", "model"}


def test_one_run_is_exported_alone(store: Store, other: Store, tmp_path: Path):
    ids = add_study(store)
    assert transport.export(store, [ids["trial"][:8], ids["trial"]], tmp_path / "runs.zip") == 1
    transport.import_(other, tmp_path / "runs.zip")
    assert other.has(ids["trial"])
    assert not other.has(ids["study"])


def test_importing_twice_changes_nothing(store: Store, other: Store, tmp_path: Path):
    ids = add_study(store)
    transport.export(store, ["latent sizes"], tmp_path / "runs.zip")
    transport.import_(other, tmp_path / "runs.zip")
    annotations.note(other, ids["final"], "mine")
    assert transport.import_(other, tmp_path / "runs.zip") == "0 runs imported; 4 were there already"
    assert other.get(ids["final"]).tags["note"] == "mine"


def test_an_imported_run_can_be_exported_again_byte_for_byte(store: Store, other: Store, tmp_path: Path):
    add_study(store)
    transport.export(store, ["latent sizes"], tmp_path / "one.zip")
    transport.import_(other, tmp_path / "one.zip")
    transport.export(other, ["latent sizes"], tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as one, zipfile.ZipFile(tmp_path / "two.zip") as two:
        assert one.namelist() == two.namelist()
        assert [one.read(name) for name in one.namelist()] == [two.read(name) for name in two.namelist()]


# ---------------------------------------------------------------------------------------------------------- refusals


def test_an_id_with_another_content_is_refused_and_nothing_taken_in(store: Store, other: Store, tmp_path: Path):
    ids = add_study(store)
    transport.export(store, [ids["final"]], tmp_path / "one.zip")
    transport.export(store, ["latent sizes"], tmp_path / "all.zip")
    transport.import_(other, tmp_path / "one.zip")
    (other.artifacts(ids["final"]) / "log.txt").write_text("another log\n")
    with pytest.raises(UserError, match=rf"run {ids['final'][:12]} \(final\) is in the store with other files"):
        transport.import_(other, tmp_path / "all.zip")
    assert not other.has(ids["study"])


def test_a_running_run_is_not_exported(store: Store, tmp_path: Path):
    ids = add_study(store)
    store.resume(ids["trial"])
    with pytest.raises(UserError, match=rf"run {ids['trial'][:12]} \(trial 0\) is still running"):
        transport.export(store, ["latent sizes"], tmp_path / "runs.zip")
    assert list(tmp_path.glob("*.zip")) == []


def test_an_existing_file_is_not_overwritten(store: Store, tmp_path: Path):
    add_study(store)
    (tmp_path / "runs.zip").write_text("precious")
    with pytest.raises(UserError, match=r"runs\.zip: the file is there already"):
        transport.export(store, ["latent sizes"], tmp_path / "runs.zip")
    with pytest.raises(UserError, match="there is no folder"):
        transport.export(store, ["latent sizes"], tmp_path / "nowhere" / "runs.zip")


@pytest.fixture
def tampered(store: Store, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an export with members added, replaced or (None) left out."""
    ids = add_study(store)
    transport.export(store, [ids["final"]], tmp_path / "good.zip")

    def write(**members: str | bytes | None) -> Path:
        renamed = {name.replace("RUN", ids["final"]): content for name, content in members.items()}
        with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
            for name in good.namelist():
                if name not in renamed:
                    bad.writestr(name, good.read(name))
            for name, content in renamed.items():
                if content is not None:
                    bad.writestr(name, content)
        return tmp_path / "bad.zip"

    return write


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"RUN/artifacts/../../../out.txt": "x"}, "is no artifact's name"),
        ({"RUN/artifacts//etc/passwd": "x"}, "is no artifact's name"),
        ({"RUN/artifacts/a\\..\\..\\b": "x"}, "is no artifact's name"),
        ({"../out.txt": "x"}, "unexpected member"),
        ({"RUN/other.json": "{}"}, "unexpected member"),
        ({"RUN/artifacts/model/net.pkl": pickle.dumps(1)}, "may be a pickle"),
        ({"RUN/artifacts/more.txt": "x"}, "not those that run.json lists"),
        ({"RUN/artifacts/log.txt": None}, "not those that run.json lists"),
        ({"RUN/artifacts/log.txt": "changed"}, "log.txt is not the file that run.json lists"),
        ({"RUN/run.json": None}, "no member"),
        ({"RUN/run.json": "{"}, "is not JSON"),
        ({"RUN/run.json": "[]"}, "expected a JSON object"),
        ({"RUN/run.json": "{}"}, "run.json has id None"),
        ({"affectory.json": '{"format": 2, "runs": []}'}, "has format 2, expected 1"),
        ({"affectory.json": '{"format": 1, "record": 99, "runs": []}'}, "records are of version 99"),
        ({"affectory.json": '{"format": 1, "record": 1, "runs": ["../x"]}'}, "'../x' is no run's id"),
        ({"affectory.json": None}, "no member affectory.json"),
    ],
)
def test_a_zip_that_is_not_an_export_is_refused(
    tampered: Callable[..., Path], other: Store, members: dict[str, Any], message: str
):
    with pytest.raises(UserError, match=message.replace(".", r"\.")) as caught:
        transport.import_(other, tampered(**members))
    assert "bad.zip" in str(caught.value)
    assert other.find({"kind": Kind.FINAL}) == []
    assert list((other.folder / "artifacts").rglob("*")) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "RUNNING"}, "status 'RUNNING'"),
        ({"id": "0" * 32}, "has id '0000"),
        ({"tags": {"affectory.note": "x" * 8001}}, "tags 'affectory.note': expected a text of at most 8000"),
        ({"params": {"lr": 1}}, "params 'lr': expected a text"),
        ({"metrics": [["test/mae/all", "nan", 0, 0]]}, "metric .* expected a name, a number or null"),
        ({"start": "now"}, "has start 'now'"),
    ],
)
def test_a_record_of_the_wrong_form_is_refused(
    tampered: Callable[..., Path], other: Store, tmp_path: Path, change: dict[str, Any], message: str
):
    with zipfile.ZipFile(tmp_path / "good.zip") as good:
        (name,) = [n for n in good.namelist() if n.endswith("run.json") and b'"name":"final"' in good.read(n)]
        run = json.loads(good.read(name))
    with pytest.raises(UserError, match=message):
        transport.import_(other, tampered(**{name: json.dumps(run | change)}))
    assert other.find({"kind": Kind.FINAL}) == []


def test_a_file_that_is_no_zip_is_refused(store: Store, tmp_path: Path):
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(UserError, match=r"text\.zip: expected a zip file"):
        transport.import_(store, tmp_path / "text.zip")
    with pytest.raises(UserError, match=r"none\.zip: no such file"):
        transport.import_(store, tmp_path / "none.zip")
    with pytest.raises(UserError, match="expected a zip file"):
        transport.import_(store, tmp_path)


def test_a_failure_on_the_way_leaves_neither_runs_nor_files(
    store: Store, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    add_study(store)
    transport.export(store, ["latent sizes"], tmp_path / "runs.zip")
    moves = []
    move = transport.artifacts.replace_folder

    def move_then_fail(new: Path, target: Path) -> None:
        move(new, target)
        moves.append(target)
        if len(moves) == 1:
            raise OSError("disk full")

    monkeypatch.setattr(transport.artifacts, "replace_folder", move_then_fail)
    with pytest.raises(Exception, match="disk full"):
        transport.import_(other, tmp_path / "runs.zip")
    assert len(moves) == 1
    assert other.find({"study": "latent sizes"}) == []
    assert [path for path in (other.folder / "artifacts").rglob("*") if path.is_file()] == []


def test_a_description_that_unpacks_to_too_much_is_not_read(
    tampered: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "LARGEST_JSON", 1 << 20)
    file = tampered(**{"RUN/run.json": " " * (2 << 20)})
    with pytest.raises(UserError, match=r"run.json unpacks to more than 1 MB"):
        transport.import_(Store.open(tmp_path / "other"), file)


# ------------------------------------------------------------------------------------------------- files that lack


def without_artifacts(store: Store, tmp_path: Path) -> Store:
    """Return a store that has the databases of another one, and none of its artifacts."""
    folder = tmp_path / "databases alone"
    folder.mkdir()
    for name in ("mlflow.db", "mlflow.db-wal"):
        if (file := store.folder / name).exists():
            (folder / name).write_bytes(file.read_bytes())
    return Store.open(folder)


def test_export_names_the_files_that_are_not_there(store: Store, tmp_path: Path) -> None:
    ids = add_study(store)
    bare = without_artifacts(store, tmp_path)
    with pytest.raises(UserError, match=r"\(final\) lists log\.txt, model, not found in .*Move the store's folder"):
        transport.export(bare, [ids["study"]], tmp_path / "runs.zip")
    assert not (tmp_path / "runs.zip").exists()


@pytest.mark.parametrize("linked", ["log.txt", "model", "deep.txt", "."])
def test_a_link_in_a_run_is_not_followed_out_of_the_store(store: Store, tmp_path: Path, linked: str) -> None:
    ids = add_study(store)
    folder = store.artifacts(ids["final"])
    outside = tmp_path / "outside"
    outside.mkdir()
    place = folder if linked == "." else folder / linked
    if place.exists():
        place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved" if (tmp_path / "moved").exists() else outside)
    with pytest.raises(UserError, match=r"\(final\): .* is a link, and an export holds only what lies in the store"):
        transport.export(store, [ids["study"]], tmp_path / "runs.zip")
    assert not (tmp_path / "runs.zip").exists()


def test_a_run_of_another_program_is_exported_with_a_sentence_on_its_tags(store: Store, tmp_path: Path) -> None:
    ids = add_study(store)
    store.set_tags(ids["final"], {"needs": "[" * 4000})
    with pytest.raises(UserError, match=r"\(final\): the tag needs is .* expected a JSON object of names"):
        transport.export(store, [ids["final"]], tmp_path / "runs.zip")


def test_a_file_whose_runs_list_more_than_it_holds_is_refused(
    store: Store, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add_study(store)
    bare = without_artifacts(store, tmp_path)
    monkeypatch.setattr(transport, "_check_files", lambda *_: None)
    transport.export(bare, [ids["study"]], tmp_path / "bare.zip")
    with pytest.raises(UserError, match=r"lists log\.txt, model, which the file does not hold"):
        transport.import_(other, tmp_path / "bare.zip")
    assert not other.find({"kind": Kind.STUDY})


def test_import_gives_a_run_the_files_that_it_lacks(store: Store, tmp_path: Path) -> None:
    ids = add_study(store)
    transport.export(store, [ids["study"]], tmp_path / "whole.zip")
    bare = without_artifacts(store, tmp_path)
    before = plain(bare.get(ids["final"]))
    said = transport.import_(bare, tmp_path / "whole.zip")
    assert said == "0 runs imported; 4 were there already, 1 of which were given files that they lacked"
    weights = bare.artifacts(ids["final"]) / record.Artifact.MODEL / "deep" / "weights.safetensors"
    assert weights.read_bytes() == bytes(range(256))
    assert plain(bare.get(ids["final"])) == before
    transport.export(bare, [ids["study"]], tmp_path / "again.zip")


def test_records_of_the_version_before_can_be_imported(store: Store, other: Store, tmp_path: Path) -> None:
    ids = add_study(store)
    transport.export(store, [ids["study"]], tmp_path / "runs.zip")
    with zipfile.ZipFile(tmp_path / "runs.zip") as new, zipfile.ZipFile(tmp_path / "old.zip", "w") as old:
        for name in new.namelist():
            content = new.read(name)
            if name == exported.MANIFEST:
                content = json.dumps({**json.loads(content), "record": 1}).encode()
            old.writestr(name, content)
    assert transport.import_(other, tmp_path / "old.zip") == "4 runs imported"


# --------------------------------------------------------------------------------------- runs deleted in MLflow


def test_deleted_runs_are_neither_exported_nor_imported_over(store: Store, other: Store, tmp_path: Path) -> None:
    ids = add_study(store)
    transport.export(store, [ids["study"]], tmp_path / "whole.zip")
    store.client.delete_run(ids["trial"])
    assert transport.export(store, [ids["study"]], tmp_path / "three.zip") == 3
    store.client.delete_run(ids["need"])
    with pytest.raises(UserError, match=rf"was deleted in MLflow; bring it back with .*--run-id {ids['need']}"):
        transport.export(store, [ids["study"]], tmp_path / "two.zip")
    with pytest.raises(UserError, match="was deleted in MLflow"):
        transport.import_(store, tmp_path / "whole.zip")
