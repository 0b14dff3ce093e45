"""``prepare labels``: traces to labels of frames, with a record, whatever is wrong with some of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from training import cli
from training.contract import UserError
from training.prepare import labels
from training.prepare.traces import Policies


def slope(by: float, seconds: float = 10.0, step: float = 0.13) -> str:
    times = np.arange(0.05, seconds, step)
    return "".join(f"{time:.3f} {by * time:.1f}\n" for time in times)


def traces(folder: Path, **by: float) -> Path:
    for name, one in by.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(slope(one))
    return folder


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    videos = {"video1": 50.0, "video2": -30.0, "video10": 80.0}
    return traces(tmp_path / "valence", **videos), traces(tmp_path / "arousal", **{k: -v for k, v in videos.items()})


def run(*words: str | Path):
    return CliRunner().invoke(cli.app, ["prepare", "labels", *map(str, words)])


def written(file: Path) -> np.ndarray:
    return np.loadtxt(file, ndmin=2)


def test_one_video_by_the_command(tmp_path):
    (tmp_path / "v.txt").write_text("0.000 0\n0.541 -408\n2.0 -408\n")
    (tmp_path / "a.txt").write_text("0.1 0\n1.1 500\n2.0 500\n")
    out = tmp_path / "labels.txt"
    ran = run(tmp_path / "v.txt", tmp_path / "a.txt", "--fps", "30", "--frames", "60", "--out", out)
    assert ran.exit_code == 0, ran.output
    found = written(out)
    assert found.shape == (60, 2)
    np.testing.assert_allclose(found[16:, 0], -0.408)
    assert found[17] == pytest.approx([-0.408, 0.25])
    record = json.loads((tmp_path / "labels.json").read_text())
    assert record["policies"]["beyond"] == "clip"
    assert record["totals"] == {"frames": 60, "with_face": 0, "lost": 0, "labelled": 60}
    assert record["found"]["before the first sample"]["traces"] == {"labels arousal": 2}
    assert "60 labelled" in ran.stdout


def test_all_videos_of_two_folders(folders, tmp_path):
    record = labels.run(*folders, tmp_path / "labels", Policies(), frames="290")
    assert [*record.videos] == ["video1", "video2", "video10"]
    found = written(tmp_path / "labels" / "video2.txt")
    np.testing.assert_allclose(found[1:, 0], -0.03 * np.arange(2, 291) / 30, atol=1e-4)
    np.testing.assert_allclose(found[:, 1], -found[:, 0], atol=1e-9)


def test_without_a_number_of_frames_the_shorter_trace_ends_the_video(folders, tmp_path):
    (folders[1] / "video1.txt").write_text(slope(5.0, seconds=4.0))
    record = labels.run(*folders, tmp_path / "labels", Policies())
    last = float((folders[1] / "video1.txt").read_text().split("\n")[-2].split()[0])
    assert record.videos["video1"]["frames"] == int(last * 30)
    assert record.videos["video1"]["frames_from"] == "the end of the shorter trace"


def test_only_frames_with_a_face_get_a_line(folders, tmp_path):
    for name, numbers in {"video1": (1, 2, 5), "video2": range(3, 20), "video10": (7,)}.items():
        (tmp_path / "frames" / name).mkdir(parents=True)
        for number in numbers:
            Image.new("L", (4, 4)).save(tmp_path / "frames" / name / f"{number:07d}.png")
    record = labels.run(*folders, tmp_path / "labels", Policies(), frames="290", faces=tmp_path / "frames")
    found = written(tmp_path / "labels" / "video1.txt")
    np.testing.assert_allclose(found[1:, 0], 0.05 * np.array([2, 5]) / 30, atol=1e-4)
    assert {name: (one["with_face"], one["lost"]) for name, one in record.videos.items()} == {
        "video1": (3, 2),
        "video2": (17, 2),
        "video10": (1, 6),
    }


def test_frames_with_a_face_may_stand_in_a_table(folders, tmp_path):
    runs = tmp_path / "runs.csv"
    runs.write_text("video,first_frame,last_frame\nvideo1,4,6\nvideo1,1,2\nvideo2,1,300\nvideo3,1,2\n")
    frames = tmp_path / "frames.csv"
    frames.write_text("video,frames\nvideo1,290\nvideo2,290\nvideo10,290\n")
    record = labels.run(*folders, tmp_path / "labels", Policies(), frames=str(frames), faces=runs)
    assert [*record.videos] == ["video1"]
    assert len(written(tmp_path / "labels" / "video1.txt")) == 5
    assert record.skipped[labels.FAILED] == [
        "video2: frame 300 has a face (--faces), and it has 290 frames (--frames)",
        "video10: --faces does not name it; nearest: 'video1', 'video3', 'video2'",
    ]
    assert record.skipped["sequences of faces without a trace"] == ["video3"]


def test_two_faces_have_the_frames_of_their_video(tmp_path):
    sides = {"video5_left": 10.0, "video5_right": 20.0}
    folders = traces(tmp_path / "v", **sides), traces(tmp_path / "a", **sides)
    frames = tmp_path / "frames.csv"
    frames.write_text("video,frames\nvideo5,200\n")
    record = labels.run(*folders, tmp_path / "labels", Policies(), frames=str(frames))
    assert {one["frames"] for one in record.videos.values()} == {200}


def test_a_problem_in_one_video_leaves_the_others_done(folders, tmp_path):
    (folders[0] / "video1.txt").write_text("0.1 5\n0.3 7\n0.2 9\n")
    (folders[1] / "video10.txt").unlink()
    (folders[1] / "video3.txt").write_text(slope(1))
    (folders[0] / "notes.pdf").write_text("x")
    ran = run(*folders, "--frames", "290", "--out", tmp_path / "labels")
    assert ran.exit_code == 0
    assert [file.name for file in (tmp_path / "labels").iterdir()] == ["video2.txt"]
    assert "videos without labels: 3" in ran.stderr
    record = json.loads((tmp_path / "labels.json").read_text())
    first = record["skipped_rows"][labels.FAILED]["first"]
    assert f"{folders[0] / 'video1.txt'}, line 3: expected a time that is not before" in first[0]
    assert first[1:] == [
        "video3: no trace of valence; nearest: 'video2', 'video1', 'video10'",
        "video10: no trace of arousal; nearest: 'video1', 'video3', 'video2'",
    ]
    assert record["skipped_rows"][labels.OTHER]["first"] == ["valence/notes.pdf"]


def test_every_policy_that_decided_is_named(folders, tmp_path):
    (folders[0] / "video1.txt").write_text("0.5 0\n0.5 10\n4.5 3000\n5 0\n9 -5\n")
    ran = run(*folders, "--frames", "290", "--out", tmp_path / "labels", "--gaps", "hold", "--max-gap", "3")
    assert "samples beyond the range (--beyond clip): 1 in 1 trace (video1 valence)" in ran.stderr
    assert "times with different values (--duplicates last): 1 in 1 trace" in ran.stderr
    assert "gaps (--gaps hold): 2 in 1 trace" in ran.stderr
    assert "frames without a label in long gaps (--max-gap 3): 238 in 1 trace" in ran.stderr
    found = written(tmp_path / "labels" / "video1.txt")
    assert (found[20] == labels.MARK).all(), "a frame without a label of one axis has none"
    assert "3 videos, 870 frames, 632 labelled" in ran.stdout


def test_the_mean_of_several_annotators_and_their_agreement(tmp_path):
    rng = np.random.default_rng(0)
    at = np.arange(0.0, 40, 0.1)
    for axis in ("v", "a"):
        for name, late, noise in (("ann1", 0.0, 5), ("ann2", 0.5, 5), ("ann3", 0.0, 300)):
            value = 600 * np.sin((at - late) / 2) + rng.normal(0, noise, len(at))
            (tmp_path / axis / name).mkdir(parents=True)
            text = "".join(f"{t:.2f} {v:.2f}\n" for t, v in zip(at, value, strict=True))
            (tmp_path / axis / name / "video1.txt").write_text(text)
        (tmp_path / axis / "ann4").mkdir()
        (tmp_path / axis / "ann4" / "video1.txt").write_text("0 0\n1 0\n")
    truth = tmp_path / "truth.csv"
    truth.write_text("time,value\n" + "".join(f"{t:.2f},{600 * np.sin(t / 2):.2f}\n" for t in at))
    ran = run(
        *(tmp_path / "v", tmp_path / "a", "--frames", "1170", "--out", tmp_path / "labels"),
        *("--truth", truth, truth),
    )
    assert ran.exit_code == 0, ran.output
    record = json.loads((tmp_path / "labels.json").read_text())
    said = record["videos"]["video1"]["agreement"]["valence"]["annotators"]
    assert [*said] == ["ann1", "ann2", "ann3"]
    assert said["ann1"]["delay_s"] == pytest.approx(0, abs=0.05)
    assert said["ann2"]["delay_s"] == pytest.approx(0.5, abs=0.05)
    assert said["ann1"]["ccc_truth"] > said["ann2"]["ccc_truth"] > said["ann3"]["ccc_truth"]
    assert "traces of one annotator: 2" in ran.stderr
    assert "Cronbach's α" in ran.stdout
    one, two, three = (
        labels.traces.at_frames(
            labels.traces.read(tmp_path / "v" / name / "video1.txt", Policies()), 1170, 30, Policies()
        )[0]
        for name in ("ann1", "ann2", "ann3")
    )
    np.testing.assert_allclose(written(tmp_path / "labels" / "video1.txt")[:, 0], (one + two + three) / 3, atol=1e-5)
    each = written(tmp_path / "labels_annotators" / "ann2" / "video1.txt")
    np.testing.assert_allclose(each[:, 0], two, atol=1e-5)
    # the delay that was found can be taken away
    shifted = labels.run(
        *(tmp_path / "v" / "ann2", tmp_path / "a" / "ann2", tmp_path / "shifted", Policies(shift_s=0.5)),
        frames="1100",
        truth=(truth, truth),
    )
    assert shifted.annotators()[0][3]["delay_s"] == pytest.approx(0, abs=0.05)


def test_what_is_there_already_is_not_overwritten_but_a_stopped_command_goes_on(folders, tmp_path):
    out = tmp_path / "labels"
    labels.run(*folders, out, Policies(), frames="290")
    with pytest.raises(UserError, match=r"--out .*labels: the file is there already"):
        labels.run(*folders, out, Policies(), frames="290")
    (tmp_path / "labels.json").write_text('{"state": "running"}')
    (out / "video2.txt").unlink()
    labels.run(*folders, out, Policies(), frames="290")
    assert len([*out.iterdir()]) == 3
    assert json.loads((tmp_path / "labels.json").read_text())["state"] == "complete"


def test_nothing_is_left_behind_where_every_video_has_a_problem(folders, tmp_path):
    for file in folders[0].iterdir():
        file.write_text("0 1\n1 1\n")
    with pytest.raises(UserError, match=r"expected a trace that moves.* \(and 2 more videos with a problem\)"):
        labels.run(*folders, tmp_path / "labels", Policies())
    assert not (tmp_path / "labels").exists()
    assert not (tmp_path / "labels.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, a, **kw: (v / "video1.txt", a, kw), "expected two files of one video, or two folders"),
        (lambda v, a, **kw: (v.parent / "valense", a, kw), "valense does not exist.*nearest: 'valence'"),
        (lambda v, a, **kw: (v, a, {**kw, "frames": "0"}), "--frames 0: expected a number of frames from 1"),
        (lambda v, a, **kw: (v, a, {**kw, "frames": "many"}), "--frames many: expected a number of frames, or a CSV"),
        (lambda v, a, **kw: (v, a, {**kw, "fps": 0.0}), "--fps: expected frames a second above 0, found 0"),
        (lambda v, a, **kw: (v, a, {**kw, "faces": v / "no"}), "no does not exist: expected the folders"),
    ],
)
def test_mistakes_are_named(folders, tmp_path, change, message):
    valence, arousal, options = change(*folders)
    with pytest.raises(UserError, match=message):
        labels.run(valence, arousal, tmp_path / "labels", Policies(), **options)
    assert not (tmp_path / "labels").exists()


def test_files_and_folders_of_annotators_are_not_mixed(folders, tmp_path):
    (folders[0] / "ann1").mkdir()
    with pytest.raises(UserError, match=r"found both \(video1 and the folder ann1\)"):
        labels.run(*folders, tmp_path / "labels", Policies())


@pytest.mark.realdata
def test_real_annotators_of_a_known_truth(real_data, tmp_path):
    """CCC and delay of each annotator as they were computed apart from this code, the delay within .1 s."""
    source = real_data / "frames" / "traces_booth_taskB"
    expected = {
        "ann1": (0.762, 0.7, 0.862),
        "ann2": (0.878, 0.4, 0.953),
        "ann4": (0.853, 0.1, 0.902),
        "ann6": (0.776, 0.5, 0.849),
        "ann8": (0.837, 0.7, 0.942),
        "ann10": (0.846, 0.2, 0.890),
    }
    for axis in ("v", "a"):  # its truth has one axis
        for name in expected:
            (tmp_path / axis / name).mkdir(parents=True)
            (tmp_path / axis / name / "TaskB.csv").symlink_to(source / f"TaskB_{name}.csv")
    truth = source / "TaskB_normalized_30hz.csv"
    record = labels.run(
        *(tmp_path / "v", tmp_path / "a", tmp_path / "labels", Policies(low=0, high=1)),
        frames="5340",
        truth=(truth, truth),
    )
    found = record.videos["TaskB"]["agreement"]["valence"]["annotators"]
    for name, (ccc, delay, r) in expected.items():
        assert found[name]["ccc_truth"] == pytest.approx(ccc, abs=1e-3)
        assert found[name]["delay_s"] == pytest.approx(delay, abs=0.1)
        assert found[name]["r_at_delay"] == pytest.approx(r, abs=2e-3)


@pytest.mark.realdata
def test_all_real_videos_of_a_joystick(real_data, tmp_path):
    source = real_data / "frames" / "traces_ceap"
    record = labels.run(source / "valence", source / "arousal", tmp_path / "labels", Policies(), frames="1800")
    assert (len(record.videos), record.total("labelled"), record.skipped) == (48, 86_400, {})
    assert sum(record.found["samples beyond the range"].values()) == 4_365
    found = written(tmp_path / "labels" / "P1_V1.txt")
    np.testing.assert_allclose(found[299], [0.4679, 0.9509], atol=5e-5)
    np.testing.assert_allclose(found.mean(axis=0), [0.2330, 0.7722], atol=5e-5)
