from __future__ import annotations

import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

from training.commands import _model
from training.commands import preview as command
from training.contract import UserError
from training.facemesh import images, preview
from training.facemesh.stream import Stream

CLASSES = ("happy", "sadness")
CAPTION = "learnt from SYNTHETIC data"
FACE = np.column_stack([np.linspace(30, 60, 468), np.linspace(20, 40, 468), np.zeros(468)]).astype(np.float32)


class Sure:
    """A model that is sure of the first class."""

    def predict(self, inputs):
        assert np.asarray(inputs["landmarks"]).shape == (1, 468, 3)
        return np.array([[0.9, 0.1]])


def test_the_frame_has_a_mesh_on_the_face_and_bars_beside_it():
    pixels = np.full((480, 640, 3), 100, np.uint8)
    frame = preview.draw(pixels, FACE * 8, np.array([0.9, 0.1]), CLASSES)
    assert frame.shape == (480, 640 + preview.PANEL, 3)
    assert (pixels == 100).all(), "the frame that came in is as it was"
    changed = (frame[:, :640] != 100).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert 150 < rows.min() < rows.max() < 330
    assert 230 < columns.min() < columns.max() < 490
    orange = (frame[:, 640:] == (240, 160, 70)).all(axis=2).sum(axis=1).max()
    assert orange == pytest.approx(0.9 * (preview.PANEL - 32), abs=3), "the bar is as long as the probability"


def test_small_frames_are_drawn_larger_and_a_missing_face_is_said():
    frame = preview.draw(np.full((48, 48, 3), 100, np.uint8), None, None, CLASSES)
    assert frame.shape == (480, 480 + preview.PANEL, 3)
    assert (frame[:, :480] == 100).all()
    words = frame[:, 480:].max(axis=(1, 2)) > 100
    assert words[:60].any()
    assert not words[60:].any()
    assert (preview.draw(np.full((48, 48, 3), 100, np.uint8), None, None, CLASSES, CAPTION)[440:] != frame[440:]).any()


@pytest.mark.usefixtures("fake_facemesh")
def test_a_video_is_written_with_a_frame_for_each(film, tmp_path, console):
    out = tmp_path / "out.mp4"
    assert preview.preview(Sure(), CLASSES, CAPTION, film, out, 0, console) == 6
    frames = list(images.Film(out))
    assert len(frames) == 6
    assert frames[0].shape == (480, 640 + preview.PANEL, 3)
    with pytest.raises(UserError, match="is there already"):
        preview.preview(Sure(), CLASSES, CAPTION, film, out, 0, console)
    with pytest.raises(UserError, match="there is no folder"):
        preview.preview(Sure(), CLASSES, CAPTION, film, tmp_path / "no" / "out.mp4", 0, console)


def test_a_run_of_other_data_is_refused(monkeypatch, film, console):
    class Info:
        id, tags = (
            "0123456789",
            {"inputs": "features", "method": "motion/lma_to_pad", "targets": "[]", "settings": "{}"},
        )

    monkeypatch.setattr(_model, "load", lambda *_: (Info, Sure()))
    with pytest.raises(
        UserError, match="motion/lma_to_pad, whose input is features; expected a run that predicts classes"
    ):
        command.show(None, "run", film, None, 0, "cpu", console)


def test_a_browser_on_this_machine_gets_the_frames():
    frame = np.full((20, 30, 3), 200, np.uint8)
    with Stream(0, rate=1000) as stream:
        page = urllib.request.urlopen(stream.address, timeout=10).read()
        assert b'src="/frames"' in page
        shown = threading.Thread(target=lambda: [stream.show(frame) for _ in range(3)])
        shown.start()
        with urllib.request.urlopen(stream.address + "/frames", timeout=10) as answer:
            assert answer.readline() == b"--frame\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            size = int(answer.readline().split()[1])
            assert answer.readline() == b"\r\n"
            assert answer.read(size)[:2] == b"\xff\xd8"
            shown.join(10)
        with pytest.raises(UserError, match="name another one"):
            Stream(int(stream.address.rpartition(":")[2]), rate=1)


def test_a_page_of_another_name_does_not_reach_the_frames():
    with Stream(0, rate=1) as stream:
        asked = urllib.request.Request(stream.address + "/frames", headers={"Host": "rebound.example:80"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked, timeout=10)
