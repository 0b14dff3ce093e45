"""Faces are followed, kept apart, and never made up."""

from __future__ import annotations

import numpy as np

from tests.training.video import films
from training.video import tracking
from training.video.tracking import Track


def follow(places: list[list[tuple[int, int]]]) -> list[Track]:
    follower = tracking.Follower(films.Squares())  # type: ignore[arg-type]
    for squares in places:
        follower.see(films.frame(squares)[..., 0])
    return follower.tracks


def test_a_moving_face_is_one_track_and_a_frame_without_it_has_none() -> None:
    places = [[(10 + k, 20)] for k in range(30)]
    places[12] = []
    (track,) = follow(places)
    assert track.frames == [k for k in range(30) if k != 12]
    assert track.boxes[5] == (15.0, 20.0, 39.0, 44.0)


def test_two_faces_side_by_side_are_left_and_right_for_the_whole_video() -> None:
    places = [[(20 + k // 4, 20), (110 - k // 4, 30)] for k in range(40)]
    found, short = tracking.faces(follow(places), shortest=10)
    assert [face.name for face in found] == ["left", "right"]
    assert [len(face.frames) for face in found] == [40, 40]
    assert short == []


def test_a_face_that_comes_back_is_the_same_person_and_the_gap_stays() -> None:
    places = [[(20, 20)]] * 20 + [[]] * 15 + [[(100, 40)]] * 20
    (face,), _ = tracking.faces(follow(places), shortest=10)
    assert face.name == ""
    assert face.frames.tolist() == [*range(20), *range(35, 55)]


def test_of_two_the_one_that_comes_back_is_told_by_its_place() -> None:
    both, left = [(20, 20), (110, 20)], [(20, 20)]
    places = [both] * 20 + [left] * 10 + [both] * 20
    found, _ = tracking.faces(follow(places), shortest=10)
    assert [len(face.frames) for face in found] == [50, 40]
    assert found[1].boxes[:, 0].min() > 100


def test_a_short_finding_elsewhere_is_a_mistake_and_one_at_the_face_s_place_is_not() -> None:
    places = [[(20, 20)]] * 30 + [[]] * 5 + [[(21, 20)]] * 4 + [[]] * 5 + [[(120, 60)]] * 4
    (face,), short = tracking.faces(follow(places), shortest=10)
    assert face.frames.tolist() == [*range(30), *range(35, 39)]
    assert [track.frames for track in short] == [[44, 45, 46, 47]]


def test_three_faces_have_three_names() -> None:
    found, _ = tracking.faces(follow([[(5, 20), (60, 20), (120, 20)]] * 12), shortest=10)
    assert [face.name for face in found] == ["left", "face3", "right"]


def test_boxes_are_medians_of_their_neighbours() -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0)] * 7
    boxes[3] = (5.0, 5.0, 30.0, 30.0)
    track = Track([*range(7)], boxes)
    assert np.array_equal(track.smoothed(), np.array([(0.0, 0.0, 10.0, 10.0)] * 7))
