"""The TOML file of embeddings: its keys, and a sentence for each wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from training.contract import UserError
from training.datasets import _dialect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("frames.csv", "audio_1s.csv", "audio_10s.csv", "audio_2s.csv"):
        (tmp_path / name).write_text("")
    return tmp_path


def complaint(folder: Path, content: str) -> str:
    file = folder / "embeddings.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        _dialect.layout(folder)
    return str(caught.value).replace(str(folder), "FOLDER")


def test_a_folder_needs_no_toml(folder):
    layout = _dialect.layout(folder)
    assert layout.frames.files == {"video": folder / "frames.csv"}
    assert list(layout.audio.files) == ["audio_1s", "audio_2s", "audio_10s"]
    assert layout.person is None


def test_an_empty_toml_changes_nothing(folder):
    plain = _dialect.layout(folder)
    (folder / "embeddings.toml").write_text("")
    named = _dialect.layout(folder)
    assert named.frames.files == plain.frames.files
    assert named.frames.keys == plain.frames.keys
    assert named.audio.files == plain.audio.files


def test_files_by_window_length(folder):
    (folder / "embeddings.toml").write_text('[audio]\nfiles = { 2s = "b.csv", "0.5s" = "a.csv" }\n')
    assert _dialect.layout(folder).audio.files == {"audio_0.5s": folder / "a.csv", "audio_2s": folder / "b.csv"}


def test_another_toml_in_the_folder_is_not_read_in_silence(folder):
    (folder / "sewa.toml").write_text("")
    assert _dialect.layout(folder).notes == ("sewa.toml: not read; name the file itself by --root where it is meant",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[frame]\n", "FOLDER/embeddings.toml: unknown key 'frame'; did you mean frames?"),
        (
            "[frames]\nseperator = ';'\n",
            "FOLDER/embeddings.toml, [frames]: unknown key 'seperator'; did you mean separator",
        ),
        ("[frames]\nscale = [10, -10]\n", "[frames], scale: expected its ends, such as [-10, 10], found [10, -10]"),
        ("[frames]\nscale = 10\n", "[frames], scale: expected its ends, such as [-10, 10], found 10"),
        ("[frames]\nfile = 3\n", "[frames], file: expected a text, found 3"),
        ("[frames]\nseparator = ';;'\n", "[frames], separator: expected one character, found ';;'"),
        ("[frames]\ndecimal = ';'\n", "[frames], decimal: expected one of '.', ',', found ';'"),
        (
            "[frames]\ndecimal = ','\n",
            "[frames]: expected a separator that is not the decimal mark, found ',' for both",
        ),
        ("[audio]\ntime_unit = 'min'\n", "[audio], time_unit: expected one of 's', 'ms', found 'min'"),
        ("[audio]\nfeatures = []\n", "[audio], features: expected how columns begin, or a list of them, found []"),
        ("[audio]\nfiles = { two = 'a.csv' }\n", "[audio], files: expected a window length and its file, such as 2s"),
        ("[audio]\nfile = 'a.csv'\nfiles = { 1s = 'b.csv' }\n", "[audio]: expected file or files, found both"),
        ("[frames]\nrecording = '(.+)/'\n", "[frames], recording: expected a regular expression with (?P<recording>…)"),
        ("person = '('\n", "embeddings.toml, person: expected a regular expression, found '('"),
        ("frames = 'a.csv'\n", "expected a section [frames], found frames = 'a.csv'"),
        ("[frames\n", "FOLDER/embeddings.toml: expected TOML, found:"),
    ],
)
def test_what_is_wrong_is_named(folder, content, said):
    assert said in complaint(folder, content)


def test_a_file_that_is_not_there_is_named_with_its_toml(folder):
    from training.datasets import embeddings

    (folder / "embeddings.toml").write_text('[frames]\nfile = "frame.csv"\n')
    with pytest.raises(UserError) as caught:
        embeddings.read(folder, {})
    said = str(caught.value).replace(str(folder), "FOLDER")
    assert said == ("FOLDER/embeddings.toml, [frames]: the file FOLDER/frame.csv does not exist; nearest: 'frames.csv'")


def test_one_audio_file_beside_windows_of_several_lengths_is_refused(folder):
    (folder / "audio.csv").write_text("")
    with pytest.raises(UserError, match=r"one audio file, or one for each window length; found audio\.csv, audio_1s"):
        _dialect.layout(folder)


def test_a_folder_without_frames_says_what_it_holds(tmp_path):
    (tmp_path / "audio_1s.csv").write_text("")
    with pytest.raises(UserError, match=r"holds no frames\.csv; found audio_1s\.csv"):
        _dialect.layout(tmp_path)


def test_what_is_no_csv_is_refused(folder):
    (folder / "frames.parquet").write_text("")
    with pytest.raises(UserError, match="expected a folder with"):
        _dialect.layout(folder / "frames.parquet")
    with pytest.raises(UserError, match=r"does not exist; nearest: 'frames\.csv'"):
        _dialect.layout(folder / "framse.csv")


def test_the_example_of_the_documents_is_valid(folder):
    text = (Path(__file__).resolve().parents[3] / "docs" / "families.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    (folder / "embeddings.toml").write_text(example, encoding="utf-8")
    layout = _dialect.layout(folder)
    assert layout.frames["scale"] == [-10, 10]
    assert list(layout.audio.files) == ["audio_1s", "audio_4s"]
    assert layout.frames.seconds == 0.001
