"""What people know already works on the store: `make mlflow-ui` and `make optuna-dashboard` show the same study."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affect import record
from tests.training.study import toys
from training.study import study
from training.study.progress import Watch
from training.tracking.store import Store

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120

pytestmark = pytest.mark.slow


@pytest.fixture
def studied() -> Iterator[Store]:
    store = Store.open()
    study.run(toys.prepared(trials=3, repeats=1, name="seen by all"), store, Watch())
    yield store
    store.close()


@contextlib.contextmanager
def viewer(target: str) -> Iterator[str]:
    """Start a viewer as the Makefile does, on a free port, and yield its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["make", target, f"PORT={port}"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    address, start = f"http://127.0.0.1:{port}", time.monotonic()
    try:
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert process.poll() is None, f"make {target} ended"
                assert time.monotonic() - start < PATIENCE_S, f"make {target} did not answer"
                time.sleep(0.2)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def asked(address: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_mlflow_ui_shows_the_study_its_runs_and_their_files(studied):
    (made,) = studied.find({"kind": record.Kind.STUDY, "study": "seen by all"})
    with viewer("mlflow-ui") as address:
        wanted = f"tags.`{record.tag('study')}` = 'seen by all'"
        body = {"experiment_ids": [made.experiment], "filter": wanted, "max_results": 100}
        runs = asked(f"{address}/api/2.0/mlflow/runs/search", body)["runs"]
        tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in runs]
        kinds = [tag[record.tag("kind")] for tag in tags]
        assert sorted(kinds) == ["final", "study", "trial", "trial", "trial"]
        # nested below the study, as MLflow's own page draws them
        assert all(tag[record.PARENT] == made.id for tag in tags if tag[record.tag("kind")] != "study")
        listed = asked(f"{address}/api/2.0/mlflow/artifacts/list?run_id={made.id}")["files"]
        assert record.Artifact.SPLIT in {file["path"] for file in listed}
        picked = f"{address}/get-artifact?path={record.Artifact.SPACE}&run_uuid={made.id}"
        assert "distributions" in asked(picked)


def test_optuna_dashboard_shows_the_same_study(studied):
    with viewer("optuna-dashboard") as address:
        (shown,) = asked(f"{address}/api/studies")["study_summaries"]
        assert shown["study_name"] == "seen by all"
        assert shown["directions"] == ["minimize"]
        detail = asked(f"{address}/api/studies/{shown['study_id']}?after=0")
        assert len(detail["trials"]) == 3
