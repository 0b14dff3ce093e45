"""Finding the face in images: the near end of the pipe to `worker`, which runs MediaPipe's FaceMesh."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.contract import UserError
from training.facemesh import environment

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray
    from rich.console import Console

    Pixels = NDArray[np.uint8]

WORKER = Path(__file__).with_name("worker.py")
_LAST_LINES = 3


def command(console: Console) -> list[str]:
    """Return the command of the worker; its environment is made where it is not there yet.

    The worker is isolated (-I): a PYTHONPATH that is set for other programs would bring it their NumPy.
    """
    return [str(environment.python(console)), "-I", str(WORKER)]


class Tracker:
    """A running worker. Use it as a context manager.

    Parameters
    ----------
    console : shows that the environment is made, the first time.
    video : whether images follow one another, so that the face is looked for near where it was.
    """

    def __init__(self, console: Console, *, video: bool = False) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (close() closes it)
        self._worker = subprocess.Popen(
            [*command(console), *(["--video"] if video else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for this program, which then closes the pipe
        )
        self._answer()

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def landmarks(self, image: Pixels) -> NDArray[np.float32] | None:
        """Return the landmarks (468, 3) of the face in `image` (h, w, 3) RGB, in pixels; None where there is none.

        x points to the image's right, y down, z away. Raises UserError where the worker has died.
        """
        height, width, _ = image.shape
        assert self._worker.stdin is not None
        try:
            self._worker.stdin.write(json.dumps({"width": width, "height": height}).encode() + b"\n")
            self._worker.stdin.write(np.ascontiguousarray(image).tobytes())
            self._worker.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        points = self._answer()["landmarks"]
        return None if points is None else np.array(points, np.float32)

    def close(self) -> None:
        """End the worker."""
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        try:
            self._worker.stdin.close()
            self._worker.wait(timeout=10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._worker.kill()
            self._worker.wait()
        self._worker.stdout.close()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._worker.stdout is not None
        line = self._worker.stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> UserError:
        code = self._worker.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.close()
        return UserError(f"FaceMesh ended with code {code}: {' / '.join(lines[-_LAST_LINES:]) or 'without a message'}")
