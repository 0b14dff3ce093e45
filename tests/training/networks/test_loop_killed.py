"""A worker killed ten times while its networks train: the scores are those of a study that was left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest

from training.study import search
from training.tracking.store import Store

ROOT = Path(__file__).resolve().parents[3]
TRIALS, REPEATS, KILLS_OF_EACH = 3, 2, 2
# after each epoch, whatever it costs: a fit of the test takes seconds
WORKER = """
from training.networks import checkpoints
checkpoints.LEAST_SECONDS, checkpoints.SHARE = 0.0, float("inf")
from training.cli import main
main()
"""


def start(folder: Path, method: str, *options: str) -> subprocess.Popen[bytes]:
    study = [
        "study",
        method,
        "--dataset",
        f"synthetic_{method.partition('/')[0]}",
        "--name",
        "killed",
        "--threads",
        "1",
    ]
    size = ["--trials", str(TRIALS), "--repeats", str(REPEATS), "--pruner", "none", *options]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *study, *size],
        cwd=ROOT,
        env={**os.environ, "AFFECTORY_STORE": str(folder)},
        stdout=subprocess.DEVNULL,
    )


def written(folder: Path) -> dict[str, float]:
    """Return fit → when its checkpoint was last written."""
    times = {}
    for file in (folder / "checkpoints").glob("*/*/*.pt"):
        try:
            times[file.parent.name] = file.stat().st_mtime
        except FileNotFoundError:  # the fit has ended just now
            continue
    return times


def kill_when_a_fit_is_on_its_way(worker: subprocess.Popen[bytes], folder: Path, killed: Counter[str]) -> bool:
    """Kill the worker after it wrote a checkpoint of a fit that was not killed often enough; False where it ended."""
    before = written(folder)
    while worker.poll() is None:
        for fit, at in written(folder).items():
            if at != before.get(fit) and killed[fit] < KILLS_OF_EACH:
                worker.kill()
                worker.wait()
                killed[fit] += 1
                return True
        time.sleep(0.005)
    return False


def outcome(folder: Path) -> tuple[list, dict[str, dict[str, float]]]:
    """Return the counted trials' parameters and values, and the scores of each final by its seed."""
    study = optuna.load_study(study_name="killed", storage=f"sqlite:///{folder / 'optuna.db'}")
    trials = [(t.params, t.values) for t in study.get_trials() if t.state in search.COUNTED]
    store = Store.open(folder)
    finals = store.find({"study": "killed", "kind": "final", "state": "complete"})
    scores = {
        info.tags["seed"]: {name: v for name, v in info.metrics.items() if not name.startswith("cost/")}
        for info in finals
    }
    assert not store.find({"study": "killed"}, status="RUNNING")
    return trials, scores


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("motion/lma_vae", ("--epochs", "12")),
        ("meshes/graph_sage", ("--epochs", "6", "--hold", "width=16", "--hold", "depth=1")),
    ],
)
def test_a_study_killed_ten_times_gives_the_same_scores(method: str, options: tuple[str, ...], tmp_path: Path) -> None:
    assert start(tmp_path / "whole", method, *options).wait(900) == 0
    killed: Counter[str] = Counter()
    folder = tmp_path / "killed"
    while kill_when_a_fit_is_on_its_way(worker := start(folder, method, *options), folder, killed):
        pass
    assert worker.returncode == 0
    assert sum(killed.values()) == KILLS_OF_EACH * (TRIALS + REPEATS), killed
    trials, scores = outcome(folder)
    assert len(trials) == TRIALS
    assert len(scores) == REPEATS
    assert (trials, scores) == outcome(tmp_path / "whole")
    assert not list((folder / "checkpoints").rglob("*.pt"))
