"""``prepare motion``: recordings to the table that the data set lma reads, whatever is among them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from tests.training.motion_capture.recordings import bvh, write
from training.contract import UserError
from training.datasets import lma
from training.motion_capture import skeletons
from training.prepare import motion
from training.prepare.motion import Options


def run(sources: list[Path], out: Path, labels: Path | None = None, **options: object) -> motion.Done:
    return motion.run(sources, out, Options(**{"preset": "plain", **options}), labels, 1, Console(quiet=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    write(folder, "one.bvh", frames=250)
    write(folder, "two.bvh", frames=370, turn=40.0)
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text(
        "clip,label,EMOTION_P,EMOTION_A,EMOTION_D\none,happy,0.6,0.5,0.2\ntwo,sad,-0.6,-0.4,-0.3\nthree,sad,0,0,0\n"
    )
    return file


@pytest.mark.parametrize(("preset", "features"), [("plain", "plain"), ("published", "all")])
def test_the_table_is_read_by_lma(folder, labels, tmp_path, preset, features):
    out = tmp_path / "table.csv"
    done = run([folder], out, labels, preset=preset)
    assert (done.recordings, done.skipped, done.reasons) == (2, {}, [])
    data = lma.read(out, {"features": features, "contradicting": "left_out"})
    assert len(data.sample) == done.rows
    assert set(data.group.tolist()) == {"one", "two"}
    assert data.blocks["features"].columns == (lma.PLAIN if preset == "plain" else lma.FEATURES)
    assert data.blocks["pad"].values[0].tolist() == [0.6, 0.5, 0.2]
    assert not (tmp_path / ".table.csv.parts").exists()


def test_bad_recordings_are_named_and_the_others_done(folder, tmp_path):
    (folder / "bad.bvh").write_text(bvh(frames=250).replace("Frame Time: 0.00833333", "Frame Time: 0"))
    (folder / "t_pose.bvh").write_text(bvh(frames=1))
    (folder / "notes.txt").write_text("x")
    (folder / ".DS_Store").write_text("x")
    done = run([folder], tmp_path / "table.csv")
    assert done.recordings == 2
    assert done.skipped[motion.BAD] == ["bad", "t_pose"]
    assert done.skipped[motion.OTHER] == ["notes.txt"]
    assert any("bad.bvh, line" in reason and "expected a frame time above 0 s" in reason for reason in done.reasons)
    assert any("expected at least one window of 1 s, found 1 frame of" in reason for reason in done.reasons)
    sentences = motion.sentences(done, "published")
    assert sentences[0] == "left out, recordings that cannot be used: 2 (bad, t_pose)"
    assert any("a window of 1 s holds" in sentence for sentence in sentences)


def test_what_is_done_is_not_done_twice(folder, tmp_path, monkeypatch):
    out = tmp_path / "table.csv"
    done: list[str] = []
    windows = motion.windows

    def counted(path: Path, options: Options) -> object:
        done.append(path.stem)
        if len(done) == 2:
            raise KeyboardInterrupt
        return windows(path, options)

    monkeypatch.setattr(motion, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(motion, "windows", counted)
    with pytest.raises(KeyboardInterrupt):
        run([folder], out)
    assert done == ["one", "two"]
    assert not out.exists()
    run([folder], out)
    assert done == ["one", "two", "two"]
    assert set(pd.read_csv(out)["clip"]) == {"one", "two"}


class Here:
    """Runs at once and in this process what a pool is given."""

    def __init__(self, workers: int) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *given: object) -> None:
        pass

    def submit(self, function: object, *args: object) -> object:
        from concurrent.futures import Future

        future: Future[object] = Future()
        future.set_result(function(*args))  # type: ignore[operator]
        return future


def test_recordings_without_labels_are_left_out_and_named(folder, labels, tmp_path):
    write(folder, "four.bvh")
    done = run([folder], tmp_path / "table.csv", labels)
    assert done.skipped == {motion.UNLABELLED: ["four"]}
    assert set(pd.read_csv(tmp_path / "table.csv")["clip"]) == {"one", "two"}


def test_labels_of_other_recordings_are_refused(folder, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("clip,label\neleven,happy\n")
    with pytest.raises(UserError, match=r"none of the recordings has labels: they are one, two, found eleven"):
        run([folder], tmp_path / "table.csv", labels)
    labels.write_text("clip,label\none,happy\none,sad\n")
    with pytest.raises(UserError, match=r"line 3.*each clip once"):
        run([folder], tmp_path / "other.csv", labels)


def test_a_packed_table_is_written(folder, tmp_path):
    run([folder], tmp_path / "table.csv.gz")
    assert len(pd.read_csv(tmp_path / "table.csv.gz")) == 5


@pytest.mark.parametrize(
    ("sources", "message"),
    [(["none.bvh"], "there is no such file or folder"), (["empty"], "expected recordings .*, found none")],
)
def test_sources_without_recordings_are_refused(tmp_path, sources, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        run([tmp_path / source for source in sources], tmp_path / "table.csv")


def test_two_recordings_of_one_name_are_refused(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write(other, "one.bvh")
    with pytest.raises(UserError, match="the clip one is there already"):
        run([folder, other], tmp_path / "table.csv")


def test_a_table_that_is_there_stays(folder, tmp_path):
    out = tmp_path / "table.csv"
    out.write_text("mine")
    with pytest.raises(UserError, match="the file is there already"):
        run([folder], out)
    assert out.read_text() == "mine"


# ------------------------------------------------------------------------------------------------------ skeletons


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return a recording whose joints no preset knows."""
    file = tmp_path / "foreign.bvh"
    file.write_text(bvh().replace("LeftUpLeg", "left_thigh").replace("LeftLeg", "left_shin"))
    return file


def test_joints_that_no_preset_knows_are_refused_with_a_file_to_fill_in(foreign, tmp_path):
    with pytest.raises(
        UserError, match=r"no preset \(walk, cmu, bandai\) has these joints: Hips, left_thigh"
    ) as caught:
        run([foreign], tmp_path / "table.csv")
    text = str(caught.value)
    toml = text[text.index("# metres") :]
    assert 'right_knee = "RightLeg"' in toml
    assert 'left_hip = "' in toml
    file = tmp_path / "mine.toml"
    filled = [
        {"left_hip": 'left_hip = "left_thigh"', "left_knee": 'left_knee = "left_shin"'}.get(
            line.partition(" ")[0], line
        )
        for line in toml.splitlines()
    ]
    file.write_text("\n".join(filled))
    done = run([foreign], tmp_path / "table.csv", skeleton=motion.skeleton(str(file)))
    assert done.recordings == 1


def test_published_features_need_a_scale(foreign, tmp_path):
    joints = skeletons.PRESETS["walk"].joints | {"left_hip": "left_thigh", "left_knee": "left_shin"}
    skeleton = skeletons.Skeleton("mine.toml", joints)
    with pytest.raises(UserError, match="expected metres in the file's unit, found none; give them with --scale"):
        run([foreign], tmp_path / "table.csv", preset="published", skeleton=skeleton)
    assert run([foreign], tmp_path / "table.csv", preset="published", skeleton=skeleton, scale=0.0254).recordings == 1


def test_a_joint_that_is_absent_is_named_with_the_nearest(foreign, tmp_path):
    with pytest.raises(UserError, match=r"expected the joint LeftUpLeg \(left hip of skeleton walk\), found Hips"):
        run([foreign], tmp_path / "table.csv", skeleton="walk")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale = 0", r"expected a table \[joints\]"),
        ("joints = 3", r"expected a table \[joints\]"),
        ("[joints]\npelvis = 'Hips'", r"\[joints\]: expected the name of the joint chest, found None"),
        ("[joints]\npelvsi = 'Hips'", r"unknown joint 'pelvsi'; did you mean pelvis"),
        ("scal = 1\n[joints]", r"unknown key 'scal'; did you mean scale"),
        ("[joints", r"cannot be read as TOML"),
    ],
)
def test_a_skeleton_file_that_is_wrong_is_refused(tmp_path, text, message):
    file = tmp_path / "skeleton.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        motion.skeleton(str(file))


def test_an_unknown_preset_is_refused_with_the_nearest(folder, tmp_path):
    with pytest.raises(UserError, match="unknown skeleton 'wlak'; did you mean walk"):
        motion.skeleton("wlak")
    with pytest.raises(UserError, match="unknown preset 'publishd'; did you mean published"):
        run([folder], tmp_path / "table.csv", preset="publishd")
