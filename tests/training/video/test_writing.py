from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from training.contract import UserError
from training.video import reading
from training.video.writing import VideoFile


def grey(value: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def with_sound(out: Path, seconds: float = 1.0) -> Path:
    with av.open(str(out), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(round(25 * seconds)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey(90))))
        container.mux(video.encode())
        wave = (8000 * np.sin(np.arange(round(16_000 * seconds)) / 5)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], "s16", "mono")
        frame.rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return out


def test_frames_come_back_at_their_times_with_their_size_and_colour(tmp_path):
    times = [0.0, 0.04, 0.12, 0.5]
    with VideoFile(tmp_path / "out.mp4", 25) as video:
        for place, time in enumerate(times):
            video.show(grey(50 * (place + 1)), time)
    back = list(reading.open_video(tmp_path / "out.mp4").frames())
    assert [time for time, _ in back] == pytest.approx(times, abs=0.001)
    assert [pixels.shape for _, pixels in back] == [(48, 64, 3)] * 4
    assert [float(pixels.mean()) for _, pixels in back] == pytest.approx([50, 100, 150, 200], abs=3)


def test_without_times_frames_follow_at_the_rate(tmp_path):
    with VideoFile(tmp_path / "out.mp4", 10) as video:
        for _ in range(3):
            video.show(grey(9))
    assert [t for t, _ in reading.open_video(tmp_path / "out.mp4").frames()] == pytest.approx([0, 0.1, 0.2], abs=0.001)


def test_an_odd_side_has_its_last_pixel_twice(tmp_path):
    with VideoFile(tmp_path / "out.mp4", 10) as video:
        video.show(grey(9, 33, 21))
    ((_, pixels),) = reading.open_video(tmp_path / "out.mp4").frames()
    assert pixels.shape == (22, 34, 3)


def test_the_sound_of_another_video_is_written_along(tmp_path):
    source = with_sound(tmp_path / "source.mp4")
    with VideoFile(tmp_path / "out.mp4", 25, source) as video:
        for place in range(25):
            video.show(grey(place), place / 25)
    assert video.silent == ""
    with av.open(str(tmp_path / "out.mp4")) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    assert len(sound) / rate == pytest.approx(1.0, abs=0.15)
    assert np.abs(sound).max() > 0.1


def test_a_video_that_was_not_written_to_its_end_leaves_no_file(tmp_path):
    def stopped() -> None:
        with VideoFile(tmp_path / "out.mp4", 25) as video:
            video.show(grey(9))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped()
    with pytest.raises(UserError, match="there was no frame"), VideoFile(tmp_path / "out.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_and_a_folder_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"ends in \.mp4"):
        VideoFile(tmp_path / "out.avi", 25)
    with pytest.raises(UserError, match="there is no folder"), VideoFile(tmp_path / "no" / "out.mp4", 25):
        pass
