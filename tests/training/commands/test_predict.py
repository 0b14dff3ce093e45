"""``predict`` for recordings: what is told about rows that are not as the run's were."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from affect.record import Artifact
from search_spaces.fusion import bayesian_ridge as space
from tests import small_data
from training import input_ranges
from training.commands import _model, predict
from training.contract import UserError
from training.datasets import synthetic_embeddings
from training.methods.fusion import bayesian_ridge

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {"modality": "both", "window_s": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The synthetic recordings' first two as files, with the audio of 2 s."""
    data = synthetic_embeddings.generate()
    mine = np.isin(data.sequence, np.unique(data.sequence)[:2])
    video, sound = data.blocks["video"], data.blocks["audio_2s"]
    names = pd.Series(data.sequence[mine]).str.replace(" ", "_")
    frames = pd.DataFrame(video.values[mine], columns=video.columns)
    frames.insert(0, "path", names + "/" + pd.Series(np.arange(mine.sum())).astype(str) + ".png")
    frames.insert(1, "timestamp", data.time[mine])
    frames.to_csv(tmp_path / "frames.csv", index=False)
    heard = np.isin(sound.stream.sequence, data.sequence[mine])
    audio = pd.DataFrame(sound.values[heard], columns=sound.columns)
    audio.insert(0, "filename", pd.Series(sound.stream.sequence[heard]).str.replace(" ", "_") + ".wav")
    audio.insert(1, "start", sound.stream.start[heard])
    audio.insert(2, "end", sound.stream.end[heard])
    audio.to_csv(tmp_path / "audio_2s.csv", index=False)
    return tmp_path


@pytest.fixture
def write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], pd.DataFrame]:
    """Predict for the folder with a model that was fitted on the synthetic world; return what was written."""
    split = small_data.split(bayesian_ridge.METHOD, SETTINGS)
    outcome = bayesian_ridge.fit(space.DEFAULTS, split, small_data.lent("fusion/bayesian_ridge", SETTINGS))
    tags = {
        "reader": "embeddings",
        "method": "fusion/bayesian_ridge",
        "settings": json.dumps(SETTINGS),
        "targets": json.dumps(["valence", "arousal"]),
    }
    monkeypatch.setattr(_model, "load", lambda *_: (SimpleNamespace(id="1", tags=tags), outcome.model))
    artifacts = folder / "run"
    (artifacts / Artifact.MODEL).mkdir(parents=True)
    input_ranges.write(artifacts / Artifact.MODEL, split)

    def write() -> pd.DataFrame:
        out = folder / "predicted.csv"
        predict.write(SimpleNamespace(artifacts=lambda run: artifacts), "a run", folder, out, "cpu")
        return pd.read_csv(out)

    return write


def test_each_frame_is_predicted_in_its_order(folder, write):
    made, frames = write(), pd.read_csv(folder / "frames.csv")
    assert made["path"].tolist() == frames["path"].tolist()
    np.testing.assert_allclose(made["timestamp"], frames["timestamp"])
    assert made[["pred_valence", "pred_arousal"]].abs().max().max() <= 1
    assert made["pred_arousal"].std() > 0.02


def test_what_the_reader_left_out_is_told(write, capsys):
    write()
    told = capsys.readouterr().err
    assert "audio_2s: 20 of " in told
    assert "sound_" not in told, "these rows are like those of the fit"


def test_audio_in_another_unit_is_told(folder, write, capsys):
    audio = pd.read_csv(folder / "audio_2s.csv")
    audio[audio.columns[3:]] *= 100
    audio.to_csv(folder / "audio_2s.csv", index=False)
    write()
    assert "sound_0" in capsys.readouterr().err


def test_another_window_length_is_named(folder, write):
    (folder / "audio_2s.csv").rename(folder / "audio_4s.csv")
    with pytest.raises(UserError, match=r"there is no block 'audio'; there are video, audio_4s"):
        write()


def test_columns_in_another_order_are_found(folder, write):
    audio = pd.read_csv(folder / "audio_2s.csv")
    swapped = [*audio.columns[:3], "sound_1", "sound_0", *audio.columns[5:]]
    audio[swapped].to_csv(folder / "audio_2s.csv", index=False)
    with pytest.raises(UserError, match=r"in the same order; column 1 is 'sound_1', expected 'sound_0'"):
        write()


def test_fewer_columns_are_found(folder, write):
    frames = pd.read_csv(folder / "frames.csv").drop(columns="emb_15")
    frames.to_csv(folder / "frames.csv", index=False)
    with pytest.raises(UserError, match="fitted on 16 columns of video, found 15"):
        write()
