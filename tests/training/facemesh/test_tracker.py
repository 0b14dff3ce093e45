from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from training.contract import UserError
from training.facemesh import environment, tracker
from training.facemesh.tracker import Tracker


@pytest.mark.usefixtures("fake_facemesh")
def test_a_image_has_landmarks_or_no_face(console):
    with Tracker(console) as faces:
        found = faces.landmarks(np.full((30, 40, 3), 200, np.uint8))
        assert found.shape == (468, 3)
        assert found.dtype == np.float32
        assert 0 < found[:, 0].min() < found[:, 0].max() < 40
        assert faces.landmarks(np.zeros((30, 40, 3), np.uint8)) is None
        # a view whose rows do not follow one another in memory
        assert faces.landmarks(np.full((30, 80, 3), 200, np.uint8)[:, ::2, ::-1]).shape == (468, 3)


@pytest.mark.usefixtures("fake_facemesh")
def test_a_dead_worker_tells_its_last_words(console):
    with Tracker(console) as faces, pytest.raises(UserError, match=r"ended with code 1: .* / the model fell over"):
        faces.landmarks(np.full((13, 13, 3), 200, np.uint8))


def test_a_worker_that_cannot_start_tells_why(console, monkeypatch):
    failing = [sys.executable, "-c", "raise ImportError('no mediapipe')"]
    monkeypatch.setattr(tracker, "command", lambda console: failing)
    with pytest.raises(UserError, match=r"FaceMesh ended with code 1: .*ImportError: no mediapipe"):
        Tracker(console)


def test_modules_that_other_programs_are_to_find_do_not_reach_the_worker(console, tmp_path, monkeypatch):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "json.py").write_text("raise ImportError('another json')", "utf-8")
    worker = tmp_path / "worker.py"
    worker.write_text("import json, sys; print(json.dumps({'ready': True}), flush=True); sys.stdin.read()", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"))
    monkeypatch.setattr(environment, "python", lambda console: Path(sys.executable))
    monkeypatch.setattr(tracker, "WORKER", worker)
    with Tracker(console):
        pass  # it said that it is ready
