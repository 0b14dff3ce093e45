"""``--slurm``: the workers of a command are jobs of a Slurm cluster, each of which gives the same command again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from training.commands._options import pairs
from training.contract import StudyFailed, UserError
from training.messages import counted, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

NUMBERS = {"time": "timeout_min", "gpus": "gpus_per_node", "cpus": "cpus_per_task", "memory": "mem_gb"}
NAMES = {"partition": "slurm_partition", "account": "slurm_account", "qos": "slurm_qos"}
CLUSTER, LOCAL = "cluster", "local"
OPTIONS = ("--slurm", "--workers")
"""Options that a job is not given."""
TIMES = 1000
"""So often a job may reach its time limit and is queued again."""


def parameters(texts: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the cluster and submitit's parameters that the texts of ``--slurm`` ask for; UserError for odd ones."""
    asked = pairs(texts, "--slurm")
    cluster = asked.pop(CLUSTER, "slurm")
    if cluster not in ("slurm", LOCAL):
        raise UserError(f"--slurm {unknown(cluster, ('slurm', LOCAL), CLUSTER)}")
    found: dict[str, Any] = {}
    for key, value in asked.items():
        if key not in (*NUMBERS, *NAMES):
            raise UserError(f"--slurm: {unknown(key, (*NUMBERS, *NAMES, CLUSTER), 'key')}")
        if key in NUMBERS and not (value.isdecimal() and int(value)):
            raise UserError(f"--slurm {key}={value}: expected a whole number above 0")
        found[NUMBERS.get(key) or NAMES[key]] = int(value) if key in NUMBERS else value
    if "time" not in asked:
        raise UserError("--slurm needs time=MINUTES, after which a job is queued again")
    return cluster, found


def submit(texts: list[str], workers: int, console: Console) -> None:
    """Submit this process's command as so many jobs, and say which they are; UserError where Slurm is not there."""
    from training.tracking.store import Store

    cluster, asked = parameters(texts)
    try:
        import submitit
    except ImportError:
        raise UserError(
            "--slurm needs the package submitit, which is not installed: pip install -r requirements-slurm.txt"
        ) from None
    with contextlib.closing(Store.open()) as store:
        folder = store.folder.absolute() / "slurm"
        embedded = not (os.environ.get("MLFLOW_TRACKING_URI") and os.environ.get("OPTUNA_STORAGE"))
    if embedded:
        console.print("the store is SQLite: only jobs on the machine that has it can use it", style="dim")
    try:
        executor = submitit.AutoExecutor(str(folder), cluster=cluster, slurm_max_num_timeout=TIMES)
        executor.update_parameters(name="affectory", **asked)
        job = Job(without(sys.argv[1:], OPTIONS))
        ids = [executor.submit(job).job_id for _ in range(workers)]
    except (RuntimeError, submitit.core.utils.FailedJobError) as error:
        raise UserError(f"--slurm: {error}") from None
    console.print(
        f"{counted(len(ids), 'job')}: {', '.join(ids)}. Their output is in {folder}; "
        "python -m training status shows how far the studies are",
        markup=False,
        soft_wrap=True,
    )


def without(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return a command line's arguments without these options and their values.

    >>> without(["study", "a", "--workers", "4", "--slurm=time=9", "--seed", "1"], ("--workers", "--slurm"))
    ['study', 'a', '--seed', '1']
    """
    kept, value = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if not value and name not in options:
            kept.append(argument)
        value = not value and name in options and not equals
    return kept


class Job:
    """A job: it runs the command, and at its time limit ends it cleanly and is queued again."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = tuple(arguments)

    def __call__(self) -> None:
        """Run the command in a process of its own; StudyFailed where it fails."""
        command = [sys.executable, "-m", "training", *self.arguments]
        # Slurm tells every process of a job that its time is nearly up, and this one sees to it
        self._process = subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGUSR2, signal.SIG_IGN))
        self._wait()
        if code := self._process.wait():
            raise StudyFailed(f"the command ended with exit code {code}; what it said stands above")

    def checkpoint(self) -> Any:
        """Stop the command, whose trial another worker runs again, and return what the job goes on with."""
        import submitit

        self._process.send_signal(signal.SIGTERM)
        self._wait()
        return submitit.helpers.DelayedSubmission(Job(self.arguments))

    def _wait(self) -> None:
        """Wait for the process and leave it to be asked: `checkpoint` is called while `__call__` waits as well."""
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
