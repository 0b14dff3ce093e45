"""A video is read by its time stamps, whatever its header says and whatever is wrong with it."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.training.video import films
from training.contract import UserError
from training.video import reading


def times(path: Path) -> list[float]:
    return [time for time, _ in reading.open_video(path).frames()]


def test_frames_come_with_their_own_times_and_pixels(tmp_path: Path) -> None:
    stamps = [0.0, 0.1, 0.15, 0.4, 1.0]
    path = films.write(tmp_path / "a.mp4", [films.frame([(10 * k, 20)]) for k in range(5)], stamps)
    video = reading.open_video(path)
    assert (video.width, video.height) == (160, 96)
    found = list(video.frames())
    assert [time for time, _ in found] == pytest.approx(stamps, abs=0.002)
    assert video.decoded == 5
    for k, (_, pixels) in enumerate(found):
        assert pixels.shape == (96, 160, 3)
        assert pixels[32, 10 * k + 12].mean() > 180
        assert pixels[80, 150].mean() < 70


def test_times_begin_where_the_file_begins(tmp_path: Path) -> None:
    path = films.write(tmp_path / "late.mkv", [films.frame([])] * 4, [5.0, 5.1, 5.2, 5.3])
    assert times(path) == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=0.002)


def test_a_header_with_another_count_is_said_and_not_believed(tmp_path: Path) -> None:
    video = reading.open_video(films.write(tmp_path / "a.mp4", [films.frame([])] * 6))
    video.header_frames = 9
    assert len(list(video.frames())) == 6
    assert video.notes == ["the header says 9 frames, 6 were decoded"]


def test_of_a_file_that_ends_early_what_is_there_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 160, 3), np.uint8) for _ in range(40)]
    whole = films.write(tmp_path / "a.mkv", frames)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 0 < len(times(tmp_path / "cut.mkv")) < 40


def test_damaged_packets_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    content = bytearray(
        films.write(tmp_path / "a.mkv", [rng.integers(0, 255, (96, 160, 3), np.uint8)] * 40).read_bytes()
    )
    middle = len(content) // 2
    content[middle : middle + 4000] = rng.bytes(4000)
    (tmp_path / "b.mkv").write_bytes(content)
    video = reading.open_video(tmp_path / "b.mkv")
    assert 0 < len(list(video.frames())) <= 40


def test_a_gif_is_read_as_a_video(tmp_path: Path) -> None:
    from PIL import Image

    images = [Image.fromarray(films.frame([(10 * k, 10)])) for k in range(4)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    assert times(tmp_path / "a.gif") == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=0.011)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "expected a video, found an empty file"),
        ("text.mp4", b"not a video at all\n" * 100, "expected a video that can be decoded, found: Invalid data"),
        ("header.mp4", struct.pack(">I4s", 32, b"ftyp") + b"isom" * 6, "expected a video that can be decoded, found"),
    ],
)
def test_what_is_no_video_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        reading.open_video(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 800)
    with pytest.raises(reading.NoVideo, match="expected a video, found audio alone"):
        reading.open_video(tmp_path / "a.wav")


def test_a_name_that_is_not_there_is_met_with_the_nearest(tmp_path: Path) -> None:
    films.write(tmp_path / "video12.mp4", [films.frame([])] * 2)
    with pytest.raises(UserError, match=r"is no file: expected a video; nearest: 'video12\.mp4'"):
        reading.open_video(tmp_path / "video21.mp4")
