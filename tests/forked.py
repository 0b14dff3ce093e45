"""A process that has imported the bench and forks for each command: a worker starts in no time, and dies on demand.

Run as a program it reads commands from its input, a line of JSON each, and answers each with a line when it ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any


def die_before(kind: str, number: int, tally: str) -> None:
    """Kill this process before its `number`-th commit or rename (`kind`); 0: only count them, into the file `tally`."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen = {"commit": count(1), "rename": count(1)}
    counted = {"commit": 0, "rename": 0}

    def point(of: str) -> None:
        counted[of] = next(seen[of])
        if of == kind and counted[of] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        if tally:
            with open(tally, "w", encoding="utf-8") as file:
                json.dump(counted, file)

    event.listen(Engine, "commit", lambda connection: point("commit"))

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def renamed(*args: Any, **kwargs: Any) -> Any:
            point("rename")
            return function(*args, **kwargs)

        return renamed

    os.replace, os.rename = counting(os.replace), counting(os.rename)  # type: ignore[assignment]


def run(command: dict[str, Any]) -> None:
    """Run the command line in this process, which then ends."""
    for name, value in command.get("env", {}).items():
        os.environ[name] = value
    quiet = os.open(command.get("log") or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if command.get("kind"):
        die_before(command["kind"], command["number"], command.get("tally", ""))
    from training import cli

    sys.argv = ["training", *command["args"]]
    code: int | str | None = 1
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def serve() -> None:
    """Fork for each command; answer with its place, exit code and seconds when it ended."""
    import training.methods.motion.lma_to_pad
    import training.study.study
    import training.tracking.store  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        commands = json.loads(line)
        children = []
        for command in commands:
            child = os.fork()
            if not child:
                run(command)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    serve()
