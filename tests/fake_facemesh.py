"""Fixtures for what finds faces: a program in the place of FaceMesh, images, a film and CK+'s tree."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from training.facemesh import tracker


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def fake_facemesh(monkeypatch) -> None:
    """Let FaceMesh be a program that needs no MediaPipe."""
    worker = str(Path(__file__).parent / "training" / "facemesh" / "fake_worker.py")
    monkeypatch.setattr(tracker, "command", lambda console: [sys.executable, worker])


@pytest.fixture(scope="session")
def draw_image():
    """Return a function that writes an image of one grey; 0 has no face."""

    def draw(file: Path, grey: int = 200, width: int = 40, height: int = 30) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((height, width, 3), grey, np.uint8))

    return draw


@pytest.fixture
def film(tmp_path) -> Path:
    """A video of six frames; the third is dark."""
    file = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for i in range(6):
        writer.write(np.full((48, 64, 3), 0 if i == 2 else 200, np.uint8))
    writer.release()
    return file


@pytest.fixture
def tree(tmp_path, draw_image) -> Path:
    """CK+'s tree: S005/001 (ten frames, disgust), S010/002 (four, happy, the last dark), S010/003 (no label)."""
    root = tmp_path / "ck+"
    for person, take, frames in (("S005", "001", 10), ("S010", "002", 4), ("S010", "003", 5)):
        for i in range(1, frames + 1):
            dark = (person, take, i) == ("S010", "002", 4)
            draw_image(root / f"cohn-kanade-images/{person}/{take}/{person}_{take}_{i:08d}.png", 0 if dark else 200)
    for person, take, code in (("S005", "001", 3), ("S010", "002", 5)):
        folder = root / f"Emotion/{person}/{take}"
        folder.mkdir(parents=True)
        (folder / f"{person}_{take}_00000010_emotion.txt").write_text(f"   {code}.0000000e+00\n", "utf-8")
    (root / "cohn-kanade-images/S005/001/._S005_001_00000010.png").write_bytes(b"a Mac's shadow")
    return root
