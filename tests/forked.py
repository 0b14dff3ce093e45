"""Workers that start in no time: forked from a process that has imported the bench, and killed at a point on demand.

Run as a program it is that process: it reads a request from each line of its input, JSON, and answers with a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, Self

ROOT = Path(__file__).resolve().parents[1]
POINTS = ("commit", "rename")


class Worker:
    """A command line of the bench in a process of its own; what tests use of `subprocess.Popen`."""

    def __init__(self, forge: Forge, pid: int) -> None:
        self._forge, self.pid = forge, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._forge.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        """Wait for its end and return the exit code."""
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


class Forge:
    """Starts workers."""

    def __init__(self) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.forked"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "ready"

    def start(
        self, args: Sequence[str], env: Mapping[str, str] | None = None, log: str | Path = os.devnull, **more: Any
    ) -> Worker:
        """Start the command line `args` with these variables; what it prints goes to the file `log`.

        More: `errors`, a file of its own for what goes to the standard error; `kind` and `number` of the point before
        which it kills itself; `tally`, a file that counts its points; and `slow`, (fits, seconds): every fit after so
        many takes so much longer.
        """
        return Worker(self, self.ask(start={"args": list(args), "env": dict(env or {}), "log": str(log), **more}))

    def ask(self, **request: Any) -> Any:
        """Send a request and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


# --------------------------------------------------------------------------------------- in the process that forks


def _serve() -> None:
    import training.methods.motion.lma_to_pad
    import training.study.study
    import training.tracking.store  # noqa: F401

    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer: int | None = os.fork()
            if not answer:
                _run(**request["start"])
        else:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        print(json.dumps(answer), flush=True)


def _run(
    args: Sequence[str],
    env: Mapping[str, str],
    log: str,
    errors: str = "",
    kind: str = "",
    number: int = 0,
    tally: str = "",
    slow: tuple[int, float] | None = None,
) -> NoReturn:
    """Run a command line in this process, which then ends."""
    os.environ.update(env)
    time.tzset()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for place, file in ((1, log), (2, errors or log)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), place)
    if kind or tally:
        _die_before(kind, number, tally)
    if slow:
        _slow_down(*slow)
    from training import cli

    sys.argv = ["training", *args]
    code: Any = 1
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_before(kind: str, number: int, tally: str) -> None:
    """Kill this process before its `number`-th commit or rename, and count them into the file `tally`."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen = dict.fromkeys(POINTS, 0)

    def point(of: str) -> None:
        seen[of] += 1
        if (of, seen[of]) == (kind, number):
            os.kill(os.getpid(), signal.SIGKILL)
        if tally:
            Path(tally).write_text(json.dumps(seen), encoding="utf-8")

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def renamed(*args: Any, **kwargs: Any) -> Any:
            point("rename")
            return function(*args, **kwargs)

        return renamed

    event.listen(Engine, "commit", lambda connection: point("commit"))
    os.replace, os.rename = counting(os.replace), counting(os.rename)  # type: ignore[assignment]


def _slow_down(quick: int, seconds: float) -> None:
    """Let every fit of trees take longer, but for the first `quick`: so that a worker can be stopped in one."""
    from training.models import trees

    fit, fits = trees.fit, count()

    def slowed(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds * (next(fits) >= quick))
        return fit(*args, **kwargs)

    trees.fit = slowed


if __name__ == "__main__":
    _serve()
