"""Predict and preview for a video: bright squares as faces, and a model that reads their places' brightness."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from affect.record import Artifact
from tests.training.video import films
from training.commands import _model
from training.commands import predict as predict_command
from training.commands import preview as preview_command
from training.contract import UserError
from training.video import faces, reading

TAGS = {
    "method": "faces/face_vae_continuous",
    "inputs": "images",
    "settings": "{}",
    "targets": '["valence", "arousal"]',
    "synthetic": "true",
    "dataset": "synthetic_frames",
    "reader": "synthetic_frames",
}


class Info:
    id, tags = "0123456789abcdef", TAGS


class Bright:
    """Valence is how bright an image is, and arousal its opposite."""

    def predict(self, inputs):
        images = np.asarray(inputs.x)
        assert images.shape[1:] == (3, 64, 64)
        assert images.dtype == np.uint8
        value = images.reshape(len(images), -1).mean(axis=1) / 255
        return np.column_stack([value, -value])


class Store:
    """A store whose only run was trained on 10 frames a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / Artifact.DATA_SUMMARY).write_text(json.dumps({"frames_per_second": 10}), "utf-8")

    def artifacts(self, run: str) -> Path:
        return self.folder


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.setattr(faces, "Detector", films.Squares)
    monkeypatch.setattr(_model, "load", lambda *_: (Info, Bright()))
    return Store(tmp_path)


def film(path: Path, gap: range = range(0)) -> Path:
    """Return a video of 2 s at 20 frames a second with a face, but not in the frames of `gap`."""
    return films.write(path, [films.frame([] if k in gap else [(20, 20)]) for k in range(40)], rate=20)


def test_a_video_is_predicted_at_the_rate_of_the_run_and_frames_without_a_face_are_empty(store, tmp_path, capsys):
    out = tmp_path / "out.csv"
    predict_command.write(store, "run", film(tmp_path / "clip.mp4", range(20, 30)), out, "cpu")
    rows = pd.read_csv(out)
    assert list(rows) == ["recording", "face", "frame", "time", "pred_valence", "pred_arousal"]
    assert rows["frame"].tolist() == list(range(1, 21))
    assert rows["time"].tolist() == pytest.approx(np.arange(20) / 10)
    without = rows["face"].isna()
    assert rows.loc[without, "time"].tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4])
    assert rows.loc[without, "pred_valence"].isna().all()
    assert rows.loc[~without, "pred_valence"].between(0.7, 0.95).all()
    assert "clip.mp4: 5 of 20 frames have no face" in capsys.readouterr().err


def test_a_video_without_any_face_and_what_is_no_video_are_refused(store, tmp_path):
    with pytest.raises(UserError, match="no face in any of its 40 frames"):
        predict_command.write(store, "run", film(tmp_path / "none.mp4", range(40)), None, "cpu")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="expected a video that can be decoded"):
        predict_command.write(store, "run", tmp_path / "text.mp4", None, "cpu")


def test_a_preview_has_the_frames_size_and_times_of_the_video(store, tmp_path):
    source, out = film(tmp_path / "clip.mp4", range(20, 30)), tmp_path / "drawn.mp4"
    preview_command.show(store, "run", source, out, 0, "cpu", Console(quiet=True))
    own, drawn = (list(reading.open_video(path).frames()) for path in (source, out))
    assert [time for time, _ in drawn] == pytest.approx([time for time, _ in own], abs=0.001)
    assert drawn[0][1].shape == own[0][1].shape
    # where there is no face, that is written at the top left
    words = [float(pixels[:24, :80].max()) for _, pixels in drawn]
    assert min(words[21:29]) > 180


def test_a_camera_or_no_file_to_write_is_refused(store, tmp_path):
    for source, out in ((0, tmp_path / "out.mp4"), (film(tmp_path / "clip.mp4"), None)):
        with pytest.raises(UserError, match="name --video FILE and --out"):
            preview_command.show(store, "run", source, out, 0, "cpu", Console(quiet=True))
    with pytest.raises(UserError, match=r"ends in \.mp4"):
        preview_command.show(
            store, "run", film(tmp_path / "two.mp4"), tmp_path / "out.avi", 0, "cpu", Console(quiet=True)
        )
