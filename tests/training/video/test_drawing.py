from __future__ import annotations

import numpy as np
import pytest

from training.video import drawing
from training.video.drawing import Course

BLACK = np.zeros((360, 640, 3), np.uint8)
BOX = (200.0, 60.0, 320.0, 180.0)


def course(*va: tuple[float, float], step: float = 0.2) -> Course:
    return Course(np.arange(len(va)) * step, np.array(va, float))


def test_a_value_holds_until_the_next_and_not_where_there_was_no_face():
    of = Course(np.array([0.0, 0.2, 2.0]), np.array([[0.1, 0], [0.2, 0], [0.3, 0]]))
    assert of.at(0.1, 0.2)[0] == 0.1
    assert of.at(0.2, 0.2)[0] == 0.2
    assert of.at(0.45, 0.2)[0] == 0.2
    assert of.at(1.0, 0.2) is None
    assert of.at(-1.0, 0.2) is None


def test_the_frame_keeps_its_size_and_is_not_changed_itself():
    frame = drawing.draw(BLACK, 0.2, 1.0, 0.2, {0: BOX}, [course((0, 0), (0.5, 0.5))])
    assert frame.shape == BLACK.shape
    assert not BLACK.any()
    assert frame[60, 250].tolist() == list(drawing.FACES[0])


def test_a_frame_without_a_face_says_so_where_one_with_a_face_says_nothing():
    corner = np.s_[:60, :160]
    assert drawing.draw(BLACK, 0, 1, 0.2, {}, [])[corner].any()
    assert not drawing.draw(BLACK, 0, 1, 0.2, {0: BOX}, [course((0, 0))])[corner].any()


def place_of_dot(valence: float, arousal: float) -> tuple[float, float]:
    frame = drawing.draw(BLACK, 0, 1, 0.2, {0: BOX}, [course((valence, arousal))])
    part = frame[:140, 480:]
    y, x = np.nonzero((part == drawing.FACES[0]).all(axis=2))
    return float(x.mean()), float(y.mean())


def test_the_dot_is_to_the_right_for_high_valence_and_above_for_high_arousal():
    x, y = place_of_dot(0, 0)
    assert place_of_dot(0.8, 0)[0] > x + 20
    assert place_of_dot(0, 0.8)[1] < y - 20
    assert place_of_dot(5, 0) == pytest.approx(place_of_dot(1, 0), abs=0.5)  # what lies beyond stands at the edge


def test_the_trace_breaks_where_there_was_no_face():
    values = np.zeros((2, 2))
    near = drawing.draw(BLACK, 1, 1, 0.2, {}, [Course(np.array([0.2, 0.4]), values + 0.5)])
    far = drawing.draw(BLACK, 1, 1, 0.2, {}, [Course(np.array([0.2, 0.8]), values + 0.5)])
    coloured = [int((frame[230:, :, 2].astype(int) - frame[230:, :, 0] > 60).sum()) for frame in (near, far)]
    assert coloured[0] > 50
    assert coloured[1] < coloured[0] / 5


def test_a_long_trace_is_drawn_about_now():
    assert drawing.span(3, 20) == (0, 20)
    assert drawing.span(0, 100) == (0, 20)
    first, last = drawing.span(50, 100)
    assert (last - first, last) == (20, 52)
    assert drawing.span(100, 100) == (80, 100)


def test_small_frames_can_be_drawn_on():
    small = np.zeros((144, 176, 3), np.uint8)
    assert drawing.draw(small, 0, 1, 0.2, {0: (20, 20, 80, 80)}, [course((1, -1))], "learnt").any()
