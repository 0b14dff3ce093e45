"""`--slurm`: which parameters it takes, what a job runs, and how a job ends at its time limit."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from training import cli
from training.commands import _slurm
from training.contract import StudyFailed, UserError
from training.tracking.store import Store

STUDY = ["study", "motion/lma_to_pad", "--dataset", "synthetic_motion", "--name", "s", "--threads", "1"]


def test_parameters_are_those_of_submitit():
    asked = ["time=240", "gpus=1", "partition=gpu", "memory=16"]
    found = {"timeout_min": 240, "gpus_per_node": 1, "slurm_partition": "gpu", "mem_gb": 16}
    assert _slurm.parameters(asked) == ("slurm", found)
    assert _slurm.parameters(["time=5", "cluster=local"]) == ("local", {"timeout_min": 5})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["time=1h"], "--slurm time=1h: expected a whole number above 0"),
        (["time=9", "partitoin=gpu"], "unknown key 'partitoin'; did you mean partition"),
        (["time=9", "cluster=pbs"], "unknown cluster 'pbs'"),
        (["gpus=1"], "--slurm needs time=MINUTES"),
        (["gpu"], "expected NAME=VALUE"),
    ],
)
def test_an_odd_parameter_is_said(asked, said):
    with pytest.raises(UserError, match=said):
        cli.app([*STUDY, *(f"--slurm={text}" for text in asked)], standalone_mode=False)


def test_a_job_is_given_the_command_without_what_makes_jobs():
    command = [*STUDY, "--workers", "4", "--slurm=time=9", "--slurm", "gpus=1", "--seed", "1"]
    assert _slurm.without(command, _slurm.OPTIONS) == [*STUDY, "--seed", "1"]


def test_without_submitit_nothing_is_submitted(monkeypatch, tmp_path):
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match="pip install -r requirements-slurm"):
        cli.app([*STUDY, "--slurm", "time=9"], standalone_mode=False)
    assert not (tmp_path / "store").exists()


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let jobs run a shell script in place of Python."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\ncd {folder}\n{text}\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))


def test_a_job_whose_command_fails_has_failed(monkeypatch, tmp_path):
    program(tmp_path, monkeypatch, 'echo "$@" > arguments; exit 3')
    with pytest.raises(StudyFailed, match="exit code 3"):
        _slurm.Job(["work", "s"])()
    assert (tmp_path / "arguments").read_text() == "-m training work s\n"


def test_at_its_time_limit_a_job_ends_its_command_before_it_is_queued_again(monkeypatch, tmp_path):
    """Slurm sends the signal to every process of the job; the command must not die of it."""
    pytest.importorskip("submitit")
    stopping = 'trap "sleep 0.3; touch stopped; exit 130" TERM; echo $$ > started; while :; do sleep 0.1; done'
    program(tmp_path, monkeypatch, stopping)
    started = os.fork()
    if not started:
        job = _slurm.Job(["work", "s"])

        def limit(number: int, frame: object) -> None:
            again = job.checkpoint().function
            os._exit(7 if (tmp_path / "stopped").exists() and again.arguments == ("work", "s") else 8)

        signal.signal(signal.SIGUSR2, limit)
        try:
            job()
        finally:
            os._exit(9)
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists() or not (tmp_path / "started").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(int((tmp_path / "started").read_text()), signal.SIGUSR2)
    os.kill(started, signal.SIGUSR2)
    assert os.waitstatus_to_exitcode(os.waitpid(started, 0)[1]) == 7


@pytest.mark.slow
def test_two_jobs_of_this_machine_share_a_study(monkeypatch, tmp_path, capsys):
    pytest.importorskip("submitit")
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
    asked = [*STUDY, "--epochs", "3", "--trials", "4", "--repeats", "2"]
    asked += ["--workers", "2", "--slurm", "cluster=local", "--slurm", "time=5"]
    monkeypatch.setattr(sys, "argv", ["training", *asked])
    cli.app(asked, standalone_mode=False)
    assert "2 jobs: " in capsys.readouterr().out
    deadline = time.monotonic() + 280
    while not Store.open().find({"kind": "study", "study": "s", "frozen": "true"}):
        assert time.monotonic() < deadline
        time.sleep(1)
    trials = [run for run in Store.open().find({"kind": "trial"}) if run.tags["state"] in ("complete", "pruned")]
    assert sorted(run.tags["trial"] for run in trials) == ["0", "1", "2", "3"]
    assert sorted(run.tags["seed"] for run in Store.open().find({"kind": "final"})) == ["1", "2"]
