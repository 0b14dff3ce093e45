from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.video.faces import Seen
from training.video.predicting import Predicted
from training.video.reading import Video
from training.video.tracking import Face


def seen(tmp_path, *faces: Face) -> Seen:
    video = Video(tmp_path / "clip.mp4", 64, 48, 10, 4)
    return Seen(video, np.arange(4) / 10, 10, np.arange(4), [*faces], [])


def face(frames: list[int], name: str = "") -> Face:
    return Face(np.array(frames), np.tile([0.0, 0, 10, 10], (len(frames), 1)), name)


def table(predicted: Predicted) -> pd.DataFrame:
    columns, row = predicted.columns()
    return pd.DataFrame(columns).assign(row=row)


def test_a_frame_without_a_face_is_one_row_and_is_counted(tmp_path):
    of = seen(tmp_path, face([0, 2]))
    found = Predicted(of, np.array([1, 3]), np.zeros(2, int), np.zeros((2, 2)))
    rows = table(found)
    assert rows["frame"].tolist() == [1, 2, 3, 4]
    assert rows["face"].tolist() == ["face", "", "face", ""]
    assert rows["row"].tolist() == [0, -1, 1, -1]
    assert rows["time"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert found.sentences() == ["clip.mp4: 2 of 4 frames have no face"]


def test_two_faces_are_kept_apart_by_name(tmp_path):
    of = seen(tmp_path, face([0, 1], "left"), face([1, 2], "right"))
    found = Predicted(of, np.array([1, 2, 2, 3]), np.array([0, 0, 1, 1]), np.zeros((4, 2)))
    rows = table(found)
    assert rows[["frame", "face"]].to_numpy().tolist() == [
        [1, "left"],
        [2, "left"],
        [2, "right"],
        [3, "right"],
        [4, ""],
    ]
    assert rows["row"].tolist() == [0, 1, 2, 3, -1]
