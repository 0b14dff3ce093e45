"""A video brought to one rate, and what is in its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.video import films
from training.contract import UserError
from training.video import faces


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "Detector", films.Squares)


def test_the_same_rate_keeps_every_frame_whatever_the_stamps_round() -> None:
    time = np.round(np.arange(100) / 30, 3)
    assert faces.resampled(time, 30).tolist() == [*range(100)]


def test_a_higher_rate_repeats_frames_and_a_lower_one_leaves_some_out() -> None:
    assert faces.resampled(np.arange(24) / 24, 30).tolist()[:7] == [0, 1, 2, 2, 3, 4, 5]
    assert len(faces.resampled(np.arange(24) / 24, 30)) == 30
    assert faces.resampled(np.arange(60) / 60, 30).tolist() == [*range(0, 60, 2)]


def test_irregular_frames_are_taken_by_their_time_not_their_place() -> None:
    time = np.array([0.0, 0.5, 0.6, 0.7, 0.8, 0.9])
    rows = faces.resampled(time, 10)
    assert rows.tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 4, 5]


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    seen = faces.look(films.write(tmp_path / "a.mp4", [films.frame([(20, 20)])]), 30, shortest_s=0)
    assert seen.row.tolist() == [0]
    assert [seen.frames_of(face).tolist() for face in seen.faces] == [[1]]


def test_faces_are_cut_at_the_numbers_of_the_new_rate(tmp_path: Path) -> None:
    frames = [films.frame([(20, 20)]) if k not in (4, 5, 6) else films.frame([]) for k in range(20)]
    seen = faces.look(films.write(tmp_path / "a.mp4", frames, rate=15), 30)
    (face,) = seen.faces
    expected = [number for number in range(1, 41) if seen.row[number - 1] not in (4, 5, 6)]
    assert seen.frames_of(face).tolist() == expected
    cut = list(seen.cut(32))
    assert [number for number, _, _ in cut] == expected
    assert {image.shape for _, _, image in cut} == {(32, 32, 3)}
    assert min(image.mean() for _, _, image in cut) > 180  # the square, not what is around it
    assert seen.own_rate == pytest.approx(15, abs=0.1)


def test_every_frame_of_the_new_rate_is_given_once(tmp_path: Path) -> None:
    frames = [films.frame([(4 * k, 20)]) for k in range(12)]
    seen = faces.look(films.write(tmp_path / "a.mp4", frames, rate=12), 30)
    assert [number for number, _ in seen.frames()] == [*range(1, 31)]


@pytest.mark.parametrize("rate", [0.0, -5.0, float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(UserError, match="expected frames a second above 0"):
        faces.look(tmp_path / "a.mp4", rate)
