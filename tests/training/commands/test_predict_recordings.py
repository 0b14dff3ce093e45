"""Predicting with a run that looks back: what was read must have recordings and time."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from tests import small_data
from training import registry
from training.commands import _model, predict
from training.contract import UserError

PARAMS = {**registry.tiny("frames/cnn_rnn")[0], "epochs": 1}


@pytest.fixture
def run(monkeypatch):
    """Make every run one of frames/cnn_rnn, learnt from the data set that is returned to be named."""
    method = registry.method("frames/cnn_rnn")
    settings = small_data.default_settings(method.METHOD)
    split = small_data.split(method.METHOD, test=False)
    job = small_data.job(settings, **small_data.scored(method.METHOD, split))
    model = method.fit(PARAMS, split, job).model
    tags = {"method": "frames/cnn_rnn", "settings": json.dumps(settings), "targets": '["valence", "arousal"]'}
    monkeypatch.setattr(_model, "load", lambda *given: (SimpleNamespace(id="0" * 32, tags=tags), model))
    return tags


def store(folder):
    """Return a store whose run keeps no file that predict looks at beside the model."""
    return SimpleNamespace(artifacts=lambda run: folder)


def images(folder, n):
    folder.mkdir()
    for k in range(n):
        Image.new("RGB", (64, 64), (40 * k, 20, 30)).save(folder / f"{k + 1:07d}.png")
    return folder


def test_a_folder_of_frames_is_a_recording(run, tmp_path):
    run["reader"] = "synthetic_frames"
    out = tmp_path / "out.csv"
    predict.write(store(tmp_path), "run", images(tmp_path / "clip", 3), out, "cpu")
    header, *rows = out.read_text().splitlines()
    assert header == "recording,time,image,face,pred_valence,pred_arousal"
    assert [row.split(",")[:3] for row in rows] == [["clip", f"{k / 5:.1f}", f"{k + 1:07d}.png"] for k in range(3)]


def test_images_without_time_are_refused(run, tmp_path):
    run["reader"] = "synthetic_faces"
    folder = images(tmp_path / "clip", 2)
    with pytest.raises(UserError, match="clip, read as synthetic_faces: the block 'images' is looked back on"):
        predict.write(store(tmp_path), "run", folder, None, "cpu")
