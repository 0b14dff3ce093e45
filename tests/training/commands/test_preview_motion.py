"""A recording of motion capture given to ``predict`` and ``preview``: PAD over time, and a figure that moves."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from tests.training.motion_capture.recordings import write
from training.commands import _model, predict, preview
from training.contract import UserError
from training.datasets import lma


class Reads:
    """Reads PAD from the first three features."""

    def predict(self, inputs):
        return np.tanh(np.asarray(inputs.x)[:, :3])


@pytest.fixture
def run(monkeypatch):
    """Make every run one of motion/lma_to_pad; its tags are returned to be changed."""
    settings = {"features": "all", "contradicting": "left_out"}
    tags = {
        "method": "motion/lma_to_pad",
        "reader": "lma",
        "dataset": "lma",
        "synthetic": "false",
        "inputs": "features",
    }
    tags |= {"settings": json.dumps(settings), "targets": '["pleasure", "arousal", "dominance"]'}
    monkeypatch.setattr(_model, "load", lambda *given: (SimpleNamespace(id="0" * 32, tags=tags), Reads()))
    return tags


@pytest.mark.parametrize(("features", "rows"), [("all", 3), ("no_acceleration", 3), ("plain", 2)])
def test_windows_of_a_recording_are_predicted_over_time(run, tmp_path, features, rows):
    run["settings"] = json.dumps({"features": features, "contradicting": "left_out"})
    out = tmp_path / "pad.csv"
    predict.write(SimpleNamespace(artifacts=lambda run: tmp_path), "run", write(tmp_path), out, "cpu")
    table = pd.read_csv(out)
    assert list(table.columns) == ["clip", "window", "time", "pred_pleasure", "pred_arousal", "pred_dominance"]
    assert table["clip"].tolist() == ["walk"] * rows
    assert table["time"].is_monotonic_increasing
    made = lma.read_inputs(tmp_path / "walk.bvh", ("features",), {"features": features})
    assert made.blocks["features"].columns == lma.columns(features)
    np.testing.assert_allclose(table["pred_pleasure"], np.tanh(made.blocks["features"].values[:, 0]), atol=1e-6)


@pytest.mark.parametrize(
    ("features", "blocks", "message"),
    [
        ("with_jerk", ("features",), "jerk is not computed"),
        ("all", ("pad",), "expected a run whose method takes features"),
    ],
)
def test_what_a_recording_does_not_give_is_refused(tmp_path, features, blocks, message):
    with pytest.raises(UserError, match=message):
        lma.read_inputs(write(tmp_path), blocks, {"features": features})


def test_a_damaged_recording_is_refused_with_its_line(tmp_path):
    file = write(tmp_path)
    file.write_text(file.read_text().replace("Frames: 300", "Frames: 301"))
    with pytest.raises(UserError, match=r"walk\.bvh, line \d+: expected 301 frames"):
        lma.read_inputs(file, ("features",), {"features": "all"})


@pytest.mark.parametrize("ending", [".mp4", ".html"])
def test_a_moving_figure_is_written(run, tmp_path, ending):
    out = tmp_path / f"walk{ending}"
    preview.moving(None, "run", write(tmp_path, "a_walk.bvh"), out, "cpu", Console(quiet=True))
    if ending == ".html":
        text = out.read_text("utf-8")
        assert "a_walk.bvh, learnt from lma" in text
        assert 'src="http' not in text, "it opens without a network"
        return
    import cv2

    film = cv2.VideoCapture(str(out))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 63
    ok, frame = film.read()
    assert ok
    assert frame.shape == (720, 1280, 3)
    assert (frame.max(axis=2) > 100).sum() > 5_000, "there is a figure on it"


def test_a_run_of_something_else_is_refused(run, tmp_path):
    run |= {"method": "motion/pad_to_lma", "inputs": "pad", "settings": '{"features": "all"}'}
    with pytest.raises(UserError, match=r"expected a run that predicts pleasure, arousal and dominance"):
        preview.moving(None, "run", write(tmp_path), tmp_path / "x.mp4", "cpu", Console(quiet=True))


def test_another_ending_is_refused_and_what_is_there_stays(run, tmp_path):
    file = write(tmp_path)
    with pytest.raises(UserError, match=r"expected a name that ends in \.mp4 or \.html"):
        preview.moving(None, "run", file, tmp_path / "x.gif", "cpu", Console(quiet=True))
    there = tmp_path / "x.mp4"
    there.write_text("mine")
    with pytest.raises(UserError, match="the file is there already"):
        preview.moving(None, "run", file, there, "cpu", Console(quiet=True))
    assert there.read_text() == "mine"
