"""AFEW-VA: labels in tenths, faces cut by landmarks, clips never parted; label files without images say so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search_spaces.faces import face_vae_continuous as spaces
from tests import face_trees, small_data
from training import protocols, registry
from training.contract import UserError
from training.datasets import _faces, _images, afew_va
from training.methods.faces import face_vae_continuous
from training.methods.frames import cnn_rnn


@pytest.fixture
def folder(tmp_path) -> Path:
    return face_trees.afew_va(tmp_path / "afew")


def change(folder: Path, clip: str, **changed) -> Path:
    file = folder / clip / f"{clip}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    return folder


def test_frames_are_read_with_their_labels_divided_by_ten(folder):
    data = afew_va.read(folder, {})
    assert data.sample[:4].tolist() == ["001/00000", "001/00001", "001/00002", "002/00000"]
    assert data.label is None
    assert data.group_kind == "clip"
    assert not data.persons_known
    assert data.sequence.tolist() == data.group.tolist()
    assert data.time[:4].tolist() == [0, 0.04, 0.08, 0]
    expected = np.array([np.round(10 * va) / 10 for *_, va in face_trees.faces(24)])
    assert np.allclose(data.blocks["va"].values, expected)
    assert data.summary["valence_and_arousal"] == "annotated"
    assert data.summary["faces"] == {_images.BOX: 24}


def test_the_landmarks_are_in_the_image_that_is_cut_out(folder):
    """The face lies in a grey scene; half of what is cut is not scene."""
    data = afew_va.read(folder, {})
    grey = (data.blocks["images"].values == 128).all(axis=1).mean(axis=(1, 2))
    assert (grey < 0.3).all()


def test_it_can_be_split_by_clip(folder):
    parts = protocols.make(afew_va.read(folder, {}), "va").split(face_vae_continuous.METHOD, {}, test=False).parts()
    assert not {*parts["train"].group} & {*parts["validation"].group}


def test_a_small_tree_in_the_published_layout_trains(folder):
    split = protocols.make(afew_va.read(folder, {}), "va").split(face_vae_continuous.METHOD, {}, test=True)
    outcome = face_vae_continuous.fit(spaces.TINY, split, small_data.job(epochs=1))
    for name, part in split.parts().items():
        assert outcome.predictions[name].shape == (len(part), 2)
        assert np.isfinite(outcome.predictions[name]).all()


def test_named_actors_are_persons(folder):
    for clip in range(1, 9):
        change(folder, f"{clip:03d}", actor=f"actor {clip % 3}")
    data = afew_va.read(folder, {})
    assert data.persons_known
    assert {*data.group.tolist()} == {"actor 0", "actor 1", "actor 2"}


def test_without_landmarks_the_face_is_looked_for(tmp_path):
    data = afew_va.read(face_trees.afew_va(tmp_path, clips=3, landmarks=False), {})
    assert {*data.summary["faces"]} <= {_images.DETECTED, _images.CENTRE}


def test_clips_whose_images_are_not_there_are_skipped_and_counted(folder):
    for image in (folder / "002").glob("*.png"):
        image.unlink()
    data = afew_va.read(folder, {})
    assert len(data.sample) == 21
    assert data.summary["skipped_rows"] == {"clips without an image": {"count": 1, "first": ["002"]}}
    assert data.summary["clips"] == 7


def test_a_single_missing_frame_is_refused(folder):
    (folder / "003" / "00001.png").unlink()
    with pytest.raises(UserError, match=r"003\.json, frame 00001: expected an image .*00001\.png, found no file"):
        afew_va.read(folder, {})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"frames": {}}, r'002\.json: expected "frames": .*found none'),
        ({"frames": [1]}, "found a list"),
        ({"frames": {"a": {}}}, "frame 'a': expected a number of digits"),
        ({"frames": {"9" * 5000: {}}}, "frame '9{60}': expected a number of digits"),
        (
            {"frames": {"00000": {"valence": 3}}},
            r"frame 00000: expected arousal as a whole number .*found only valence",
        ),
        ({"frames": {"00000": {"valence": 3, "arousal": "2"}}}, "found '2'"),
        ({"frames": {"00000": {"valence": 0.5, "arousal": 0}}}, "expected valence as a whole number .*found 0.5"),
        ({"frames": {"00000": {"valence": 11, "arousal": 0}}}, r"expected valence in \[-10, 10\], found 11"),
        ({"frames": {"00000": {"valence": float("nan"), "arousal": 0}}}, "expected valence as a whole .*found nan"),
        ({"frames": {"00000": {"valence": 0, "arousal": float("inf")}}}, "expected arousal as a whole .*found inf"),
        *(
            ({"frames": {"00000": {"valence": 1, "arousal": 0, "landmarks": marks}}}, "landmarks as pairs of pixels")
            for marks in ([1, 2], [[1, 2], [3]], [["left", 1]], [[1, float("nan")]])
        ),
    ],
)
def test_a_label_file_that_is_not_as_published_is_named(folder, changed, message):
    with pytest.raises(UserError, match=message):
        afew_va.read(change(folder, "002", **changed), {})


def test_damaged_json_and_other_folders_are_refused(folder, tmp_path):
    (folder / "002" / "002.json").write_text("{")
    with pytest.raises(UserError, match=r"002\.json, line 1: expected JSON, found: Expecting"):
        afew_va.read(folder, {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no label file: expected such as .*001\.json"):
        afew_va.read(tmp_path / "empty", {})


@pytest.mark.realdata
def test_the_real_label_files_are_read_and_say_that_images_are_missing(real_data):
    with pytest.raises(UserError, match=r"labels of 600 clips \(30,051 frames\) and no image; expected such as"):
        afew_va.read(real_data / "afew_va", {})


def test_files_of_macos_change_nothing_and_the_set_may_lie_deeper(folder, tmp_path):
    before = afew_va.read(folder, {})
    for clip in folder.iterdir():
        (clip / f"._{clip.name}.json").write_bytes(b"\0")
        (clip / "._00000.png").write_bytes(b"\0")
    deeper = tmp_path / "deeper" / "01"
    deeper.mkdir(parents=True)
    (folder / "001").rename(deeper / "001")
    for clip in folder.glob("[0-9]*"):
        clip.rename(deeper.parent / clip.name)
    (deeper / "001" / "00099.png").write_bytes((deeper / "001" / "00000.png").read_bytes())
    data = afew_va.read(deeper.parent, {})
    assert data.version == before.version
    counts = {why: of["count"] for why, of in data.summary["skipped_rows"].items()}
    assert counts == {"files of macOS or Windows": 16, "images without a label": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "brackets within brackets"),
        ('{"frames": {"0": {"valence": ' + "9" * 5000 + "}}}", "expected JSON, found: Exceeds the limit"),
        ('{"frames": {"0": {"valence": 1, "arousal": 1}}, "actor": "\\ud800"}', r"expected text, found '\\ud800'"),
    ],
)
def test_hostile_json_is_refused(folder, text, message):
    for clip in folder.iterdir():
        name = clip.name if "actor" in text else "002"
        (folder / name / f"{name}.json").write_text(text)
    with pytest.raises(UserError, match=message):
        _faces.check_names(afew_va.read_rows(folder))


def test_labels_that_look_divided_already_are_told(folder):
    for clip in folder.iterdir():
        content = json.loads((clip / f"{clip.name}.json").read_text())
        for label in content["frames"].values():
            label.update(valence=1, arousal=-1)
        (clip / f"{clip.name}.json").write_text(json.dumps(content))
    assert any("are they divided already?" in note for note in afew_va.read(folder, {}).summary["notes"])


def test_methods_on_frames_take_it_and_one_is_fitted(folder):
    assert afew_va.READER.lacks(cnn_rnn.METHOD) == []
    parameters, settings = registry.tiny("frames/cnn_rnn")
    chosen = {**{name: values[0] for name, values in cnn_rnn.METHOD.settings.items()}, **settings}
    split = protocols.make(afew_va.read(folder, {}), "va").split(cnn_rnn.METHOD, chosen, test=True)
    job = small_data.job(chosen, epochs=1, **small_data.scored(cnn_rnn.METHOD, split))
    outcome = cnn_rnn.fit(parameters, split, job)
    for name, part in split.parts().items():
        assert outcome.predictions[name].shape == (len(part), 2)
        assert np.isfinite(outcome.predictions[name]).all()


@pytest.mark.realdata
def test_the_real_labels_of_ten_clips_serve_frames_that_look_back(real_data, tmp_path):
    """The images are not there: one grey square stands for each, and the rest is as in the set."""
    frames = {}
    for file in sorted((real_data / "afew_va").glob("0*/*.json"))[:10]:
        clip = tmp_path / "afew" / file.stem
        clip.mkdir(parents=True)
        (clip / file.name).symlink_to(file)
        frames[file.stem] = json.loads(file.read_text())["frames"]
        for frame in frames[file.stem]:
            if not (tmp_path / "face.png").exists():
                Image.new("RGB", (64, 64), "grey").save(tmp_path / "face.png")
            os.link(tmp_path / "face.png", clip / f"{frame}.png")
    data = afew_va.read(tmp_path / "afew", {})
    assert [*dict.fromkeys(data.sequence.tolist())] == [*frames]
    rows = np.flatnonzero(data.sequence == "001")
    np.testing.assert_allclose(data.time[rows], np.array([*map(int, frames["001"])]) / 25)
    first = frames["001"]["00000"]
    assert data.blocks["va"].values[rows[0]].tolist() == [first["valence"] / 10, first["arousal"] / 10]
    chosen = {name: values[0] for name, values in cnn_rnn.METHOD.settings.items()} | {"context_s": 1}
    split = protocols.make(data, "va").split(cnn_rnn.METHOD, chosen, test=True)
    view = split.train.x
    assert view.rows[:].shape[1] == 25, "one second looks back on 25 frames"
    assert not {*split.train.inputs.sequence.tolist()} & {*split.validation.inputs.sequence.tolist()}
