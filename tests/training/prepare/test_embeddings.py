"""Sound of any rate and number of channels, frames by their time stamps, and what the reader makes of the files."""

from __future__ import annotations

import csv
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from training import cli
from training.contract import UserError
from training.datasets import embeddings as reader
from training.prepare import embeddings, sound


def tone(file: Path, seconds: float = 2.5, rate: int = 44_100, channels: tuple[float, ...] = (0.5,)) -> Path:
    """Write a wav of 440 Hz, one amplitude for each channel."""
    t = np.arange(round(seconds * rate)) / rate
    values = np.stack([amplitude * np.sin(2 * np.pi * 440 * t) for amplitude in channels], axis=1)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((values * 32_767).astype("<i2").tobytes())
    return file


def film(file: Path, seconds: int = 2, rate: int = 10, *, loud: bool = True) -> Path:
    """Write a video that grows brighter, with a tone."""
    av = pytest.importorskip("av")
    with av.open(str(file), "w") as container:
        pictures = container.add_stream("mpeg4", rate=rate)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        noise = container.add_stream("pcm_s16le", rate=8000, layout="mono") if loud else None
        for i in range(seconds * rate):
            image = np.full((64, 64, 3), 20 + 10 * i, np.uint8)
            for packet in pictures.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in pictures.encode(None):
            container.mux(packet)
        if noise is not None:
            t = np.arange(seconds * 8000) / 8000
            samples = (np.sin(2 * np.pi * 440 * t) * 16_000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            for packet in [*noise.encode(frame), *noise.encode(None)]:
                container.mux(packet)
    return file


@pytest.fixture
def loudness(monkeypatch) -> None:
    """Measure loudness and zero crossings without any package."""

    def of(window: np.ndarray) -> np.ndarray:
        return np.array([np.sqrt(np.mean(window**2)), np.mean(np.diff(np.sign(window)) != 0)])

    monkeypatch.setattr(sound, "measure", lambda name: sound.Measure(("loudness", "crossings"), of))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_sound_of_any_rate_is_the_same_tone(tmp_path, rate):
    decoded = sound.decode(tone(tmp_path / "a.wav", 1.0, rate))
    assert len(decoded) == pytest.approx(sound.RATE, abs=2)
    inner = decoded[1000:15_000]
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert np.argmax(np.abs(np.fft.rfft(inner, sound.RATE))) == 440


def test_channels_are_averaged(tmp_path):
    decoded = sound.decode(tone(tmp_path / "a.wav", 1.0, channels=(0.5, 0.1)))
    assert np.abs(decoded[1000:15_000]).max() == pytest.approx(0.3, rel=0.01)


def test_windows_are_whole_and_do_not_overlap(tmp_path, loudness):
    done = embeddings.run([tone(tmp_path / "a.wav")], tmp_path / "out", measure="librosa", lengths=(1, 2, 3))
    one = rows(tmp_path / "out/audio_1s.csv")
    assert [(row["filename"], row["start"], row["end"]) for row in one] == [("a.wav", "0", "1"), ("a.wav", "1", "2")]
    assert float(one[0]["loudness"]) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert len(rows(tmp_path / "out/audio_2s.csv")) == 1
    assert not (tmp_path / "out/audio_3s.csv").exists()
    assert done.sentences() == ("left out, recordings shorter than a window: 1 (a.wav (3 s))",)


def test_what_cannot_be_measured_is_named(tmp_path, loudness):
    folder = tmp_path / "in"
    folder.mkdir()
    tone(folder / "good.wav")
    (folder / "broken.mp3").write_bytes(b"no sound at all" * 50)
    (folder / "notes.txt").write_text("x")
    film(folder / "quiet.avi", loud=False)
    said = " ".join(embeddings.run([folder], tmp_path / "out", measure="librosa", lengths=(1,)).sentences())
    assert "recordings that cannot be read: 1" in said
    assert "broken.mp3" in said
    assert "recordings without sound: 1 (quiet.avi)" in said
    assert "files that are no recording: 1 (notes.txt)" in said


def test_a_videos_own_sound_and_frames_are_read_back_with_labels(tmp_path, loudness):
    class Model:
        def encode(self, inputs):
            return np.stack([view[:][0].reshape(len(view), -1).mean(axis=1) for view in inputs.values()] * 2, axis=1)

    tags = {"method": "frames/cnn_rnn", "reader": "synthetic_frames"}
    settings = '{"cell": "gru", "cnn": "cnn_m", "context_s": 1, "width": 1}'
    info = SimpleNamespace(id="0123456789", tags={**tags, "settings": settings})
    out = tmp_path / "out"
    videos = [film(tmp_path / "a.avi"), film(tmp_path / "b.avi")]
    embeddings.run(videos, out, measure="librosa", video=(info, Model()), lengths=(1,))
    table = rows(out / "frames.csv")
    assert [row["timestamp"] for row in table[:4]] == ["0.000", "0.200", "0.400", "0.600"]
    assert len(table) == 2 * 10, "five frames a second of ten"
    brightness = [float(row["emb_0"]) for row in table[:10]]
    assert brightness == sorted(brightness)
    assert table[3]["path"] == "a/0000003.png"
    (out / "labels.csv").write_text("name,timestamp,valence,arousal\na,0,0.1,0.2\na,1,0.3,0.4\nb,0,0,0\n")
    (out / "embeddings.toml").write_text("[labels]\n[frames]\n[audio]\nfiles = { 1s = 'audio_1s.csv' }\n")
    data = reader.read(out, {})
    assert data.blocks["video"].values.shape == (20, 2)
    assert set(data.blocks) == {"video", "va", "audio_1s"}


def test_an_absent_package_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    ran = CliRunner().invoke(
        cli.app, ["prepare", "embeddings", str(tone(tmp_path / "a.wav")), "--sound", "egemaps", "--out", str(tmp_path)]
    )
    with pytest.raises(UserError, match=r"needs the package opensmile.*pip install -r requirements-sound\.txt"):
        sound.measure("egemaps")
    assert ran.exit_code != 0


@pytest.mark.parametrize("name", ["egemaps", "librosa"])
def test_a_louder_tone_is_measured_as_louder(name):
    pytest.importorskip(sound.PACKAGES[name])
    measured = sound.measure(name)
    t = np.arange(sound.RATE) / sound.RATE
    quiet, loud = (measured.of((a * np.sin(2 * np.pi * 220 * t)).astype(np.float32)) for a in (0.05, 0.5))
    assert len(quiet) == len(measured.columns)
    column = next(i for i, one in enumerate(measured.columns) if one.startswith(("loudness_sma3_amean", "rms_mean")))
    assert loud[column] > 2 * quiet[column]


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        (("a.wav",), {}, "else nothing is measured"),
        (("gone.wav",), {"measure": "librosa"}, "gone.wav does not exist; nearest: 'one.wav'"),
        (("a.txt",), {"measure": "librosa"}, "a.txt: expected a recording"),
        (("a.wav", "sub/a.mp3"), {"measure": "librosa"}, "expected each recording's name once, found 'a' in"),
        (("empty",), {"measure": "librosa"}, "expected recordings"),
        (("a.wav",), {"measure": "librosa", "lengths": (0,)}, "--windows: expected lengths above 0 s, found 0"),
        (
            ("a.wav",),
            {"measure": "librosa", "lengths": (9,)},
            "nothing could be measured; left out, recordings shorter",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(tmp_path, loudness, names, options, expected):
    (tmp_path / "sub").mkdir()
    (tmp_path / "empty").mkdir()
    tone(tmp_path / "a.wav")
    tone(tmp_path / "one.wav")
    (tmp_path / "sub/a.mp3").write_bytes(b"")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError) as caught:
        embeddings.run([tmp_path / name for name in names], tmp_path / "out", **options)
    assert expected in str(caught.value)


def test_an_unknown_measure_names_the_nearest():
    with pytest.raises(UserError, match="unknown measure of sound 'egemap'; did you mean egemaps"):
        sound.measure("egemap")


def test_files_are_never_overwritten(tmp_path, loudness):
    file = tone(tmp_path / "a.wav")
    embeddings.run([file], tmp_path / "out", measure="librosa", lengths=(1,))
    with pytest.raises(UserError, match="the file is there already"):
        embeddings.run([file], tmp_path / "out", measure="librosa", lengths=(1,))
