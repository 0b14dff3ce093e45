"""The reader of embeddings: what it makes of good files, and one clear sentence for each way in which they can be bad.

Lines are counted as in the file: the header is line 1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training import protocols, views
from training.contract import Method, UserError
from training.datasets import embeddings

if TYPE_CHECKING:
    from collections.abc import Callable

Cells = list[list[str]]
SETTINGS = ({"modality": m, "window_s": w} for m in ("video", "audio", "both") for w in (1, 2))
METHOD = Method(
    title="toy",
    source="tests",
    data="fusion",
    inputs={"modality": {"video": ("video",), "audio": ("audio",), "both": ("video", "audio")}},
    targets="va",
    settings={"modality": ("video", "audio", "both"), "window_s": (1, 2)},
    context="window_s",
)


def frames(recordings: tuple[str, ...] = ("anna_1", "anna_2", "ben_1"), seconds: float = 4, emb: int = 3) -> Cells:
    """Two frames a second, after a header."""
    rows = [["path", "timestamp", "valence", "arousal", *(f"emb_{i}" for i in range(emb))]]
    for k, name in enumerate(recordings):
        for i in range(int(2 * seconds)):
            values = [f"{0.1 * i + k + j / 10:.3f}" for j in range(emb)]
            rows.append([f"{name}/{i:05d}.png", f"{i / 2}", f"{0.1 * k:.2f}", f"{-0.05 * i:.2f}", *values])
    return rows


def audio(window: int, recordings: tuple[str, ...] = ("anna_1", "anna_2", "ben_1"), seconds: int = 4) -> Cells:
    rows = [["filename", "start", "end", "loudness", "pitch"]]
    for k, name in enumerate(recordings):
        for start in range(0, seconds, window):
            rows.append([f"{name}.wav", str(start), str(start + window), f"{start + k}", f"{start * 0.5}"])
    return rows


def write(file: Path, cells: Cells, separator: str = ",") -> Path:
    file.write_text("".join(separator.join(row) + "\n" for row in cells), encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good folder: three recordings, audio in windows of 1 and 2 s."""
    write(tmp_path / "frames.csv", frames())
    write(tmp_path / "audio_1s.csv", audio(1))
    write(tmp_path / "audio_2s.csv", audio(2))
    return tmp_path


@pytest.fixture
def complaint(folder: Path) -> Callable[..., str]:
    """Read the folder (or a file in it) and return what the reader says, with FOLDER for its path."""

    def complaint(root: Path | None = None) -> str:
        with pytest.raises(UserError) as caught:
            embeddings.read(root or folder, {})
        return str(caught.value).replace(str(folder), "FOLDER")

    return complaint


def changed(cells: Cells, row: int, column: str, cell: str) -> Cells:
    """The same but for one cell; row 1 is the first below the header."""
    made = [list(one) for one in cells]
    made[row][made[0].index(column)] = cell
    return made


def notes(folder: Path) -> str:
    return " | ".join(embeddings.read(folder, {}).summary["notes"])


# ------------------------------------------------------------------------------------------------------ good files


def test_a_frame_is_a_sample_and_a_recording_a_group(folder):
    data = embeddings.read(folder, {})
    assert data.sample[:2].tolist() == ["anna_1:0", "anna_1:0.5"]
    assert len(data.sample) == 24
    assert np.unique(data.group).tolist() == ["anna_1", "anna_2", "ben_1"]
    assert (data.group_kind, data.persons_known) == ("recording", False)
    assert data.time[:8].tolist() == [i / 2 for i in range(8)]
    assert data.blocks["video"].columns == ("emb_0", "emb_1", "emb_2")
    assert data.blocks["video"].values[9].tolist() == pytest.approx([1.1, 1.2, 1.3])
    assert data.blocks["va"].columns == ("valence", "arousal")
    assert data.blocks["va"].values[9].tolist() == pytest.approx([0.1, -0.05])
    assert (data.blocks["va"].low, data.blocks["va"].high) == (-1, 1)
    sound = data.blocks["audio_2s"]
    assert sound.columns == ("loudness", "pitch")
    assert sound.stream.sequence.tolist() == ["anna_1"] * 2 + ["anna_2"] * 2 + ["ben_1"] * 2
    assert sound.stream.end.tolist() == [2, 4] * 3
    assert sound.values[3].tolist() == [3, 1]
    assert json.loads(json.dumps(data.summary, allow_nan=False)) == data.summary


def test_a_frame_sees_the_audio_that_has_ended(folder):
    data = embeddings.read(folder, {})
    seen = views.inputs(data.blocks, ("video", "audio"), 24, data.sequence, data.time, 2)
    values, mask = seen["audio"][:8]
    assert mask[:, -1].tolist() == [False] * 4 + [True] * 4
    assert values[4:, -1, 0].tolist() == [0, 0, 0, 0], "the window [0, 2) ends at 2 s and counts until 4 s"
    assert seen["video"][[7]][1].sum() == 4, "2 s at two frames a second"


def test_all_windows_and_modalities_are_one_protocol(folder):
    data = embeddings.read(folder, {})
    made = {protocols.for_method(METHOD, data, settings, test_folds="loso").id for settings in SETTINGS}
    assert len(made) == 1


def test_the_version_follows_values(folder, tmp_path_factory):
    """Not the order of recordings, the separator, the decimal mark or trailing zeros."""
    first = embeddings.read(folder, {}).version
    other = tmp_path_factory.mktemp("other")
    cells = frames()
    body = [*cells[17:], *cells[1:17]]
    dressed = [[c.replace(".", ",") if i > 0 else c for i, c in enumerate(row)] for row in body]
    write(other / "video.csv", [cells[0], *dressed], ";")
    for window in (1, 2):
        write(other / f"audio_{window}s.csv", audio(window))
    (other / "embeddings.toml").write_text('[frames]\nfile = "video.csv"\nseparator = ";"\ndecimal = ","\n')
    assert embeddings.read(other, {}).version == first
    write(folder / "audio_2s.csv", changed(audio(2), 1, "pitch", "9"))
    assert embeddings.read(folder, {}).version != first


def test_toml_names_files_columns_scale_and_persons(folder):
    cells = frames()
    cells[0] = ["'name'", "ms", "V", "A", "a", "b", "unused"]
    cells[1:] = [
        [f"'{r[0].split('/')[0]}'", f"{1000 * float(r[1]):g}", "5", "-10", r[4], r[5], r[6]] for r in cells[1:]
    ]
    write(folder / "rows.csv", cells, "|")
    write(folder / "sound.csv", audio(2))
    toml = folder / "mine.toml"
    toml.write_text(
        r"""
        person = '^(?P<person>[a-z]+)_'
        [frames]
        file = "rows.csv"
        separator = "|"
        quote = "'"
        path = "name"
        recording = '^(?P<recording>.+)$'
        time = "ms"
        time_unit = "ms"
        valence = "V"
        arousal = "A"
        scale = [-10, 10]
        features = ["b", "a"]
        [audio]
        file = "sound.csv"
        features = "pit"
        """
    )
    data = embeddings.read(toml, {})
    assert np.unique(data.group).tolist() == ["anna", "ben"]
    assert (data.group_kind, data.persons_known) == ("person", True)
    assert set(data.blocks) == {"video", "va", "audio"}
    assert data.blocks["video"].columns == ("b", "a")
    assert data.blocks["va"].values[0].tolist() == [0.5, -1.0]
    assert data.blocks["audio"].columns == ("pitch",)
    assert data.time[1] == 0.5
    assert data.summary["ignored_columns"] == ["unused"]


def test_one_csv_file_is_frames_alone_and_says_so(folder):
    data = embeddings.read(folder / "frames.csv", {})
    assert set(data.blocks) == {"video", "va"}
    assert "audio_1s.csv, audio_2s.csv: not read" in " ".join(data.summary["notes"])


def test_frames_without_label_are_unlabelled(folder):
    cells = changed(changed(frames(), 3, "valence", ""), 4, "arousal", "NaN")
    cells = changed(cells, 3, "arousal", "")
    write(folder / "frames.csv", cells)
    data = embeddings.read(folder, {})
    assert np.isnan(data.blocks["va"].values).any(axis=1).tolist()[:5] == [False, False, True, True, False]
    assert data.summary["labelled"] == 22
    assert "1 frame with only one of valence and arousal, taken as unlabelled" in notes(folder)


def test_new_recordings_need_no_labels(folder):
    write(folder / "frames.csv", [[*row[:2], *row[4:]] for row in frames()])
    new = embeddings.read_inputs(folder, ("video", "audio"), {})
    assert len(new) == 24
    assert set(new.blocks) == {"video", "audio_1s", "audio_2s"}
    assert new.names["path"][1] == "anna_1/00001.png"
    assert new.names["timestamp"][1] == "0.5"
    sound = embeddings.read_inputs(folder, ("audio",), {})
    assert len(sound) == 24, "samples are the frames for a method of audio alone too"
    assert set(sound.blocks) == {"audio_1s", "audio_2s"}


def test_a_method_of_audio_needs_a_file_of_it(folder):
    for file in folder.glob("audio*"):
        file.unlink()
    with pytest.raises(UserError, match=r"takes audio, and there is no audio\.csv"):
        embeddings.read_inputs(folder, ("video", "audio"), {})


# ---------------------------------------------------------------------------------------- what does not match, is said


def test_recordings_in_one_file_only_are_counted_and_named(folder):
    write(folder / "audio_1s.csv", audio(1, ("anna_1", "ben_1", "carl_1")))
    said = notes(folder)
    assert "audio_1s.csv: 1 recording (carl_1) not in frames.csv; 4 windows left out" in said
    assert "frames.csv: 1 recording (anna_2) not in audio_1s.csv; 8 frames without audio" in said
    data = embeddings.read(folder, {})
    assert np.unique(data.blocks["audio_1s"].stream.sequence).tolist() == ["anna_1", "ben_1"]
    counts = data.summary["audio"]["audio_1s"]
    assert counts["recordings_without_video"] == ["carl_1"]
    assert counts["recordings_without_audio"] == ["anna_2"]
    assert counts["frames_without_audio"] == 8 + 2 * 2


def test_audio_windows_without_video_are_counted_and_the_first_named(folder):
    write(folder / "audio_2s.csv", audio(2, seconds=8))
    said = notes(folder)
    assert "audio_2s.csv: 6 of 12 windows without a video frame, the first on line 4 (anna_1, 4 … 6 s)" in said, said
    assert "audio_1s.csv: 0" not in said


def test_frames_before_the_first_window_and_in_gaps_are_counted(folder):
    cells = audio(1)
    del cells[3]  # anna_1, 2 … 3 s
    write(folder / "audio_1s.csv", cells)
    assert (
        "audio_1s: 6 of 24 frames before the first window of their recording ends, 2 more without a window that ended "
        "in the 1 s before them" in notes(folder)
    )


def test_empty_and_constant_columns_are_named(folder):
    cells = [[*row, *more] for row, more in zip(frames(), [["emb_3", "emb_4"], *[["", "7"]] * 24], strict=True)]
    write(folder / "frames.csv", cells)
    data = embeddings.read(folder, {})
    assert data.blocks["video"].columns == ("emb_0", "emb_1", "emb_2", "emb_4")
    assert data.summary["empty_columns"] == ["emb_3"]
    assert data.summary["constant_features"] == ["emb_4"]
    assert "frames.csv: 1 column without any number left out: emb_3" in notes(folder)
    assert "frames.csv: constant, so that nothing can be learnt from it: emb_4" in notes(folder)


def test_frames_without_any_embedding_are_left_out_and_counted(folder):
    cells = frames()
    for column in ("emb_0", "emb_1", "emb_2"):
        cells = changed(cells, 5, column, "")
    write(folder / "frames.csv", cells)
    data = embeddings.read(folder, {})
    assert len(data.sample) == 23
    assert data.summary["skipped"] == 1
    assert "frames.csv: 1 row without any feature left out, the first of anna_1 at 2 s" in notes(folder)
    assert data.blocks["va"].values[4, 1] == pytest.approx(-0.25), "labels stay with their frames"


def test_another_frame_rate_and_gaps_are_said(folder):
    cells = frames()
    slow = [[*row[:1], f"{2 * float(row[1])}", *row[2:]] for row in cells[17:]]
    del cells[4]
    write(folder / "frames.csv", [*cells[:16], *slow])
    said = notes(folder)
    assert "2 frames a second" in said
    assert "1 recording (ben_1) of another frame rate" in said
    assert "1 gap between frames of a recording" in said


# ---------------------------------------------------------------------------------------------------------- bad files


def test_missing_embeddings_name_what_is_there(folder, complaint):
    write(folder / "frames.csv", [[*row[:4], *row[5:]] for row in frames(emb=1)])
    said = complaint()
    assert said.startswith("FOLDER/frames.csv, line 1: expected column 'emb_0'")
    assert "found path, timestamp, valence, arousal" in said


def test_a_gap_in_the_numbers_is_named(folder, complaint):
    write(folder / "frames.csv", [[*row[:5], *row[6:]] for row in frames()])
    assert complaint() == (
        "FOLDER/frames.csv, line 1: expected columns emb_0 … emb_2 without a gap, found 2 of them; missing: emb_1"
    )


def test_columns_are_in_the_order_of_their_numbers(folder):
    cells = frames(emb=11)
    write(folder / "frames.csv", [[*row[:4], *reversed(row[4:])] for row in cells])
    assert embeddings.read(folder, {}).blocks["video"].columns == tuple(f"emb_{i}" for i in range(11))


def test_times_that_do_not_rise_are_named_with_both_lines(folder, complaint):
    write(folder / "frames.csv", changed(frames(), 4, "timestamp", "0.2"))
    assert complaint() == (
        "FOLDER/frames.csv, line 5, column timestamp: expected times of anna_1 in rising order, later than 1 s on "
        "line 4, found '0.2'"
    )
    write(folder / "frames.csv", changed(frames(), 4, "timestamp", "1.0"))
    assert "line 5, column timestamp: expected each time of anna_1 once, later than 1 s on line 4" in complaint()


def test_windows_that_repeat_or_run_backwards_are_named(folder, complaint):
    write(folder / "audio_1s.csv", [*audio(1), audio(1)[2]])
    assert "audio_1s.csv, line 14, column end: expected times of anna_1 in rising order" in complaint()
    write(folder / "audio_1s.csv", changed(audio(1), 2, "start", "2"))
    assert complaint() == "FOLDER/audio_1s.csv, line 3, column end: expected an end after the start 2, found '2'"


def test_windows_longer_than_their_files_name_are_refused(folder, complaint):
    write(folder / "audio_1s.csv", audio(2))
    assert complaint().startswith(
        "FOLDER/audio_1s.csv, line 2, column end: expected 1 or less, since windows of this file are 1 s long, "
        "found '2'"
    )


def test_labels_on_another_scale_are_refused_with_the_line_to_write(folder, complaint):
    write(folder / "frames.csv", changed(frames(), 2, "valence", "-7"))
    assert complaint() == (
        "FOLDER/frames.csv, line 3, column valence: expected a number in [-1, 1] (labels are -7 … 0.2: write their "
        "scale, such as scale = [-10, 10], under [frames] in embeddings.toml beside the file), found '-7'"
    )
    (folder / "embeddings.toml").write_text("[frames]\nscale = [-10, 10]\n")
    assert embeddings.read(folder, {}).blocks["va"].values[1, 0] == pytest.approx(-0.7)


def test_labels_outside_the_declared_scale_are_refused(folder, complaint):
    (folder / "embeddings.toml").write_text("[frames]\nscale = [-1, 5]\n")
    write(folder / "frames.csv", changed(frames(), 2, "valence", "5.5"))
    assert complaint() == (
        "FOLDER/frames.csv, line 3, column valence: expected a number in [-1, 5], the scale that "
        "FOLDER/embeddings.toml declares, found '5.5'"
    )


def test_files_without_a_common_recording_are_refused_with_a_name_of_each(folder, complaint):
    write(folder / "audio_1s.csv", audio(1, ("rec_anna_1",)))
    assert complaint().startswith(
        "FOLDER/audio_1s.csv: no recording of it is in frames.csv; found 'rec_anna_1' here and 'anna_1' there"
    )


def test_times_in_milliseconds_are_found(folder, complaint):
    (folder / "audio_2s.csv").unlink()
    (folder / "audio_1s.csv").unlink()
    head, *rows = audio(1)
    write(folder / "audio.csv", [head, *([row[0], f"{row[1]}000", f"{row[2]}000", *row[3:]] for row in rows)])
    assert complaint() == (
        "FOLDER/audio.csv: no window goes with a frame; of anna_1, windows are from 0 to 4000 s, and frames of "
        'frames.csv from 0 to 3.5 s. Times in milliseconds are read with time_unit = "ms" in a TOML file'
    )
    (folder / "embeddings.toml").write_text('[audio]\ntime_unit = "ms"\n')
    assert embeddings.read(folder, {}).blocks["audio"].stream.end[:4].tolist() == [1, 2, 3, 4]


def test_another_separator_and_decimal_mark_are_named_with_the_line_to_write(folder, complaint):
    write(folder / "frames.csv", [[c.replace(".", ",") for c in row] for row in frames()], ";")
    assert complaint() == (
        "FOLDER/frames.csv, line 1: expected columns separated by commas and a decimal point, found semicolons (';') "
        "and numbers with a decimal comma ('0,0') (or, where all of it is written so, separator = \";\" and decimal = "
        '"," under [frames] in embeddings.toml beside the file)'
    )
    (folder / "embeddings.toml").write_text('[frames]\nseparator = ";"\n')
    assert "line 2, column timestamp: expected a number with a decimal point (or, where all of it" in complaint()
    (folder / "embeddings.toml").write_text('[frames]\nseparator = "|"\n')
    assert "expected columns separated by vertical bars and a decimal point, found semicolons (';')" in complaint()


def test_names_in_undeclared_quotes_are_found(folder, complaint):
    write(folder / "frames.csv", [frames()[0], *([f"'{row[0]}'", *row[1:]] for row in frames()[1:])])
    assert 'line 2, column path: expected a name without quotes (quote = "\'" under [frames]' in complaint()


def test_a_path_without_a_recording_is_named(folder, complaint):
    write(folder / "frames.csv", changed(frames(), 3, "path", "00002.png"))
    said = complaint()
    assert said.startswith("FOLDER/frames.csv, line 4, column path: expected a name in which")
    assert said.endswith("found '00002.png'")


def test_a_row_with_some_features_is_refused(folder, complaint):
    write(folder / "frames.csv", changed(frames(), 3, "emb_1", ""))
    assert complaint() == (
        "FOLDER/frames.csv, line 4, column emb_1: expected a number, or no feature at all in the row, found ''"
    )


def test_a_column_that_is_no_feature_is_named_with_the_way_out(folder, complaint):
    write(folder / "audio_1s.csv", [[*row, "speaker" if i == 0 else "anna"] for i, row in enumerate(audio(1))])
    said = complaint()
    assert "audio_1s.csv, line 2, column speaker: expected a number, found 'anna'" in said
    assert "features = […] under [audio]" in said


def test_a_negative_time_is_refused(folder, complaint):
    write(folder / "frames.csv", changed(frames(), 1, "timestamp", "-0.5"))
    assert "line 2, column timestamp: expected a time from the recording's beginning, found '-0.5'" in complaint()


def test_a_person_rule_that_finds_nobody_names_the_recording(folder, complaint):
    (folder / "embeddings.toml").write_text("person = '^(?P<person>anna)'\n")
    assert "person: expected a rule that finds a person in each recording's name, found none in 'ben_1'" in complaint()


@pytest.mark.parametrize("axis", ["valence", "arousal"])
def test_labels_are_needed_to_learn(folder, complaint, axis):
    cells = frames()
    cells[0][cells[0].index(axis)] = axis[:-1]
    write(folder / "frames.csv", cells)
    assert f"expected column {axis!r} (nearest: {axis[:-1]!r})" in complaint()
