"""The store: what is written is found again, by us and by MLflow's own client, and nothing is cut or lost."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from affect import cache_folder, record
from affect.record import Kind
from tests import store_template
from training.contract import UserError
from training.tracking import embedded
from training.tracking import run as run_module
from training.tracking.store import Run, Store

ROOT = Path(__file__).resolve().parents[3]


def begin(store: Store, **tags: str) -> Run:
    return store.start(store.experiment("lma · by clip · P A D"), "a run", {"kind": "trial", **tags})


# --------------------------------------------------------------------------------------------------- a run's record


def test_a_run_is_found_again_with_everything_that_was_written(store: Store):
    run = store.start(
        store.experiment("lma · by clip · P A D"), "trial 3", {"kind": "trial", "study": "s"}, {"lr": 0.1}, parent="abc"
    )
    run.metrics({"test/mae/all": 0.25})
    run.close("pruned", "worse than the median", metrics={"val/mae/all": 0.5}, tags={"trial": "3"})

    info = store.get(run.id)
    assert (info.name, info.status, info.parent) == ("trial 3", "FINISHED", "abc")
    assert info.tags == {
        "record": str(record.RECORD_VERSION),
        "kind": "trial",
        "study": "s",
        "trial": "3",
        "state": "pruned",
        "reason": "worse than the median",
        "artifacts": "[]",
        "hashes": "{}",
    }
    assert info.params == {"lr": "0.1"}
    assert info.metrics == {"test/mae/all": 0.25, "val/mae/all": 0.5}
    assert info.end is not None
    assert info.start <= info.end


@pytest.mark.parametrize(("state", "status"), [("complete", "FINISHED"), ("pruned", "FINISHED"), ("failed", "FAILED")])
def test_mlflow_is_told_a_state_that_it_knows(store: Store, state: str, status: str):
    run = begin(store)
    assert store.get(run.id).status == "RUNNING"
    assert store.get(run.id).tags["state"] == "running"
    run.close(state)
    assert (store.get(run.id).status, store.get(run.id).tags["state"]) == (status, state)


def test_a_resumed_run_is_running_again(store: Store):
    run = begin(store)
    run.close("failed", "its worker died")
    store.resume(run.id)
    info = store.get(run.id)
    assert (info.status, info.tags["state"]) == ("RUNNING", "running")


def test_tags_of_an_ended_run_can_be_set_without_running_it(store: Store):
    run = begin(store)
    run.close("complete")
    store.set_tags(run.id, {"note": "the good one"})
    assert (store.get(run.id).status, store.get(run.id).tags["note"]) == ("FINISHED", "the good one")


def test_curves_come_in_order_and_show_where_they_diverged(store: Store):
    run = begin(store)
    for step, value in enumerate([3.0, 2.0, math.nan, math.inf]):
        run.epoch_scores(step, {"train/loss": value})
    run.close("complete")
    points = store.client.get_metric_history(run.id, record.curve("train/loss"))
    assert [point.step for point in points] == [0, 1, 2, 3]
    assert [point.value for point in points[:2]] == [3.0, 2.0]
    assert math.isnan(points[2].value)
    assert points[3].value > 1e308


def test_curves_are_seen_while_the_run_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr(run_module.time, "monotonic", lambda: clock[0])
    run = begin(store)
    writes = []
    whole = Store.write
    monkeypatch.setattr(Store, "write", lambda *args, **kwargs: (writes.append(clock[0]), whole(*args, **kwargs)))
    for step in range(400):  # 40 seconds of ten epochs each
        clock[0] = 100.0 + step / 10
        run.epoch_scores(step, {"train/loss": 1.0})
    assert [round(at - 100, 1) for at in writes] == [1.0, 3.0, 7.0, 15.0, 25.0, 35.0]
    # what was written so far is in the store though the run has not ended
    assert len(store.client.get_metric_history(run.id, "curve/train/loss")) == 351


def test_many_figures_go_out_in_batches_that_mlflow_takes(store: Store):
    run = begin(store)
    run.params({f"p{i}": i for i in range(150)})
    run.metrics({f"val/m{i}/all": float(i) for i in range(1500)})
    info = store.get(run.id)
    assert info.params == {f"p{i}": str(i) for i in range(150)}
    assert info.metrics == {f"val/m{i}/all": float(i) for i in range(1500)}


def test_an_undefined_score_is_absent(store: Store):
    run = begin(store)
    run.metrics({"test/ccc/all": math.nan, "test/mae/all": 1.0})
    assert store.get(run.id).metrics == {"test/mae/all": 1.0}


def test_a_metric_name_that_mlflow_has_no_room_for_is_refused_by_name(store: Store):
    with pytest.raises(UserError, match=r"metric 'test/mae/arousal \[%\]'"):
        begin(store).metrics({"test/mae/arousal [%]": 1.0})


def test_what_mlflow_would_cut_is_refused_by_name(store: Store):
    run = begin(store)
    run.params({"fits": "x" * record.PARAM_LIMIT})
    assert store.get(run.id).params["fits"] == "x" * record.PARAM_LIMIT
    with pytest.raises(UserError, match="parameter widths: 6001 characters"):
        run.params({"widths": "x" * (record.PARAM_LIMIT + 1)})
    with pytest.raises(UserError, match="tag note: 8001 characters"):
        run.tags({"note": "x" * (record.TAG_LIMIT + 1)})
    with pytest.raises(KeyError, match="no record has a tag 'notes'"):
        run.tags({"notes": "x"})


def test_a_long_reason_is_shortened_and_says_so(store: Store):
    run = begin(store)
    run.close("failed", "Traceback" + "x" * 20_000 + "ValueError: the end")
    reason = store.get(run.id).tags["reason"]
    assert len(reason) <= record.TAG_LIMIT
    assert reason.startswith("Traceback")
    assert reason.endswith("ValueError: the end")
    assert "20028 characters, shortened here; the whole is in log.txt" in reason


# --------------------------------------------------------------------------------------------------------- finding


def test_runs_are_found_by_their_tags_alone(store: Store):
    settings = record.to_json({"features": "all", "latent_size": 2})
    wanted = begin(store, study='Anna\'s \\ "first"', settings=settings)
    begin(store, study="another", settings=settings)
    other = store.start(store.experiment("another protocol"), "n", {"kind": "trial", "settings": settings})
    other.close("complete")

    assert [info.id for info in store.find({"study": 'Anna\'s \\ "first"', "settings": settings})] == [wanted.id]
    assert len(store.find({"settings": settings})) == 3
    assert [info.id for info in store.find({"settings": settings}, status="FINISHED")] == [other.id]
    assert store.find({"study": "none"}) == []


def test_more_runs_than_a_page_are_all_found(store: Store, monkeypatch: pytest.MonkeyPatch):
    search = store.client.search_runs
    monkeypatch.setattr(store.client, "search_runs", lambda *a, **k: search(*a, **{**k, "max_results": 2}))
    made = [begin(store, study="s").id for _ in range(5)]
    assert [info.id for info in store.find({"study": "s"})] == made


def test_a_run_is_named_by_the_beginning_of_its_id_or_by_its_study(store: Store):
    study = begin(store, kind="study", study="latent sizes")
    begin(store, study="latent sizes")
    assert store.get(study.id[:8]).id == study.id
    assert store.get(study.id.upper()).id == study.id
    assert store.get("latent sizes").id == study.id
    with pytest.raises(UserError, match="did you mean latent sizes"):
        store.get("latent size")
    with pytest.raises(UserError, match="no run's id begins with '0000'"):
        store.get("0000")


def test_a_name_of_two_studies_is_refused_with_both(store: Store):
    ids = [begin(store, kind="study", study="twice").id for _ in range(2)]
    with pytest.raises(UserError, match="not one run but 2") as caught:
        store.get("twice")
    assert all(run_id[:12] in str(caught.value) for run_id in ids)


# -------------------------------------------------------------------------------------------------------- artifacts


def test_artifacts_are_read_back_and_listed(store: Store):
    run = begin(store)
    frame = pd.DataFrame({"sample": ["a", "b"], "group": ["g", "g"], "part": ["train", "test"]}, index=[7, 8])
    run.table(record.Artifact.SPLIT, frame)
    run.json(record.Artifact.DATA_SUMMARY, {"rows": 2, "emotion": "Überraschung"})
    run.text(record.Artifact.LOG, "first\n")
    run.text(record.Artifact.LOG, "second\n")
    for content in ("old", "new"):
        with run.folder(record.Artifact.MODEL) as folder:
            (folder / f"{content}.json").write_text(content)
    run.close("complete")

    folder = store.artifacts(run.id)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "split.parquet"), frame.reset_index(drop=True))
    assert json.loads((folder / "data_summary.json").read_text()) == {"rows": 2, "emotion": "Überraschung"}
    assert (folder / "log.txt").read_text() == "second\n"
    assert [path.name for path in (folder / "model").iterdir()] == ["new.json"]
    listed = ["data_summary.json", "log.txt", "model", "split.parquet"]
    assert json.loads(store.get(run.id).tags["artifacts"]) == listed
    assert sorted(path.name for path in folder.iterdir()) == listed  # nothing half-made stays


def test_an_artifact_that_failed_half_way_is_not_there(store: Store):
    run = begin(store)

    def fail_half_way() -> None:
        with run.folder("model") as folder:
            (folder / "weights").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert list(store.artifacts(run.id).iterdir()) == []


@pytest.mark.parametrize("name", ["../out.txt", "/etc/x", "a/../../x", "", ".hidden", "a//b", "a\\b", "./x"])
def test_an_artifact_cannot_leave_its_run(store: Store, name: str):
    with pytest.raises(ValueError, match="is no artifact's name"):
        begin(store).text(name, "x")


def test_a_table_without_a_column_of_the_record_is_refused(store: Store):
    with pytest.raises(ValueError, match=r"split\.parquet lacks the columns part"):
        begin(store).table(record.Artifact.SPLIT, pd.DataFrame({"sample": ["a"], "group": ["g"]}))


def test_json_has_no_nan(store: Store):
    with pytest.raises(ValueError, match="not JSON compliant"):
        begin(store).json("space.json", {"low": math.nan})


# ----------------------------------------------------------------------------------------------- the embedded files


@pytest.fixture
def migrations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Record for which file MLflow's migrations are run, and take their result from the session's template."""
    ran: list[Path] = []
    migrated = store_template.copy(tmp_path / "migrated") / "mlflow.db"
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "_migrate", lambda file: (ran.append(file), shutil.copyfile(migrated, file)))
    return ran


def test_a_fresh_store_is_migrated_once_and_copied_afterwards(tmp_path: Path, migrations: list[Path]):
    for name in ("one", "two"):
        Store.open(tmp_path / name).close()
    assert len(migrations) == 1
    # MLflow's own experiment does not point to where the migrations ran
    connection = sqlite3.connect(tmp_path / "two" / "mlflow.db")
    assert connection.execute("SELECT artifact_location FROM experiments").fetchall() == [
        (str(tmp_path / "two" / "artifacts" / "0"),)
    ]
    connection.close()


def test_a_damaged_template_is_made_anew(tmp_path: Path, migrations: list[Path]):
    Store.open(tmp_path / "one").close()
    (template,) = (tmp_path / "cache").glob("*.db")
    template.write_bytes(template.read_bytes()[:5000])
    Store.open(tmp_path / "two").close()
    assert len(migrations) == 2


def test_without_a_cache_the_store_is_made_all_the_same(
    tmp_path: Path, migrations: list[Path], monkeypatch: pytest.MonkeyPatch
):
    def nowhere(user: int) -> None:
        raise OSError("no folder can be made")

    monkeypatch.setenv("AFFECTORY_CACHE", "/proc/cache")
    monkeypatch.setattr(cache_folder, "_temporary", nowhere)
    Store.open(tmp_path / "one").close()
    assert len(migrations) == 1


def test_both_files_are_in_wal_mode(store: Store):
    store.optuna_storage()
    for name in ("mlflow.db", "optuna.db"):
        connection = sqlite3.connect(store.folder / name)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()


def test_no_small_write_waits_for_the_disk(store: Store):
    for engine in (store.client._tracking_client.store.engine, store.optuna_storage().engine):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL


def test_a_rollback_mode_file_is_set_to_wal(store_folder: Path):
    file = store_folder / "mlflow.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = delete")
    connection.close()
    Store.open().close()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_two_processes_make_one_store_at_once(tmp_path: Path):
    code = (
        "import sys; from training.tracking.store import Store; s = Store.open();"
        "s.optuna_storage(); print(s.experiment('a protocol'))"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], answers
    assert answers[0][0] == answers[1][0] == b"1\n"
    assert answers[0][1] == b""  # not a word of the migrations


def test_a_deleted_experiment_comes_back(store: Store):
    made = store.experiment("a protocol")
    store.client.delete_experiment(made)
    fresh = Store.open()
    assert fresh.experiment("a protocol") == made
    assert fresh.client.get_experiment(made).lifecycle_stage == "active"


@pytest.mark.parametrize("name", ["mlflow.db", "optuna.db"])
def test_a_damaged_file_is_named(store_folder: Path, name: str):
    (store_folder / name).write_bytes(b"this is not a database, it is a sentence " * 100)
    with pytest.raises(UserError, match=rf"{name}: not a readable SQLite database"):
        Store.open().optuna_storage()


def test_a_file_that_may_not_be_written_is_named(store_folder: Path, monkeypatch: pytest.MonkeyPatch):
    (store_folder / "mlflow.db").chmod(0o444)
    # root may write everything: what the permissions say is asked in its place
    monkeypatch.setattr(os, "access", lambda path, mode: bool(Path(path).stat().st_mode & 0o200))
    with pytest.raises(UserError, match=r"mlflow\.db: the store cannot be opened for writing"):
        Store.open()


@pytest.mark.parametrize(
    ("version", "advice"),
    [("ffffffffffff", "A newer MLflow wrote them"), ("451aebb31d03", "mlflow db upgrade sqlite:///")],
)
def test_tables_of_another_mlflow_are_refused_with_what_to_do(store_folder: Path, version: str, advice: str):
    connection = sqlite3.connect(store_folder / "mlflow.db")
    connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.commit()
    connection.close()
    with pytest.raises(UserError, match=rf"mlflow\.db: found tables of version {version}, expected .*{advice}"):
        Store.open()


def test_tables_of_another_optuna_are_refused_with_what_to_do(store: Store):
    store.optuna_storage().engine.dispose()
    connection = sqlite3.connect(store.folder / "optuna.db")
    connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    connection.commit()
    connection.close()
    with pytest.raises(UserError, match=r"optuna\.db: .*optuna storage upgrade"):
        store.optuna_storage()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "occupied"))
    with pytest.raises(UserError, match="occupied: the store needs a folder here, found a file"):
        Store.open()


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch):
    # /proc refuses even root, for whom permissions do not count
    monkeypatch.setenv("AFFECTORY_STORE", "/proc/affectory")
    with pytest.raises(UserError, match=r"/proc/affectory: the store's folder cannot be written .*AFFECTORY_STORE"):
        Store.open()


def test_a_network_file_system_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path}/the\\040home nfs4 rw 0 0\n")
    monkeypatch.setattr(embedded, "MOUNTS", mounts)
    with pytest.raises(UserError, match=r"network file system \(nfs4\).*MLFLOW_TRACKING_URI=postgresql://"):
        Store.open(tmp_path / "the home" / "me" / "store")
    assert embedded.file_system(tmp_path / "the", mounts) == "ext4"


def test_an_address_of_no_known_kind_is_refused(store_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI=databricks: expected sqlite:///FILE"):
        Store.open()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("OPTUNA_STORAGE", "journal.log")
    with pytest.raises(UserError, match=r"OPTUNA_STORAGE=journal\.log: expected sqlite:///FILE"):
        Store.open().optuna_storage()


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://someone:secret@127.0.0.1:9/none"])
def test_a_server_that_does_not_answer_is_said_at_once(store_folder: Path, monkeypatch: pytest.MonkeyPatch, uri: str):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9.* does not answer") as caught:
        Store.open()
    assert time.monotonic() - start < 15  # MLflow itself tries for minutes
    assert "secret" not in str(caught.value)


def test_heartbeats_are_every_so_many_seconds(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AFFECTORY_HEARTBEAT", "3")
    storage = store.optuna_storage()
    assert (storage.heartbeat_interval, storage.grace_period) == (3, 6)
    monkeypatch.setenv("AFFECTORY_HEARTBEAT", "soon")
    with pytest.raises(UserError, match="AFFECTORY_HEARTBEAT=soon"):
        store.optuna_storage()


# ------------------------------------------------------------------------------------------------------------ locks


def test_a_lock_excludes_another_process_and_dies_with_it(store: Store):
    code = (
        "import sys, time; from training.tracking.store import Store\n"
        "with Store.open().lock('study s') as free:\n    print(free, flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "True\n"
    with store.lock("study s") as free, store.lock("study t") as other:
        assert (free, other) == (False, True)
    worker.kill()
    worker.wait()
    with store.lock("study s") as free:
        assert free


def test_locks_leave_no_files(store: Store):
    with store.lock("worker-a") as free, store.holding("study s"):
        assert free
        assert len(list((store.folder / "locks").iterdir())) == 2
    with store.lock("worker-b"), store.lock("worker-b") as again:
        assert not again, "held by this process"
    assert list((store.folder / "locks").iterdir()) == []


def test_waiting_for_a_lock_ends_when_it_is_given_back_and_excludes_all_the_time(store: Store):
    """Each process adds one to a number in a file, many times: none is lost though lock files come and go."""
    count = store.folder / "count"
    count.write_text("0")
    code = (
        "from training.tracking.locks import Files\nfrom pathlib import Path\nimport sys\n"
        "folder = Path(sys.argv[1]); count = folder / 'count'; locks = Files(folder / 'locks')\n"
        "for _ in range(300):\n"
        "    with locks.waiting('n'):\n        count.write_text(str(int(count.read_text()) + 1))\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(store.folder)], cwd=ROOT) for _ in range(3)]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0]
    assert count.read_text() == "900"


# ---------------------------------------------------------------------------------------------- deleted in MLflow


def test_a_deleted_run_is_said_to_be_deleted_with_the_way_back(store: Store):
    experiment = store.experiment("a · protocol")
    run = store.start(experiment, "a study", {"kind": Kind.STUDY, "study": "s"})
    run.close("complete")
    store.client.delete_run(run.id)
    assert not store.has(run.id)
    assert store.find({"kind": Kind.STUDY}) == []
    with pytest.raises(UserError, match=rf"was deleted in MLflow; bring it back with .*runs restore --run-id {run.id}"):
        store.get(run.id)
    store.client.restore_run(run.id)
    store.client.delete_experiment(experiment)
    with pytest.raises(UserError, match=rf"mlflow experiments restore --experiment-id {experiment}"):
        store.get(run.id)


def test_an_experiment_that_is_used_again_brings_no_deleted_run_back(store: Store, store_folder: Path):
    experiment = store.experiment("a · protocol")
    run = store.start(experiment, "a study", {"kind": Kind.STUDY, "study": "s"})
    run.close("complete")
    store.client.delete_experiment(experiment)
    fresh = Store.open()
    assert fresh.experiment("a · protocol") == experiment
    assert fresh.lifecycle(run.id) == "deleted"
    fresh.start(experiment, "another", {"kind": Kind.STUDY, "study": "t"}).close("complete")
    assert [info.name for info in fresh.find({"kind": Kind.STUDY})] == ["another"]


def test_a_study_named_like_the_beginning_of_an_id_is_found_by_its_name(store: Store):
    experiment = store.experiment("a · protocol")
    run = store.start(experiment, "a run", {"kind": Kind.FINAL, "study": "s"})
    study = store.start(experiment, run.id[:6], {"kind": Kind.STUDY, "study": run.id[:6]})
    assert store.get(run.id[:6]).id == study.id
    assert store.get(run.id[:7]).id == run.id


# --------------------------------------------------------------------------------------------- folders in two moves


def test_a_folder_whose_replacement_was_killed_is_brought_back(store: Store):
    run = store.start(store.experiment("a · protocol"), "a run", {"kind": Kind.FINAL})
    with run.folder("model") as folder:
        (folder / "weights").write_text("old")
    artifacts_folder = store.artifacts(run.id)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (artifacts_folder / "model").rename(artifacts_folder / f".old.{dead.pid}.model")
    assert (store.artifacts(run.id) / "model" / "weights").read_text() == "old"
    assert [path.name for path in store.artifacts(run.id).iterdir()] == ["model"]


def test_a_folder_that_another_process_replaces_just_now_is_left_to_it(store: Store):
    run = store.start(store.experiment("a · protocol"), "a run", {"kind": Kind.FINAL})
    (store.artifacts(run.id) / f".old.{os.getpid()}.model").mkdir(parents=True)
    assert [path.name for path in store.artifacts(run.id).iterdir()] == [f".old.{os.getpid()}.model"]


# ------------------------------------------------------------------------------------------------ a moved checkout

WRITE = """
from training.tracking.store import Store
store = Store.open()
run = store.start(store.experiment("a · protocol"), "a run", {"kind": "final"})
run.text("log.txt", "found again\\n")
run.close("complete")
print(run.id)
"""
READ = """
import sys
from training.tracking.store import Store
store = Store.open()
print((store.artifacts(sys.argv[1]) / "log.txt").read_text(), end="")
print([file.path for file in store.client.list_artifacts(sys.argv[1])])
"""
# what `make mlflow-ui` starts answers from this application, in the working folder
MLFLOW_UI = """
import os, sys
os.environ["_MLFLOW_SERVER_FILE_STORE"] = "sqlite:///mlruns/mlflow.db"
os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlruns/artifacts"
from mlflow.server import app
asked = app.test_client()
listed = asked.get("/ajax-api/2.0/mlflow/artifacts/list", query_string={"run_id": sys.argv[1]})
print([file["path"] for file in listed.json["files"]])
got = asked.get("/get-artifact", query_string={"run_id": sys.argv[1], "path": "log.txt"})
print(got.data.decode(), end="")
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of what writes the store, with an empty store of its own in it."""
    monkeypatch.delenv("AFFECTORY_STORE")
    for package in ("affect", "training"):
        shutil.copytree(ROOT / package, tmp_path / "one" / package, ignore=shutil.ignore_patterns("__pycache__"))
    store_template.copy(tmp_path / "one" / "mlruns")
    return tmp_path / "one"


def run_in(folder: Path, code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_moved_checkout_keeps_its_results(checkout: Path, tmp_path: Path):
    run_id = run_in(checkout, WRITE).strip()
    moved = checkout.rename(tmp_path / "moved to another place")
    # by our own code, and by MLflow's client in the checkout
    assert run_in(moved, READ, run_id) == "found again\n['log.txt']\n"


@pytest.mark.slow
def test_mlflow_ui_finds_the_artifacts_of_a_moved_checkout(checkout: Path, tmp_path: Path):
    run_id = run_in(checkout, WRITE).strip()
    moved = checkout.rename(tmp_path / "moved to another place")
    assert run_in(moved, MLFLOW_UI, run_id) == "['log.txt']\nfound again\n"


def test_a_store_outside_the_checkout_is_found_from_anywhere(store: Store, monkeypatch: pytest.MonkeyPatch):
    run = begin(store)
    run.text("log.txt", "found\n")
    monkeypatch.chdir("/")
    assert [file.path for file in store.client.list_artifacts(run.id)] == ["log.txt"]
    assert store.client.get_run(run.id).info.artifact_uri == str(store.artifacts(run.id))
