"""Aff-Wild: both layouts, groups that no split divides, and what does not go together is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import face_trees, small_data
from training import protocols, registry, splits
from training.contract import UserError
from training.datasets import _videos, aff_wild
from training.methods.frames import cnn_rnn
from training.study import annotation_table

SETTINGS = {"train_part": "big", "mismatched": "refuse"}
SPLIT = Path(aff_wild.__file__).parent / "splits" / "aff_wild.json"

VIDEOS = {
    "video1": (1, 2, 3),
    "video2": (2, 3, 6),
    "video5_left": (1, 2),
    "video5_right": (1, 2),
    "video45_1": (1,),
    "video45_2": (1, 2),
    "video9": (1, 2, 3),
    "video10": (1, 2, 3),
}


@pytest.fixture
def folder(tmp_path) -> Path:
    return face_trees.aff_wild(tmp_path / "affwild", "frames", "labels", VIDEOS)


def published(folder: Path, part: str, videos: dict[str, tuple[int, ...]], length: int = 8) -> Path:
    """Write annotations/<part>/ with a line for each of `length` frames, and cropped/<video>/ with some of them."""
    for video, numbers in videos.items():
        for axis, sign in (("valence", 1), ("arousal", -1)):
            file = folder / "annotations" / part / axis / f"{video}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{sign * k / 100}\n" for k in range(1, length + 1)))
        for number in numbers:
            face_trees.save(Image.new("RGB", (8, 8), (number, 0, 0)), folder / "cropped" / video / f"{number:05d}.jpg")
    return folder


def test_a_frame_with_a_face_has_its_label_and_its_time(folder):
    data = aff_wild.read(folder, SETTINGS)
    assert len(data.sample) == 19
    rows = np.flatnonzero(data.sequence == "video2")
    assert data.sample[rows].tolist() == ["video2/0000002", "video2/0000003", "video2/0000006"]
    np.testing.assert_allclose(data.time[rows], np.array([1, 2, 5]) / 30, atol=1e-6)
    np.testing.assert_allclose(data.blocks["va"].values[rows], np.loadtxt(folder / "labels" / "video2.txt"))
    assert data.blocks["images"].values.shape == (19, 3, 64, 64)
    assert data.summary["frames_by_sequence"]["video2"] == {"with a face": 3, "without a face": 3}
    assert any(
        "3 of 22 frames up to the last with a face have none; most: video2 3" in n for n in data.summary["notes"]
    )


def test_the_record_of_the_frames_says_their_rate(folder):
    (folder / "frames.json").write_text('{"options": {"fps": 5, "size": 64}}')
    data = aff_wild.read(folder, SETTINGS)
    np.testing.assert_allclose(data.time[data.sequence == "video2"], [0.2, 0.4, 1.0])
    assert data.summary["frames_per_second"] == 5
    for wrong in ("0", '"30"', "true", "NaN"):
        (folder / "frames.json").write_text(f'{{"options": {{"fps": {wrong}}}}}')
        with pytest.raises(UserError, match=r"frames\.json: expected the options' fps as frames a second"):
            aff_wild.read(folder, SETTINGS)


def test_faces_and_parts_of_a_video_are_one_group(folder):
    data = aff_wild.read(folder, SETTINGS)
    assert data.group_kind == "video"
    pairs = {*zip(data.sequence.tolist(), data.group.tolist(), strict=True)}
    assert {("video5_left", "video5"), ("video5_right", "video5"), ("video45_1", "video45")} <= pairs
    assert data.summary["sequences"] == 8
    assert data.summary["groups"] == 6
    assert any(
        note.startswith("2 videos of several sequences, each one group: video5 (") for note in data.summary["notes"]
    )


def test_the_small_part_and_the_published_test_part(folder):
    face_trees.aff_wild(folder, "extra_frames", "extra_labels", {f"video{n}": (1, 2) for n in range(75, 80)})
    face_trees.aff_wild(folder, "test_frames", "test_labels", {"video7": (1, 2), "video45_3": (1,), "video48": (3,)})
    small = aff_wild.read(folder, {**SETTINGS, "train_part": "small"})
    assert {*small.group.tolist()} == {*(f"video{n}" for n in range(75, 80)), "video7", "video45", "video48"}
    assert {group for group, part in small.published_split.items() if part == "test"} == {
        "video7",
        "video45",
        "video48",
    }
    big = aff_wild.read(folder, SETTINGS)
    assert not {"video45_1", "video45_2"} & {*big.sequence.tolist()}, "a video of the test part is not trained on"
    assert "3 train images are left out: their video is in the published test part" in big.summary["notes"]
    protocol = protocols.make(big, "va")
    assert {*big.group[protocol.part == "test"].tolist()} == {"video7", "video45", "video48"}


def test_a_sequence_of_two_parts_is_named(folder):
    face_trees.aff_wild(folder, "test_frames", "test_labels", {"video1": (1, 2), "video7": (1,)})
    with pytest.raises(UserError, match=r"video1: expected each sequence once, found it again in .*test_frames/video1"):
        aff_wild.read(folder, SETTINGS)


def test_marked_frames_have_no_label(folder):
    text = folder / "labels" / "video1.txt"
    lines = text.read_text().splitlines()
    text.write_text("\n".join([lines[0], "-5 -5", lines[2]]))
    data = aff_wild.read(folder, SETTINGS)
    assert np.isnan(data.blocks["va"].values[data.sample == "video1/0000002"]).all()
    assert np.isfinite(data.blocks["va"].values).all(axis=1).sum() == 18
    assert data.summary["unlabelled"] == 1
    assert "1 frames are marked -5: they have no label (video1)" in data.summary["notes"]
    split = protocols.make(data, "va").split(cnn_rnn.METHOD, {**small_settings(), "context_s": 1}, test=False)
    assert len(split.unlabelled or ()) <= 1


def small_settings() -> dict:
    return {name: values[0] for name, values in cnn_rnn.METHOD.settings.items()}


def test_the_labels_of_each_annotator_stand_beside_their_mean(folder):
    for name, text in (
        ("anna/video1", "0.1 0.2\n-5 -5\n0.3 0.4\n"),
        ("ben/video1", "1 1\n" * 3),
        ("ben/video2", "1 1\n"),
    ):
        file = folder / "labels_annotators" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    data = aff_wild.read(folder, SETTINGS)
    rows = np.flatnonzero(data.sequence == "video1")
    anna, ben = (data.annotators["va"][name] for name in ("anna", "ben"))
    np.testing.assert_array_equal(anna[rows], [[0.1, 0.2], [np.nan, np.nan], [0.3, 0.4]])
    assert (ben[rows] == 1).all()
    assert np.isnan(np.delete(ben, rows, axis=0)).all()
    skipped = data.summary["skipped_rows"]["labels of one annotator that are damaged or do not go with the frames"]
    assert skipped["first"] == [str(folder / "labels_annotators" / "ben" / "video2.txt")]
    table = annotation_table.tables(protocols.make(data, "va"))["annotations.parquet"]
    assert table.annotator.value_counts().to_dict() == {"": 19, "ben": 3, "anna": 2}
    of = table[(table.annotator == "anna") & (table["sample"] == "video1/0000003")]
    assert of[["valence", "arousal"]].to_numpy().tolist() == [[0.3, 0.4]]


def test_labels_that_do_not_go_with_the_frames_are_named_and_the_others_read(folder):
    text = folder / "labels" / "video2.txt"
    text.write_text(text.read_text() * 2)
    (folder / "labels" / "video1.txt").write_text("0.1 0.1\n")
    with pytest.raises(UserError) as raised:
        aff_wild.read(folder, SETTINGS)
    said = str(raised.value)
    assert f"{folder / 'labels' / 'video1.txt'} has 1 line, and {folder / 'frames' / 'video1'} 3 images" in said
    assert "video2 3 images: is there a line for each frame, with a face or without?" in said
    assert said.endswith("--set mismatched=left_out reads the other videos")
    data = aff_wild.read(folder, {**SETTINGS, "mismatched": "left_out"})
    assert not {"video1", "video2"} & {*data.sequence.tolist()}
    left = data.summary["skipped_rows"]["videos whose labels are damaged or do not go with their frames"]
    assert left["count"] == 2
    assert "video1.txt has 1 line" in left["first"][0]


def test_what_lacks_its_other_half_is_named(folder):
    (folder / "labels" / "video1.txt").rename(folder / "labels" / "video3.txt")
    (folder / "labels" / "README.md").write_text("x")
    (folder / "frames" / "notes.txt").write_text("x")
    (folder / "frames" / "video2" / "0000003.png").write_bytes(b"x")
    Image.new("L", (4, 4)).save(folder / "frames" / "video9" / "cover.png")
    data = aff_wild.read(folder, SETTINGS)
    assert len(data.sample) == 15
    assert {why: of["first"] for why, of in data.summary["skipped_rows"].items()} == {
        "files that are no labels": ["labels/README.md"],
        "files in no video's folder": ["frames/notes.txt"],
        "videos without labels": ["frames/video1"],
        "labels without frames": ["labels/video3.txt"],
        "images whose name is no frame number from 1": ["video9/cover.png"],
        "images that cannot be read: 1 bytes that are no image": ["video2/0000003"],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0.1", r"video1\.txt, line 1: expected two numbers, valence and arousal, found '0\.1'"),
        ("1.2 0", r"video1\.txt, line 1: expected valence in \[-1, 1\], or -5 where there is none, found 1\.2"),
        ("0 nan", r"video1\.txt, line 1: expected two numbers, valence and arousal, found '0 nan'"),
    ],
)
def test_labels_that_are_none_are_refused(folder, line, message):
    (folder / "labels" / "video1.txt").write_text(f"{line}\n0 0\n0 0\n")
    with pytest.raises(UserError, match=message):
        aff_wild.read(folder, SETTINGS)
    data = aff_wild.read(folder, {**SETTINGS, "mismatched": "left_out"})
    assert "video1" not in data.sequence
    assert data.summary["skipped"] == 1


def test_folders_that_are_not_there_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="expected a folder extra_frames/; nearest: 'frames'; found frames, labels"):
        aff_wild.read(folder, {**SETTINGS, "train_part": "small"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="expected a folder frames/; found no folder"):
        aff_wild.read(tmp_path / "empty", SETTINGS)


def test_the_published_layout(tmp_path):
    videos = {"1": (1, 2, 5), "2_left": (3,), "2_right": (3, 4), "105": (1, 8), "7": (2,), "8": (1,)}
    root = published(tmp_path / "set", "train", videos)
    file = root / "annotations" / "train" / "valence" / "105.txt"
    file.write_text(file.read_text().replace("0.08", "-5"))
    data = aff_wild.read(root, SETTINGS)
    rows = np.flatnonzero(data.sequence == "1")
    np.testing.assert_allclose(data.blocks["va"].values[rows], [[0.01, -0.01], [0.02, -0.02], [0.05, -0.05]])
    assert np.isnan(data.blocks["va"].values[data.sample == "105/00008"]).all()
    assert {*data.group[np.char.startswith(data.sequence, "2_")].tolist()} == {"2"}
    assert data.published_split is None
    published(root, "test", {"200": (1, 2)})
    assert aff_wild.read(root, SETTINGS).published_split["200"] == "test"


def test_what_is_wrong_with_the_published_layout_is_named(tmp_path):
    root = published(tmp_path / "set", "train", {"1": (1, 2, 9), "2": (1,), "3": (1,), "4": (1,)})
    with pytest.raises(UserError, match=r"1\.txt has 8 lines, and .*00009\.jpg is frame 9; --set mismatched=left_out"):
        aff_wild.read(root, SETTINGS)
    (root / "annotations" / "train" / "arousal" / "2.txt").write_text("0.1\n")
    (root / "annotations" / "train" / "arousal" / "3.txt").unlink()
    face_trees.save(Image.new("L", (4, 4)), root / "cropped" / "9" / "1.jpg")
    data = aff_wild.read(root, {**SETTINGS, "mismatched": "left_out"})
    assert data.sequence.tolist() == ["4"]
    assert {why: of["count"] for why, of in data.summary["skipped_rows"].items()} == {
        "videos without one of valence and arousal": 1,
        "videos without labels": 1,
        "videos whose labels are damaged or do not go with their frames": 2,
    }
    with pytest.raises(UserError, match="train_part=small is of the layout with extra_frames/"):
        aff_wild.read(root, {**SETTINGS, "train_part": "small"})
    (root / "cropped").rename(root / "pictures")
    with pytest.raises(UserError, match=r"expected one folder of faces beside annotations/ .*found none"):
        aff_wild.read(root, SETTINGS)


def test_new_recordings_are_read_as_the_sets_are(folder):
    new = aff_wild.read_inputs(folder / "frames" / "video2", ("images",), {})
    np.testing.assert_allclose(new.time, np.array([0, 1, 4]) / 30, atol=1e-6)


def test_methods_on_frames_take_it_and_one_is_fitted(tmp_path):
    assert registry.reader("aff_wild").lacks(cnn_rnn.METHOD) == []
    root = face_trees.aff_wild(tmp_path / "s", "frames", "labels", {f"video{n}": (1, 2, 3, 4) for n in range(1, 9)})
    split = protocols.make(aff_wild.read(root, SETTINGS), "va").split(cnn_rnn.METHOD, small_settings(), test=True)
    parameters, settings = registry.tiny("frames/cnn_rnn")
    job = small_data.job({**small_settings(), **settings}, epochs=1, **small_data.scored(cnn_rnn.METHOD, split))
    outcome = cnn_rnn.fit(parameters, split, job)
    for name, part in split.parts().items():
        assert outcome.predictions[name].shape == (len(part), 2)
        assert np.isfinite(outcome.predictions[name]).all()


@pytest.fixture(scope="module")
def all_sequences(real_data, tmp_path_factory):
    """Return the data set of the 108 published sequences, with three of their frames each and made-up labels."""
    frames = _videos.with_face(real_data / "frames" / "affwild_frames" / "detected_runs_source_videos.csv", {})
    root = tmp_path_factory.mktemp("affwild")
    Image.new("RGB", (8, 8), "grey").save(root / "face.png")
    (root / "labels").mkdir()
    for name, numbers in frames.items():
        chosen = np.unique(numbers[[0, len(numbers) // 2, -1]]).tolist()
        (root / "frames" / name).mkdir(parents=True)
        for number in chosen:
            os.link(root / "face.png", root / "frames" / name / f"{number:07d}.png")
        (root / "labels" / f"{name}.txt").write_text("0.1 0.2\n" * len(chosen))
    return aff_wild.read(root, SETTINGS)


@pytest.mark.realdata
@pytest.mark.parametrize("seed", range(6))
def test_left_and_right_of_a_recording_are_never_in_two_parts(all_sequences, seed):
    data = all_sequences
    assert len({*data.sequence.tolist()}) == 108
    for protocol in (
        protocols.make(data, "va", seed),
        protocols.make(data, "va", seed, splits.read(SPLIT, data)),
        *protocols.make(data, "va", seed, test_folds=5).folds,
    ):
        parts: dict[str, set[str]] = {}
        for sequence, part in zip(data.sequence.tolist(), protocol.part.tolist(), strict=True):
            parts.setdefault(sequence.split("_")[0], set()).add(part)
        assert all(len(of) == 1 for of in parts.values())
        assert {*protocol.part.tolist()} == {"train", "validation", "test"}


@pytest.mark.realdata
def test_the_published_test_videos_are_a_split(all_sequences):
    data = all_sequences
    protocol = protocols.make(data, "va", published=splits.read(SPLIT, data))
    tested = sorted({*data.sequence[protocol.part == "test"].tolist()}, key=_videos.in_order)
    numbers = ("7", "19", "25", *(f"45_{part}" for part in range(1, 8)), "48", "62", "72", "73")
    assert tested == [f"video{number}" for number in numbers]
